"""What a person made, as files that a data set is made of: pictures and sounds with what was asked for as captions, texts as rows.

Only what the library keeps is there: nothing private, nothing deleted.
"""

import json
import shutil
from pathlib import Path
from typing import Literal, get_args

from pipelines.errors.access import NotFound
from pipelines.errors.training import NothingInLibrary
from pipelines.training.uploads.own import LEAST_OF_A_SIDE
from pipelines.training.uploads.reading import MOST_BYTES, MOST_PICTURES
from studio.library.creations import Creation, Creations

Works = Literal["image", "text", "sound"]
WORKS: tuple[Works, ...] = get_args(Works)
PAGE = 200


def works(creations: Creations, owner: str, kind: Works, into: Path, *, only_starred: bool) -> list[tuple[str, Path]]:
    """(name, place) of each file; those that are written lie in the folder `into`. The newest first, as many as are read.

    Raises NothingInLibrary where there are too few.
    """
    found = _all(creations, owner, kind, only_starred=only_starred)
    files: list[tuple[str, Path]] = []
    rows: list[dict[str, str]] = []
    size = 0
    for creation in found:
        try:
            path = creations.path(owner, creation.id)
            size += path.stat().st_size
            if size > MOST_BYTES:
                break
            if kind == "text":
                rows.append({"text": creations.text(owner, creation.id).strip()})
                continue
            copy = into / f"{creation.id}{path.suffix}"
            shutil.copyfile(path, copy)  # it may be deleted meanwhile
        except (NotFound, FileNotFoundError):
            continue
        files.append((copy.name, copy))
        if said := _asked(creation):
            rows.append({"file_name": copy.name, "text": said})
    if (count := len(rows) if kind == "text" else len(files)) < (least := 2 * LEAST_OF_A_SIDE):
        raise NothingInLibrary(count=count, least=least)
    if rows:
        told = into / "metadata.jsonl"
        told.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8", "replace")
        files.append((told.name, told))
    return files


def _all(creations: Creations, owner: str, kind: Works, *, only_starred: bool) -> list[Creation]:
    found: list[Creation] = []
    number = 0
    while len(found) < MOST_PICTURES:
        page = creations.list(owner, kind=kind, only_starred=only_starred, page=number, size=PAGE)
        found += [item.creation for item in page.items]
        number += 1
        if number >= page.pages:
            break
    return found[:MOST_PICTURES]


def _asked(creation: Creation) -> str:
    """What a person asked for when it was made: the prompt of a picture or of music, the text that was read."""
    request = creation.recipe.get("request", {})
    said = next((request[name] for name in ("prompt", "text", "title_text") if isinstance(request.get(name), str)), "")
    return said.strip()
