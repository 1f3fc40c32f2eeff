"""python -m studio.jobs.examples --dataset NAME --folder DIR: what is in a data set, small enough for a page.

    DIR/<name>.png    some of its pictures side by side
    DIR/<name>.json   {"count", "held_out", "classes", "texts", "sounds"?: [[name, FLAC as base64] …]}; written last

Reading a data set needs torch, so it is done in a process of its own; the server only looks at the files. A data set never
changes, so once is enough. What cannot be read is told as JSON on standard output, with exit code 1.
"""

import argparse
import base64
import io
import json
from pathlib import Path

from pipelines.errors.base import StudioError
from pipelines.loading.placement.devices import wait_asleep
from pipelines.loading.starter import default_cache_folder
from pipelines.sound.files import to_bytes
from pipelines.training.data import Concepts, LabelledTexts, Pictures, Sounds, Texts, find_datasets
from pipelines.training.pictures import sheet, to_model
from pipelines.types.sound import Wave
from studio.files import write_whole

PICTURES, COLUMNS = 48, 12
TEXTS, CHARACTERS = 3, 160
SOUNDS = 8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, choices=sorted(find_datasets()))
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    wait_asleep()
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        dataset = find_datasets()[options.dataset]
        data = getattr(dataset, "look", dataset.load)(default_cache_folder() / "packages")
    except StudioError as error:
        print(json.dumps(error.to_json()))  # noqa: T201
        return 1
    picture = options.folder / f"{options.dataset}.png"
    if isinstance(data, Concepts):
        facts = _concepts(data, picture)
    elif isinstance(data, Sounds):
        facts = _sounds(data)
    else:
        facts = _pictures(data, picture) if isinstance(data, Pictures) else _texts(data)
    write_whole(options.folder / f"{options.dataset}.json", json.dumps(facts, ensure_ascii=False).encode())
    return 0


def _pictures(data: Pictures, path: Path) -> dict:
    places = [place * len(data.pictures) // PICTURES for place in range(PICTURES)]
    file = io.BytesIO()
    sheet(to_model(data.pictures[places]), COLUMNS).save(file, "PNG")
    write_whole(path, file.getvalue())
    return {"count": len(data.pictures), "held_out": len(data.held_out), "classes": len(data.names), "texts": []}


def _concepts(data: Concepts, path: Path) -> dict:
    """Pictures on white, and what some of them are called."""
    chosen = data.pictures[[place * len(data.pictures) // PICTURES for place in range(PICTURES)]].float() / 255
    file = io.BytesIO()
    sheet((chosen[:, :3] * chosen[:, 3:] + 1 - chosen[:, 3:]) * 2 - 1, COLUMNS).save(file, "PNG")
    write_whole(path, file.getvalue())
    named = [" · ".join(data.names[place * len(data.names) // TEXTS])[:CHARACTERS] for place in range(TEXTS)]
    return {"count": len(data.pictures), "held_out": 0, "classes": 0, "texts": named}


def _texts(data: Texts) -> dict:
    places = [place * len(data.texts) // TEXTS for place in range(TEXTS)]
    texts = [data.texts[place].strip()[:CHARACTERS] for place in places]
    classes = len(data.names) if isinstance(data, LabelledTexts) else 0
    return {"count": len(data.texts), "held_out": len(data.held_out), "classes": classes, "texts": texts}


def _sounds(data: Sounds) -> dict:
    """One of each of the first classes, to be heard."""
    heard = []
    for label, name in list(enumerate(data.names))[:SOUNDS]:
        wave = Wave(data.sounds[data.labels.index(label)].numpy(), data.sampling_rate)
        heard.append([name, base64.b64encode(to_bytes(wave, "flac")).decode()])
    counts = {"count": len(data.sounds), "held_out": len(data.held_out), "classes": len(data.names)}
    return {**counts, "texts": [], "sounds": heard}


if __name__ == "__main__":
    raise SystemExit(main())
