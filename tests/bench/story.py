"""A story film from one sentence on the starter models: `python -m tests.bench.story`.

How long it takes, with the models on disk and none in memory; how far each subtitle is from where its sentence begins to be
heard; what an edit of one scene makes again; how soon Stop is heard and what it keeps; and whether a story goes on when the
server is killed in its middle.
"""

import json
import os
import re
import subprocess
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from gradio_client import Client

from pipelines.film.ffmpeg import find_ffmpeg
from pipelines.provenance import recipe
from pipelines.sound.files import open_sound
from pipelines.types.film import StoryRequest
from studio.identity import Identity
from studio.jobs.folder import JobFolder
from studio.ui.multimodal.script import script_of
from tests.bench.record import record
from tests.server import StudioServer

THEME = "A fox who wants to visit the moon"
HEARD = 0.06  # of the loudest: a voice begins


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        studio = StudioServer(Path(folder) / "home").start()
        try:
            me = Identity.new_visitor()
            client = client_of(studio, me)
            # 1 Four scenes from one sentence
            began = time.monotonic()
            film = Path(client.predict(story=THEME, seed=1, api_name="/make_film"))
            seconds = time.monotonic() - began
            asked = recipe.request_of(recipe.read(film))
            assert isinstance(asked, StoryRequest)
            # 2 The same without music, to hear where each sentence begins
            silent = Path(client.predict(story=THEME, seed=1, has_music=False, api_name="/make_film"))
            apart = [abs(written - heard) for written, heard in cues(silent)]
            # 3 One scene is changed
            before = kinds(studio)
            changed = script_of(asked.scenes).replace(asked.scenes[1].text, "Then it met an owl. The owl was kind.")
            began = time.monotonic()
            client.predict(story=changed, seed=1, api_name="/make_film")
            edit = time.monotonic() - began
            made = kinds(studio) - before
            # 4 Stop, and a server that is killed
            stop, kept = stopped(studio, client)
            going_on = killed(studio, me)
        finally:
            studio.stop()
    figures: dict[str, Any] = {
        "load of the machine": os.getloadavg()[0],
        "four scenes from one sentence, seconds": seconds,
        "the film, seconds": length(film),
        "its subtitles": len(apart),
        "subtitle from its sentence, most seconds": max(apart),
        "one scene changed, seconds": edit,
        "what was made again": ", ".join(f"{kind} {count}" for kind, count in sorted(made.items()) if kind != "story"),
        "stopped after a press, seconds": stop,
        "pictures kept by Stop": kept,
        "server killed in the middle, film there": going_on,
    }
    print(record("story", figures))


def client_of(studio: StudioServer, me: str) -> Client:
    return Client(studio.url, headers={"Authorization": f"Bearer {Identity(studio.home).api_token(me)}"}, verbose=False)


def length(film: Path) -> float:
    about = subprocess.run([find_ffmpeg(), "-i", str(film)], capture_output=True, text=True, check=False).stderr
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", about).groups()  # type: ignore[union-attr]
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds)


def cues(film: Path) -> list[tuple[float, float]]:
    """When each subtitle of the film's own track begins, and when its sentence does, in the film's own sound."""
    with tempfile.TemporaryDirectory() as folder:
        wav, srt = Path(folder) / "heard.wav", Path(folder) / "said.srt"
        command = [find_ffmpeg(), "-loglevel", "error", "-i", str(film)]
        subprocess.run([*command, "-map", "0:a", str(wav), "-map", "0:s", str(srt)], check=True)
        heard, said = open_sound(wav), srt.read_text()
    loud = np.abs(heard.samples) > HEARD * np.abs(heard.samples).max()
    found = []
    for hours, minutes, seconds in re.findall(r"(\d+):(\d+):([\d,]+) -->", said):
        written = 3600 * int(hours) + 60 * int(minutes) + float(seconds.replace(",", "."))
        first = max(0, int((written - 0.25) * heard.sampling_rate))  # the pause before it is longer
        found.append((written, (first + int(np.argmax(loud[first:]))) / heard.sampling_rate))
    return found


def kinds(studio: StudioServer) -> Counter[str]:
    """How many jobs of each kind there are."""
    requests = [json.loads(path.read_bytes()) for path in (studio.home / "jobs").glob("*/request.json")]
    return Counter(one["request"]["kind"] for one in requests)


def begun(studio: StudioServer, client: Client, seed: int) -> tuple[JobFolder, threading.Thread]:
    """A story that has its first picture, and who waits for its end."""
    before = set((studio.home / "jobs").iterdir())

    def ask() -> None:
        try:
            client.predict(story=THEME, seed=seed, api_name="/make_film")
        except Exception as error:  # noqa: BLE001  # whatever a client says of a server that is gone
            print("the client:", type(error).__name__)

    waiting = threading.Thread(target=ask, daemon=True)
    waiting.start()
    while True:
        for path in set((studio.home / "jobs").iterdir()) - before:
            boards = [line for line in JobFolder(path).reader().read() if line["kind"] == "board"]
            if boards and boards[-1]["scenes"][0]["picture"]:
                return JobFolder(path), waiting
        time.sleep(0.05)


def stopped(studio: StudioServer, client: Client) -> tuple[float, int]:
    folder, waiting = begun(studio, client, 2)
    pressed = time.monotonic()
    client.predict(job_id=folder.id, api_name="/cancel_job")
    while folder.end() is None:
        time.sleep(0.02)
    seconds = time.monotonic() - pressed
    waiting.join()
    end = folder.end()
    assert end is not None and end.state == "cancelled"
    return seconds, sum(bool(shown.picture) for shown in end.result.scenes)  # type: ignore[union-attr]


def killed(studio: StudioServer, me: str) -> bool:
    """SIGKILL to the server when the first picture is there; the next server makes the film."""
    folder, _ = begun(studio, client_of(studio, me), 3)
    studio.kill()
    studio.start()
    deadline = time.monotonic() + 300
    while folder.end() is None and time.monotonic() < deadline:
        time.sleep(0.2)
    end = folder.end()
    return end is not None and end.state == "done" and bool(end.creation_ids)


if __name__ == "__main__":
    main()
