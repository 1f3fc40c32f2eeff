"""A script as a person writes it, and the scenes that it means. Knows no gradio.

[fox]                       what is seen; made of the words where the line is missing
A fox looked at the moon.   what is said
                            an empty line: the next scene
[rocket; take 2]            another picture of the same words
It flew away.

[picture 3f…]               a picture of the library, by its id
"""

import re
from collections.abc import Sequence

from pipelines.types.film import Scene

BETWEEN = re.compile(r"\n[ \t\u3000]*\n+")
SEEN = re.compile(r"[\[［【](?P<seen>[^\]］】\n]*)[\]］】][ \t\u3000]*(?:\n|$)")
TAKE = re.compile(r"\s*[;；]\s*take\s*(?P<number>[0-9]{1,6})\s*$", re.IGNORECASE)
PICTURE = re.compile(r"picture\s+(?P<id>[0-9a-f]{32})")


def scenes_of(script: str) -> tuple[Scene, ...]:
    """Of an empty script none."""
    parts = BETWEEN.split(script.replace("\r\n", "\n").strip())
    return tuple(_scene(part.strip()) for part in parts if part.strip())


def script_of(scenes: Sequence[Scene]) -> str:
    """The script that `scenes_of` reads as these scenes."""
    return "\n\n".join("\n".join(filter(None, (_seen(scene), _said(scene)))) for scene in scenes)


def _scene(part: str) -> Scene:
    found = SEEN.match(part)
    if found is None:
        return Scene(part)
    seen, text = found["seen"].strip(), part[found.end() :].strip()
    picture = PICTURE.fullmatch(seen)
    if picture is not None:
        return Scene(text, picture=picture["id"])
    take = TAKE.search(seen)
    if take is None:
        return Scene(text, seen)
    return Scene(text, seen[: take.start()].strip(), int(take["number"]))


def _seen(scene: Scene) -> str:
    if scene.picture:
        return f"[picture {scene.picture}]"
    prompt = " ".join(re.sub(r"[\[\]［］【】]", " ", scene.prompt).split())
    take = f"; take {scene.take}" if scene.take > 1 else ""
    return f"[{prompt}{take}]" if prompt or take else ""


def _said(scene: Scene) -> str:
    """Without empty lines, which would begin another scene."""
    return BETWEEN.sub("\n", scene.text.strip())
