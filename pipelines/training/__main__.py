"""python -m pipelines.training cnn mnist5k --home DIR [--preset cpu] [--set plan.steps=100 …] [--run ID]
python -m pipelines.training assets/recipes/starter-poems.json --home DIR [--export FOLDER]

Trains a model from a script, or goes on with a run; it comes to stand in DIR/models. SIGTERM or Ctrl-C ends it after a
checkpoint. A recipe names trainer, data set and settings, and has one run in DIR: called again, it goes on. `--export` writes
the finished model in half precision, as starters are shipped. Starts no studio, and may run beside one.

Under `accelerate launch --multi_gpu --num_processes N -m pipelines.training …` N processes train it together, on one machine or on
several; the first one alone prints and writes (ranks.py).
"""

import argparse
import fcntl
import hashlib
import json
import signal
import sys
import threading
import uuid
from pathlib import Path
from typing import Literal

from pipelines.errors.base import StudioError
from pipelines.errors.training import RankLost, RunAtWork
from pipelines.training.half_precision import copy_in_half
from pipelines.training.ranks import launched
from pipelines.training.run import Uninterrupted, run
from pipelines.types.events import Event
from pipelines.types.training import Metrics, Setting, TrainRequest


class Signalled(Uninterrupted):
    """Stops after a checkpoint when the process is asked to end."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._hear)

    def _hear(self, number: int, _: object) -> None:
        signal.signal(number, signal.SIG_IGN)  # first: a second one within `set` would wait for its lock for ever
        self._stopping.set()

    def is_stopping(self) -> Literal["", "save", "cancel"]:
        return "save" if self._stopping.is_set() else ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m pipelines.training", description="Train a model.")
    parser.add_argument("trainer", help="or a recipe, a file that ends in .json")
    parser.add_argument("dataset", nargs="?", default="")
    parser.add_argument("--home", type=Path, required=True, help="where runs/ and models/ are")
    parser.add_argument("--preset", choices=("cpu", "gpu"), default="")
    parser.add_argument("--model", default="", help="the base, for a trainer that goes on from one")
    parser.add_argument("--name", default="")
    parser.add_argument("--run", default="", help="the id of the run to go on with")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting of the trainer")
    parser.add_argument("--export", type=Path, help="a folder for the finished model in half precision")
    options = parser.parse_args()
    request, (rank, size) = _request(options), launched()
    folder = options.home / "runs" / request.run
    if rank > 0:
        return _follow(request, folder)
    if size > 1:
        print(f"{size} processes: a step has a batch of each, or its part of plan.accumulation", flush=True)  # noqa: T201
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with (folder / "lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise RunAtWork() from error
            result = run(request, folder, _say, Signalled())
            if options.export and result.model:
                copy_in_half(options.home / "models" / result.model, options.export)
    except StudioError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    print(json.dumps({"run": result.run, "model": result.model, "metrics": result.metrics}))  # noqa: T201
    return 0


def _follow(request: TrainRequest, folder: Path) -> int:
    """As one of several processes but the first: what is wrong with all of them, that one tells."""
    try:
        run(request, folder, commands=Signalled())
    except StudioError as error:
        if isinstance(error, RankLost):
            print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _request(options: argparse.Namespace) -> TrainRequest:
    """What the command line asks for; a recipe's run is named after the recipe, so that the same command goes on with it."""
    if options.trainer.endswith(".json"):
        recipe = json.loads(Path(options.trainer).read_text(encoding="utf-8"))
        run_id = options.run or hashlib.sha256(Path(options.trainer).stem.encode()).hexdigest()[:32]
        return TrainRequest(**recipe, run=run_id)
    return TrainRequest(
        trainer=options.trainer,
        dataset=options.dataset,
        settings=dict(map(_setting, options.set)),
        preset=options.preset,
        model=options.model,
        name=options.name,
        run=options.run or uuid.uuid4().hex,
    )


def _setting(text: str) -> tuple[str, Setting]:
    """A number or true / false as JSON has them; else text."""
    name, _, value = text.partition("=")
    try:
        read = json.loads(value)
    except ValueError:
        read = value
    return name, read if isinstance(read, str | int | float | bool) else value


def _say(event: Event) -> None:
    if isinstance(event, Metrics):
        words = "  ".join(f"{name} {value:.4g}" for name, value in event.values.items())
        print(f"{event.step}/{event.total}  {words}", flush=True)  # noqa: T201


if __name__ == "__main__":
    raise SystemExit(main())
