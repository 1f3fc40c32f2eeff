"""python -m studio.jobs.examples --dataset NAME --folder DIR: what is in a data set, small enough for a page.

    DIR/<name>.png    some of its pictures side by side
    DIR/<name>.json   {"count", "held_out", "classes", "texts"}; written last

Reading a data set needs torch, so it is done in a process of its own; the server only looks at the files. A data set never
changes, so once is enough. What cannot be read is told as JSON on standard output, with exit code 1.
"""

import argparse
import io
import json
from pathlib import Path

from pipelines.errors.base import StudioError
from pipelines.loading.placement.devices import wait_asleep
from pipelines.loading.starter import default_cache_folder
from pipelines.training.data import Pictures, Texts, find_datasets
from pipelines.training.pictures import sheet, to_model
from studio.files import write_whole

PICTURES, COLUMNS = 48, 12
TEXTS, CHARACTERS = 3, 160


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", required=True, choices=sorted(find_datasets()))
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    wait_asleep()
    options.folder.mkdir(parents=True, exist_ok=True)
    try:
        data = find_datasets()[options.dataset].load(default_cache_folder() / "packages")
    except StudioError as error:
        print(json.dumps(error.to_json()))  # noqa: T201
        return 1
    facts = _pictures(data, options.folder / f"{options.dataset}.png") if isinstance(data, Pictures) else _texts(data)
    write_whole(options.folder / f"{options.dataset}.json", json.dumps(facts, ensure_ascii=False).encode())
    return 0


def _pictures(data: Pictures, path: Path) -> dict:
    places = [place * len(data.pictures) // PICTURES for place in range(PICTURES)]
    file = io.BytesIO()
    sheet(to_model(data.pictures[places]), COLUMNS).save(file, "PNG")
    write_whole(path, file.getvalue())
    return {"count": len(data.pictures), "held_out": len(data.held_out), "classes": len(data.names), "texts": []}


def _texts(data: Texts) -> dict:
    places = [place * len(data.texts) // TEXTS for place in range(TEXTS)]
    texts = [data.texts[place].strip()[:CHARACTERS] for place in places]
    return {"count": len(data.texts), "held_out": len(data.held_out), "classes": 0, "texts": texts}


if __name__ == "__main__":
    raise SystemExit(main())
