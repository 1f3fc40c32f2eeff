"""What the doctor of data sets finds: forty seeded defects, and how many alarms clean data raise. `make prove`.

Clean are made sets of every kind, and three real ones as a person would bring them: Python's language reference, docstrings of
six libraries, and handwritten digits as pictures.
"""

import io
import json
import time
import zipfile
from pathlib import Path

from PIL import Image

from pipelines.training.data import find_datasets
from pipelines.training.uploads.doctor import examine
from pipelines.training.uploads.reading import File
from tests.bench.record import record
from tests.pipelines.training.uploads.seeded import SEEDED, false_alarms, is_found

PICTURES = 500


def main() -> None:
    started = time.perf_counter()
    found = [one.name for one in SEEDED if is_found(one)]
    alarms, rows = false_alarms()
    figures: dict[str, object] = {
        "seeded defects": len(SEEDED),
        "found with file and row": len(found),
        "not found": ", ".join(one.name for one in SEEDED if one.name not in found),
        "rows of made clean sets": rows,
        "alarms on made clean sets": alarms,
    }
    for name, files in (("language reference", _texts()), ("docstrings", _labelled()), ("digits", _pictures())):
        examined = examine(files)
        rows += len(examined.examples)
        alarms += len(examined.defects)
        figures[f"rows of {name}"] = len(examined.examples)
        figures[f"alarms on {name}"] = len(examined.defects)
    figures["share of false alarms"] = alarms / rows
    figures["seconds"] = round(time.perf_counter() - started, 1)
    print(record("doctor", figures))


def _texts() -> list[File]:
    data = find_datasets()["python_docs"].load(Path("unused"))
    return [("reference.jsonl", _lines([{"text": text} for text in (*data.texts, *data.held_out)]))]


def _labelled() -> list[File]:
    data = find_datasets()["docstrings"].load(Path("unused"))
    rows = [{"text": text, "label": data.names[label]} for text, label in zip(data.texts, data.labels, strict=True)]
    return [("docstrings.jsonl", _lines(rows))]


def _lines(rows: list[dict]) -> bytes:
    return "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()


def _pictures() -> list[File]:
    data = find_datasets()["digits"].load(Path("unused"))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for number, (pixels, label) in enumerate(zip(data.pictures[:PICTURES], data.labels.tolist(), strict=False)):
            png = io.BytesIO()
            Image.fromarray(pixels[0].numpy()).resize((32, 32)).save(png, "PNG")
            archive.writestr(f"{data.names[label]}/{number}.png", png.getvalue())
    return [("digits.zip", file.getvalue())]


if __name__ == "__main__":
    main()
