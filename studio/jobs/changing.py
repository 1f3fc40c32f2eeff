"""python -m studio.jobs.changing --folder DIR: some examples of a data set before and after the changes that a training would make.

Reads the request of a training as JSON from standard input; DIR is where people's data sets lie. Writes {"pictures": [png, png]} ·
{"texts": [[before, after] …]} · {"sounds": [[flac, flac] …]}, bytes as base64, or an error with exit code 1, to standard output.
A process of its own, because reading a data set needs torch.
"""

import argparse
import base64
import io
import json
import sys
from pathlib import Path
from typing import Any

from pipelines.errors.base import StudioError
from pipelines.errors.training import DataTooLarge
from pipelines.loading.memory.measure import bound_growth, free_bytes
from pipelines.loading.placement.devices import wait_asleep
from pipelines.loading.starter import default_cache_folder
from pipelines.sound.files import to_bytes
from pipelines.training.augmentation import pictures, sounds, texts
from pipelines.training.data import LabelledTexts, Pictures, Sounds
from pipelines.training.order import order_of
from pipelines.training.pictures import resized, sheet, to_model
from pipelines.types.crossing import from_json
from pipelines.types.sound import Wave

PICTURES, COLUMNS, SIDE = 16, 8, 64
TEXTS, CHARACTERS = 4, 240
SOUNDS, SECONDS = 2, 4.0
MOST_BYTES = 6_000_000_000  # of memory


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    wait_asleep()
    bound_growth(min(MOST_BYTES, free_bytes("ram") // 2))
    try:
        order = order_of(from_json("request", json.load(sys.stdin)), options.folder)
        data = order.dataset.load(default_cache_folder() / "packages")
        found = changes(data, order.settings)
    except (StudioError, MemoryError) as error:
        told = error if isinstance(error, StudioError) else DataTooLarge()
        print(json.dumps(told.to_json()))  # noqa: T201
        return 1
    print(json.dumps(found))  # noqa: T201
    return 0


def changes(data: Any, settings: Any) -> dict[str, list]:
    """{} for data of which nothing is changed."""
    import torch

    torch.manual_seed(settings.plan.seed)
    if isinstance(data, Pictures):
        some = to_model(data.pictures[_spread(len(data.pictures), PICTURES)])
        some = resized(some, max(SIDE, some.shape[-1]))
        after = pictures.augmented(some, settings.augment, data.background / 127.5 - 1)
        return {"pictures": [_png(some), _png(after)]}
    if isinstance(data, LabelledTexts):
        before = [data.texts[place][:CHARACTERS] for place in _spread(len(data.texts), TEXTS)]
        return {"texts": [list(pair) for pair in zip(before, texts.augmented(before, settings.augment), strict=True)]}
    if isinstance(data, Sounds):
        heard = [data.sounds[place] for place in _spread(len(data.sounds), SOUNDS)]
        heard = [one[: int(SECONDS * data.sampling_rate)] for one in heard]
        return {
            "sounds": [
                [_flac(one, data.sampling_rate) for one in (sound, sounds.augmented(sound, settings.augment))]
                for sound in heard
            ]
        }
    return {}


def _spread(count: int, most: int) -> list[int]:
    """Places from all over."""
    return [place * count // min(most, count) for place in range(min(most, count))]


def _png(some: Any) -> str:
    file = io.BytesIO()
    sheet(some, COLUMNS).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def _flac(sound: Any, sampling_rate: int) -> str:
    return base64.b64encode(to_bytes(Wave(sound.numpy(), sampling_rate), "flac")).decode()


if __name__ == "__main__":
    raise SystemExit(main())
