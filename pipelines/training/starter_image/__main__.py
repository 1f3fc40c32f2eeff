"""python -m pipelines.training.starter_image assets/recipes/starter-image.json --folder DIR [--export DIR]

Runs every stage of the recipe in DIR, or goes on where it was stopped. SIGTERM or Ctrl-C ends it after a checkpoint; it
also checkpoints every few minutes. `--export` instead writes the newest averaged weights as a model folder.
"""

import argparse
import signal
import threading
from pathlib import Path

from pipelines.training.starter_image.recipe import read_recipe


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.training.starter_image", description="Make the starter image model from its recipe."
    )
    parser.add_argument("recipe", type=Path)
    parser.add_argument("--folder", type=Path, required=True, help="where the run lives and is resumed from")
    parser.add_argument("--export", type=Path, metavar="DIR", help="write the model there instead of training")
    arguments = parser.parse_args()
    recipe = read_recipe(arguments.recipe)

    from pipelines.training.starter_image.stages import export, make

    if arguments.export:
        export(recipe, arguments.folder, arguments.export)
        return 0
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return 0 if make(recipe, arguments.folder, stopping.is_set) or stopping.is_set() else 1


if __name__ == "__main__":
    raise SystemExit(main())
