"""What each trainer learns in its two minutes, and whether a run that was stopped ends as one that was not. `make prove`

    python -m tests.bench.training [--only vae lstm …] [--skip-learning | --skip-resume]

Learning: the "cpu" preset on a packaged data set, in a process of its own, beside the trainer's baseline and its untrained
network: its metric has to be better than both by MARGIN of theirs. Resume: a short run is ended by SIGTERM at random steps and
gone on with in new processes, until it is done; its model must have the same weights, bit by bit, and its curve the same points,
as that of a run that was left alone. What was measured is written down after each trainer.
"""

import argparse
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipelines.training.data import find_datasets, serves
from pipelines.training.metrics import read_metrics
from pipelines.training.trainer import find_trainers
from tests.bench.record import record

ROOT = Path(__file__).parents[2]
MARGIN = 0.05
BASES = {"text-to-image": "openmoji-128", "chat": "smollm2-135m-instruct"}
DATASETS = {
    "pictures": "mnist5k",
    "labelled pictures": "mnist5k",
    "texts": "python_docs",
}  # of the others the first that suits
SHORT_STEPS, SHORT_STEPS_OF_A_BASE = 40, 6  # of the run that is stopped
STOPS = 2
SEED = 5
RUN = "0" * 32


def main() -> None:
    trainers = find_trainers()
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(trainers), default=sorted(trainers))
    parser.add_argument("--skip-learning", action="store_true")
    parser.add_argument("--skip-resume", action="store_true")
    options = parser.parse_args()
    figures: dict[str, float | int | str] = {}
    for name in options.only:
        with tempfile.TemporaryDirectory() as scratch:
            if not options.skip_learning:
                figures |= learning(name, Path(scratch))
            if not options.skip_resume:
                figures |= resume(name, Path(scratch))
        record("training", figures)


def learning(name: str, scratch: Path) -> dict[str, float | int | str]:
    trainer = find_trainers()[name]
    home, before = scratch / "learning", os.times()
    started = time.monotonic()
    answer = finish(start(name, home, {}))
    after = os.times()
    rows = read_metrics(home / "runs" / RUN / "metrics.jsonl")
    metric = trainer.METRIC
    trained, untrained = answer["metrics"][metric], rows[0][metric]
    baseline = answer["metrics"].get(f"baseline_{metric}", untrained)
    rival = (max if trainer.IS_BETTER == "higher" else min)(baseline, untrained)
    ahead = (trained - rival if trainer.IS_BETTER == "higher" else rival - trained) / abs(rival)
    return {
        f"{name}: {metric}": trained,
        f"{name}: {metric} of the baseline": baseline,
        f"{name}: {metric} untrained": untrained,
        f"{name}: better than both by, of the better one": ahead,
        f"{name}: better than both by the margin": int(ahead >= MARGIN),
        f"{name}: steps": rows[-1]["step"],
        f"{name}: seconds of training": rows[-1]["seconds"],
        f"{name}: seconds with start and end": time.monotonic() - started,
        f"{name}: CPU seconds": after.children_user
        + after.children_system
        - before.children_user
        - before.children_system,
    }


def resume(name: str, scratch: Path) -> dict[str, float | int | str]:
    # 1 Left alone
    steps = SHORT_STEPS_OF_A_BASE if find_trainers()[name].NEEDS_MODEL else SHORT_STEPS
    short = {"plan.steps": steps}
    whole = finish(start(name, scratch / "whole", short))

    # 2 Ended at random steps
    moments = sorted(random.Random(f"{SEED} {name}").sample(range(steps - 1), STOPS))
    reached: list[int] = []
    for moment in moments:
        process = start(name, scratch / "parts", short)
        assert process.stdout is not None
        for line in process.stdout:  # "<step>/<steps>  loss …"
            if (step := line.partition("/")[0]).isdigit() and int(step) >= moment:
                break
        process.send_signal(signal.SIGTERM)
        process.communicate()
        reached.append(read_metrics(scratch / "parts" / "runs" / RUN / "metrics.jsonl")[-1]["step"])
    parts = finish(start(name, scratch / "parts", short))

    # 3 The same bits, and every point once
    curves = [
        [{**row, "seconds": 0} for row in read_metrics(scratch / part / "runs" / RUN / "metrics.jsonl")]
        for part in ("whole", "parts")
    ]
    return {
        f"{name}: stopped at step": ", ".join(map(str, reached)),
        f"{name}: same weights after it": int(digest(scratch / "whole", whole) == digest(scratch / "parts", parts)),
        f"{name}: same curve after it": int(curves[0] == curves[1]),
    }


def start(name: str, home: Path, settings: dict[str, float]) -> subprocess.Popen[str]:
    trainer = find_trainers()[name]
    command = [sys.executable, "-m", "pipelines.training", name, dataset_of(name)]
    command += [
        "--home",
        str(home),
        "--run",
        RUN,
        "--preset",
        "cpu",
        "--model",
        next(base for task, base in BASES.items() if task in trainer.BASES) if trainer.NEEDS_MODEL else "",
    ]
    for setting, value in settings.items():
        command += ["--set", f"{setting}={value}"]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def dataset_of(name: str) -> str:
    trainer = find_trainers()[name]
    fitting = [dataset for dataset, module in find_datasets().items() if serves(module, trainer)]
    return DATASETS.get(trainer.DATA, fitting[0])


def finish(process: "subprocess.Popen[str]") -> dict:
    """What it said last: run, model, metrics."""
    said, _ = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"it ended with {process.returncode}")
    return json.loads(said.splitlines()[-1])


def digest(home: Path, answer: dict) -> str:
    """Of every tensor of the model. The files themselves differ: safetensors writes what it says of itself in any order."""
    from safetensors.numpy import load_file

    found, paths = hashlib.sha256(), sorted((home / "models" / answer["model"]).rglob("*.safetensors"))
    assert paths, "no weights to be compared"
    for path in paths:
        for name, values in sorted(load_file(path).items()):
            found.update(f"{path.name} {name} {values.dtype} {values.shape}".encode() + values.tobytes())
    return found.hexdigest()


if __name__ == "__main__":
    main()
