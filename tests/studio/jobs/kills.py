"""Kills the server, its worker, or both at random times, starts again, and checks that nothing acknowledged is lost.

Used with a few rounds by `make test` and with many by `make prove`.
"""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from studio.jobs.folder import JOB_ID, JobFolder
from tests.server import ROOT

ENDED = {"done", "failed", "cancelled", "interrupted"}
SETTLE_SECONDS = 60.0


@dataclass
class Tally:
    """What the rounds came to."""

    kills: Counter[str] = field(default_factory=Counter)
    states: Counter[str] = field(default_factory=Counter)
    acknowledged: int = 0
    lost: int = 0
    done_without_result: int = 0
    answers_missing: int = 0
    unlisted_folders: int = 0
    damaged_indexes: int = 0


class Headless:
    """One run of `tests/studio/jobs/headless.py`."""

    def __init__(self, home: Path) -> None:
        with home.with_name("headless.log").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "tests.studio.jobs.headless", str(home)],
                cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, bufsize=1,
            )  # fmt: skip
        self.read()

    def ask(self, **command: object) -> dict:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        return self.read()

    def read(self) -> dict:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the studio without its page ended; see headless.log")
        return dict(json.loads(line))

    def worker_pid(self) -> int | None:
        return self.ask(states=True)["worker"]

    def wait_until_ended(self) -> dict[str, str]:
        deadline = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < deadline:
            seen = self.ask(states=True)
            if set(seen["states"].values()) <= ENDED and not seen["unsettled"]:
                return dict(seen["states"])
            time.sleep(0.2)
        seen = self.ask(states=True)
        if set(seen["states"].values()) <= ENDED:
            return dict(seen["states"])  # with answers missing, which are counted
        raise RuntimeError(f"not ended after {SETTLE_SECONDS} s: {Counter(seen['states'].values())}")

    def kill(self) -> None:
        self.process.kill()
        self._close()

    def stop(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait(timeout=30)
        self._close()

    def _close(self) -> None:
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe and not pipe.closed:
                with suppress(BrokenPipeError):
                    pipe.close()


def kill_rounds(home: Path, rounds: int, seed: int) -> Tally:
    """`rounds` times: submit a few jobs, kill something at a random moment, start again, look at everything."""
    chance, tally = random.Random(seed), Tally()
    acknowledged: set[str] = set()
    studio = Headless(home)
    studio.ask(submit="Warm up.", seed=0)
    studio.wait_until_ended()
    for _ in range(rounds):
        # 1. Work
        for _ in range(chance.randint(1, 4)):
            seed, is_chat = chance.randrange(1000), chance.random() < 0.5
            acknowledged.add(studio.ask(submit="Tell me about a river.", seed=seed, chat=is_chat)["job"])
        time.sleep(chance.uniform(0.0, 1.0))
        # 2. Kill
        victim = chance.choice(["server", "worker", "both"])
        tally.kills[victim] += 1
        worker_pid = studio.worker_pid() if victim != "server" else None
        if victim != "worker":
            studio.kill()
        if worker_pid is not None:
            with suppress(ProcessLookupError):  # an idle one ends by itself when its server has gone
                os.kill(worker_pid, signal.SIGKILL)
        if victim != "worker":
            studio = Headless(home)
        # 3. Everything that was acknowledged is there, in a state that is true
        states = studio.wait_until_ended()
        tally.lost += len(acknowledged - states.keys())
    tally.acknowledged = len(acknowledged)
    tally.states = Counter(states[job_id] for job_id in acknowledged if job_id in states)
    tally.answers_missing = len(studio.ask(states=True)["unsettled"])
    studio.stop()
    _look_at_the_home(home, states, tally)
    return tally


def _look_at_the_home(home: Path, states: dict[str, str], tally: Tally) -> None:
    for path in (home / "jobs").iterdir():
        if not JOB_ID.fullmatch(path.name) or path.name not in states:
            tally.unlisted_folders += 1
            continue
        end = JobFolder(path).end()
        is_answer = JobFolder(path).spec().conversation is not None
        is_whole = end is not None and end.result is not None and (is_answer or bool(end.creation_ids))
        if states[path.name] == "done" and not is_whole:
            tally.done_without_result += 1
    (verdict,) = sqlite3.connect(home / "studio.db").execute("PRAGMA integrity_check").fetchone()
    tally.damaged_indexes += verdict != "ok"
