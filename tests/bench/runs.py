"""Training runs as processes: how fast, how safe, how soon they stop. `python -m tests.bench.runs` (about seven minutes; `make prove`)

Throughput: the same training in pairs, as a job of a studio and as `python -m pipelines.training`, by the seconds that both write
down. Kills: the server by SIGKILL at random moments of two runs at once, and of a search for settings; a save of a checkpoint before each of
its lines. Ends: a run is stopped and saved, cancelled, killed, meets what nobody expects and a full disk, while another one trains beside it;
afterwards no process of it is left.
"""

import argparse
import json
import os
import random
import resource
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from http.client import IncompleteRead
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil

from pipelines.training import checkpoints
from pipelines.training.loop import EVALUATIONS, METRICS_EVERY_STEPS, MOST_POINTS, POINTS
from pipelines.training.metrics import read_metrics
from studio.identity import Identity
from studio.jobs.trainings import JOB_VARIABLE
from tests.bench.record import record
from tests.server import StudioServer

ROOT = Path(__file__).parents[2]
RUN = "0" * 32
FAST: dict[str, Any] = {"side": 16, "width": 4, "stages": 1, "batch": 8}
USUAL: dict[str, Any] = {"plan.steps": 240}  # of the CPU preset of the classifier
LONG = 200_000
ENDED = ("done", "failed", "cancelled", "interrupted")
PATIENCE_SECONDS = 300.0
LEAVING_SECONDS = 10.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    figures: dict[str, Any] = {"load of the machine": os.getloadavg()[0]}
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        figures |= saves(place / "saves")
        figures |= throughput(place, options.pairs)
        figures |= kills(place / "kills", options.kills, options.seed)
        figures |= studies(place / "studies", options.seed)
        figures |= ends(place / "ends")
    print(record("runs", figures))


# ── a studio, asked over HTTP ─────────────────────────────────────────────────────────────────────────────────────────


class Studio:
    """A real server, asked as a client asks it."""

    def __init__(self, home: Path) -> None:
        self.server = StudioServer(home)
        self._me = ""

    def start(self) -> "Studio":
        self.server.start(is_worker_awaited=not self._me)  # only after a kill every tenth of a second counts
        self._me = self._me or Identity.new_visitor()
        return self

    def ask(self, endpoint: str, *arguments: object) -> Any:
        """The answer of an endpoint."""
        where, token = f"{self.server.url}gradio_api/call/{endpoint}", Identity(self.server.home).api_token(self._me)
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        asked = Request(where, json.dumps({"data": arguments}).encode(), headers)  # 127.0.0.1
        with urlopen(asked) as answer:
            event = json.load(answer)["event_id"]
        with urlopen(Request(f"{where}/{event}", headers=headers)) as answer:
            kind, said = "", ""
            for line in answer.read().decode().splitlines():
                kind = line.removeprefix("event: ") if line.startswith("event: ") else kind
                said = line.removeprefix("data: ") if line.startswith("data: ") else said
        if kind != "complete":
            raise RuntimeError(f"{endpoint}: {said}")
        return json.loads(said)[0]

    def job(self, job_id: str) -> dict[str, Any]:
        """Asked again where a server that has just begun breaks off its answer: the time that this takes counts."""
        while True:
            try:
                return dict(self.ask("job", job_id))
            except (IncompleteRead, ConnectionResetError) as error:
                print("asked again:", error)

    def train(self, settings: dict[str, Any], dataset: str = "digits") -> str:
        return str(self.ask("train", "cnn", dataset, settings, "cpu", "", ""))

    def folder(self, job_id: str) -> Path:
        return self.server.home / "jobs" / job_id

    def curve(self, job_id: str) -> list[dict]:
        return read_metrics(self.server.home / "runs" / job_id / "metrics.jsonl")

    def page(self) -> None:
        """Its first page, whole."""
        with urlopen(self.server.url) as answer:
            answer.read()


def wait_for(is_true: Callable[[], object]) -> float:
    """How many seconds it took."""
    began = time.monotonic()
    while not is_true():
        if time.monotonic() - began > PATIENCE_SECONDS:
            raise RuntimeError("it did not become true")
        time.sleep(0.02)
    return time.monotonic() - began


# ── throughput ────────────────────────────────────────────────────────────────────────────────────────────────────────


def throughput(place: Path, pairs: int) -> dict[str, Any]:
    ratios, speeds = [], []
    for number in range(pairs):
        both = [in_a_studio(place / f"studio-{number}"), alone(place / f"alone-{number}")]
        ratios.append(both[0] / both[1])
        speeds.append(both[0])
    return {
        "steps/s of a run of a studio": statistics.median(speeds),
        "the same against the loop alone, median of pairs": statistics.median(ratios),
        "the same, least and most": ", ".join(f"{ratio:.3f}" for ratio in sorted(ratios)),
    }


def in_a_studio(home: Path) -> float:
    studio = Studio(home).start()
    try:
        job = studio.train(USUAL, "mnist5k")
        wait_for(lambda: studio.folder(job).joinpath("end.json").exists())
        return pace(studio.curve(job))
    finally:
        studio.server.stop()


def alone(home: Path) -> float:
    command = [sys.executable, "-m", "pipelines.training", "cnn", "mnist5k", "--home", str(home), "--run", RUN]
    command += ["--preset", "cpu", *(part for name, value in USUAL.items() for part in ("--set", f"{name}={value}"))]
    environment = {**os.environ, "OMP_WAIT_POLICY": "PASSIVE"}  # as the studio starts it
    subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return pace(read_metrics(home / "runs" / RUN / "metrics.jsonl"))


def pace(rows: list[dict]) -> float:
    """Steps a second, with evaluations and samples; the first tenth, in which everything is touched first, left out."""
    rows = [row for row in rows if row["step"] >= rows[-1]["step"] // EVALUATIONS]
    return float((rows[-1]["step"] - rows[0]["step"]) / (rows[-1]["seconds"] - rows[0]["seconds"]))


# ── kills ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def kills(home: Path, rounds: int, seed: int) -> dict[str, Any]:
    """The server killed again and again during two runs at once, which are then stopped and saved."""
    chance, seconds, still = random.Random(seed), [], 0
    studio = Studio(home).start()
    try:
        jobs = [studio.train({**FAST, "plan.steps": LONG, "plan.checkpoint_seconds": 2.0}) for _ in range(2)]
        wait_for(lambda: all(len(studio.curve(job)) > 2 for job in jobs))
        for _ in range(rounds):
            time.sleep(chance.uniform(0.0, 2.0))
            studio.server.kill()
            before = [studio.curve(job)[-1]["step"] for job in jobs]
            studio.start()
            studio.page()
            seconds.append(wait_for(lambda: all(studio.job(job)["state"] == "running" for job in jobs)))
            for job, step in zip(jobs, before, strict=True):
                wait_for(lambda job=job, step=step: studio.curve(job)[-1]["step"] > step)  # type: ignore[misc]
            still += 1
        for job in jobs:
            studio.ask("stop_training", job, True)
        wait_for(lambda: all(studio.job(job)["state"] in ENDED for job in jobs))
        reached = [studio.job(job)["step"] for job in jobs]
        curves = [[row["step"] for row in studio.curve(job)] for job in jobs]
    finally:
        studio.server.stop()
    wrong = [
        len(set(expected_points(step, LONG)) ^ set(steps)) + len(steps) - len(set(steps))
        for step, steps in zip(reached, curves, strict=True)
    ]
    return {
        "kills of the server during two runs": rounds,
        "after which both went on": still,
        "both shown after the first page, most seconds": max(seconds),
        "points of the curves": sum(map(len, curves)),
        "points lost or doubled": sum(wrong),
    }


def expected_points(reached: int, steps: int) -> list[int]:
    """The steps that have a point, by the rule of the loop."""
    every = max(1, min(METRICS_EVERY_STEPS, steps // POINTS), steps // MOST_POINTS)
    evaluate = max(1, steps // EVALUATIONS)
    return [step for step in range(reached + 1) if step % every == 0 or step % evaluate == 0 or step == steps]


def saves(folder: Path) -> dict[str, Any]:
    """A process is killed before each line of a save: the newest whole checkpoint is found, and the next save succeeds."""
    import torch

    torch.set_num_threads(1)
    lines = killed_at(folder / "count", 10**6)
    whole = 0
    for line in range(1, lines + 1):
        place = folder / str(line)
        for step in (1, 2):
            checkpoints.save(place, step, {"value": torch.full((8,), float(step))})
        killed_at(place, line)
        state = checkpoints.latest(place)
        is_right = (
            state is not None and state["step"] in (2, 3) and state["value"].tolist() == [float(state["step"])] * 8
        )
        checkpoints.save(place, 4, {"value": torch.zeros(8)})
        after = checkpoints.latest(place)
        whole += is_right and after is not None and after["step"] == 4
    return {"saves killed, one at each line": lines, "after which the newest whole checkpoint was there": whole}


def killed_at(folder: Path, line: int) -> int:
    """A process of its own saves step 3 and kills itself before its line number `line`; how many lines it came to."""
    import torch

    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        seen = 0

        def trace(frame: Any, event: str, argument: object) -> Any:
            nonlocal seen
            if frame.f_code is not checkpoints.save.__code__:
                return None
            if event == "line":
                seen += 1
                os.write(write, b".")
                if seen == line:
                    os.kill(os.getpid(), signal.SIGKILL)
            return trace

        sys.settrace(trace)
        checkpoints.save(folder, 3, {"value": torch.full((8,), 3.0)})
        os._exit(0)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as pipe:
        return len(pipe.read())


def studies(home: Path, seed: int) -> dict[str, Any]:
    """A search of four trials whose server is killed in each of the first three."""
    chance, studio = random.Random(seed), Studio(home).start()
    settings = {**{name: value for name, value in FAST.items() if name != "batch"}, "plan.steps": 200}
    asked = ("cnn", "digits", 4, 0.0, [], {}, settings, [], "random", "cpu", "", 0, "")
    try:
        study = str(studio.ask("search_settings", *asked))
        for number in range(3):
            wait_for(lambda number=number: len(studio.job(study)["trials"]) > number)  # type: ignore[misc]
            time.sleep(chance.uniform(0.5, 3.0))
            studio.server.kill()
            studio.start()
        wait_for(lambda: studio.job(study)["state"] in ENDED)
        trials = studio.job(study)["trials"]
    finally:
        studio.server.stop()
    trained = [path for path in (home / "runs").iterdir() if read_metrics(path / "metrics.jsonl")]
    return {
        "trials of a search whose server was killed three times": len(trials),
        "of which failed": sum(trial["state"] == "failed" for trial in trials),
        "trials lost or made twice": abs(len(trained) - len(trials)) + (len(trials) != 4),
    }


# ── ends ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


def ends(home: Path) -> dict[str, Any]:
    """How runs end, while another one trains beside them."""
    studio, orphans = Studio(home).start(), 0
    try:
        beside, _ = at_work(studio)
        waited = []
        for _ in range(5):
            job, _ = at_work(studio)
            waited.append(ended_after(studio, job, lambda job=job: studio.ask("stop_training", job, True)))  # type: ignore[misc]
            step = 1 / pace(studio.curve(job))
            orphans += left_of(job)
        figures: dict[str, Any] = {"stopped and saved, most seconds": max(waited), "a step, seconds": step}
        for name, cause, state in (
            ("cancelled", lambda job, process: studio.ask("stop_training", job, False), "cancelled"),
            ("killed", lambda job, process: process.kill(), "interrupted"),
            ("exception", lambda job, process: break_samples(studio, job), "failed"),
            ("full disk", lambda job, process: resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (0, 0)), "failed"),
        ):
            job, process = at_work(studio)
            figures[f"{name}: seconds until it is told"] = ended_after(
                studio, job, lambda cause=cause, job=job, process=process: cause(job, process)  # type: ignore[misc]
            )  # fmt: skip
            figures[f"{name}: told as {state}"] = int(studio.job(job)["state"] == state)
            orphans += left_of(job)
        figures["the one beside them still trained"] = int(studio.job(beside)["state"] == "running")
        studio.ask("stop_training", beside, False)
        wait_for(lambda: studio.job(beside)["state"] in ENDED)
        orphans += left_of(beside)
        return {**figures, "processes left behind": orphans}
    finally:
        studio.server.stop()


def break_samples(studio: Studio, job: str) -> None:
    """The next sample has no folder to stand in; nobody expects that, and the run asks for one."""
    place = studio.server.home / "runs" / job / "samples"
    place.rename(place.with_name("moved"))
    place.write_bytes(b"")
    (studio.folder(job) / "sample").touch()


def at_work(studio: Studio) -> tuple[str, psutil.Process]:
    job = studio.train({**FAST, "plan.steps": LONG})
    wait_for(lambda: len(studio.curve(job)) > 4)
    return job, psutil.Process(int((studio.folder(job) / "pid").read_text()))


def ended_after(studio: Studio, job: str, cause: Callable[[], object]) -> float:
    began = time.monotonic()
    cause()
    wait_for(lambda: studio.job(job)["state"] in ENDED)
    return time.monotonic() - began


def left_of(job: str) -> int:
    """Processes of a job that are still there when it has had time to leave: its end is told before it is gone."""
    deadline = time.monotonic() + LEAVING_SECONDS
    while (found := sum(_is_of(one, job) for one in psutil.process_iter())) and time.monotonic() < deadline:
        time.sleep(0.1)
    return found


def _is_of(process: psutil.Process, job: str) -> bool:
    try:
        return process.environ().get(JOB_VARIABLE) == job and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


if __name__ == "__main__":
    main()
