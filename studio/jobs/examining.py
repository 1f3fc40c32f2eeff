"""python -m studio.jobs.examining: files of a person become a data set, or a report of why not.

Reads {"files": [[name, path] …], "into": folder, "about": {…}, "left": [name …]} from standard input (`left` were too much to be
brought) and writes {"kept": bool, "count": n,
"defects": [first ones], "found": n} or {"error": …} to standard output. A process of its own, with bounds, because files of
strangers may cost any amount of time and memory.
"""

import json
import sys
from dataclasses import asdict, replace
from pathlib import Path

from pipelines.errors.training import DataTooLarge
from pipelines.loading.memory.measure import bound_growth, free_bytes
from pipelines.training.uploads.defects import Defect
from pipelines.training.uploads.doctor import examine
from pipelines.training.uploads.own import DEFECTS_KEPT, LEAST_OF_A_SIDE, write

MOST_BYTES = 4_000_000_000  # of memory


def main() -> None:
    asked = json.load(sys.stdin)
    bound_growth(min(MOST_BYTES, free_bytes("ram") // 2))
    try:
        examined = examine([(name, Path(path).read_bytes()) for name, path in asked["files"]])
        left = tuple(Defect("too_large", name) for name in asked["left"])
        examined = replace(examined, defects=(*left, *examined.defects))
        kept = len(examined.examples) >= 2 * LEAST_OF_A_SIDE
        if kept:
            write(Path(asked["into"]), examined, asked["about"])
    except MemoryError:
        print(json.dumps({"error": DataTooLarge().to_json()}))  # noqa: T201
        return
    told = {
        "kept": kept,
        "count": len(examined.examples),
        "found": len(examined.defects),
        "defects": [asdict(defect) for defect in examined.defects[:DEFECTS_KEPT]],
    }
    print(json.dumps(told))  # noqa: T201


if __name__ == "__main__":
    main()
