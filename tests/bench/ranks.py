"""Whether several processes train as one. `make prove`

    python -m tests.bench.ranks [--only vae dcgan …]

Every trainer without a base, on two processes that are stopped and resumed: both must hold the same bits, and where a step is made of
one batch or of several, the weights of one process that accumulates two. Then the commands that the page shows for two machines,
both on this one with a home each; and a run of the studio on two processes: stopped, resumed, one of them killed, nobody left behind.
"""

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

import psutil
import torch

from pipelines.training.average import carried
from pipelines.training.loop import train
from pipelines.training.trainer import accumulates, find_trainers
from pipelines.types.training import TrainRequest, TrainResult
from studio.jobs.launching import command
from studio.jobs.trainings import JOB_VARIABLE
from studio.services import Services
from studio.settings import Settings
from tests.bench.record import record
from tests.pipelines.training.short import SETTINGS
from tests.pipelines.training.tiny_course import Notes, Wishes
from tests.pipelines.training.two_ranks import start, train_together, weights
from tests.studio.jobs.conftest import ANN
from tests.studio.jobs.test_training import few_steps, until, until_it_learns, wait_for

ROOT = Path(__file__).parents[2]
ASKED = TrainRequest("vae", "digits", {"plan.steps": 6, "side": "8", "width": 16, "batch": 8}, "cpu")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(SETTINGS), default=sorted(SETTINGS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    figures: dict[str, float | int | str] = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        train_together(folder / "together", options.only)
        for name in options.only:
            figures |= compared(name, folder)
            print(json.dumps(figures, indent=1), flush=True)
        figures |= on_two_machines(folder / "machines")
        figures |= in_the_studio(folder / "home")
    print(record("ranks", figures))


def compared(name: str, folder: Path) -> dict[str, float | int | str]:
    one, other = (weights(folder / "together", name, rank) for rank in (0, 1))
    figures: dict[str, float | int | str] = {
        f"{name}: both hold the same bits": int(all(torch.equal(one[key], other[key]) for key in one))
    }
    if accumulates(find_trainers()[name]):
        course, plan = start(name, accumulation=2)
        train(course, plan, folder / "alone" / name, Notes(), Wishes())
        trained = {f"{key}/{inner}" for key, net in course.networks.items() for inner, _ in net.named_parameters()}
        alone = carried(course.networks)
        far = max((one[key] - alone[key]).abs().max().item() for key in alone.keys() & trained)
        figures[f"{name}: farthest weight from one process with two batches"] = far
    return figures


def on_two_machines(home: Path) -> dict[str, int]:
    """Only the first writes."""
    both = []
    for rank in (0, 1):
        words = shlex.split(command(ASKED, home / str(rank), 2, (rank, 2, "127.0.0.1")))
        assert words[:2] == ["accelerate", "launch"]
        both.append(subprocess.Popen([sys.executable, "-m", "accelerate.commands.launch", *words[2:]], cwd=ROOT))
    ended = [one.wait() for one in both]
    return {
        "two machines: both ended well": int(ended == [0, 0]),
        "two machines: the first has the model": len([*(home / "0" / "models").glob("*/model.json")]),
        "two machines: the second has written": int((home / "1").exists()),
    }


def in_the_studio(home: Path) -> dict[str, int]:
    # 1 Three processes are at work for it: the launcher and both that train
    services = Services(Settings(home=home, cache=Settings.from_environment([]).cache, training_processes=2))
    services.start()
    job = services.runs.start(ANN, few_steps(steps=100_000))
    until_it_learns(services, job)
    figures = {"studio: processes that train": sum("RANK" in one for one in environments(job.id).values())}

    # 2 Stop and save
    services.runs.stop(ANN, job.id, save=True)
    ended = until(services, job, lambda now: now.is_ended)
    assert isinstance(ended.result, TrainResult)
    run = services.runs.of_job(ANN, job.id)
    wait_for(lambda: not environments(job.id))
    figures["studio: saved at the step where it stopped"] = int(services.runs.checkpoint(run) == ended.result.step)

    # 3 It goes on; the second process is killed: all end, and no point of the curve is told twice
    again = services.runs.resume(ANN, run.id)
    figures["studio: went on behind it"] = int(until_it_learns(services, again).step > ended.result.step)
    (second,) = [pid for pid, environment in environments(again.id).items() if environment.get("RANK") == "1"]
    psutil.Process(second).kill()
    killed = until(services, again, lambda now: now.is_ended)
    wait_for(lambda: not environments(again.id))
    steps = [row["step"] for row in services.runs.curve(services.runs.get(ANN, run.id))]
    figures["studio: ended when one was killed, nobody left"] = int(killed.state in ("failed", "interrupted"))
    figures["studio: every point once"] = int(steps == sorted(set(steps)))
    services.close()
    return figures


def environments(job_id: str) -> dict[int, Mapping[str, str]]:
    """Of every living process of the job, by its id."""
    found: dict[int, Mapping[str, str]] = {}
    for process in psutil.process_iter():
        try:
            if process.status() != psutil.STATUS_ZOMBIE and process.environ().get(JOB_VARIABLE) == job_id:
                found[process.pid] = process.environ()
        except psutil.Error:
            continue
    return found


if __name__ == "__main__":
    main()
