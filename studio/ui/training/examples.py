"""A look into a data set: its files of examples (studio/jobs/examples.py) as HTML, made when somebody asks for them first.

Knows no gradio.
"""

import asyncio
import base64
import json
import os
import signal
import sys
from pathlib import Path

from pipelines.errors.crossing import error_from_json
from pipelines.errors.training import TookTooLong
from studio.ui.safe import escape
from studio.ui.words import say

PATIENCE_SECONDS = 240.0  # a data set may have to be fetched and drawn
ROOT = Path(__file__).parents[3]


class Examples:
    """The files of one studio. Only one data set is read at a time, however many ask."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._is_reading = asyncio.Lock()

    async def make(self, dataset: str) -> None:
        """Read the data set in a process of its own, unless that was done. `dataset` is one there is.

        Raises what reading it raises, and TookTooLong.
        """
        async with self._is_reading:
            if not (self.folder / f"{dataset}.json").exists():
                await self._read(dataset)

    async def _read(self, dataset: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "studio.jobs.examples", "--dataset", dataset, "--folder", str(self.folder),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT, start_new_session=True,
        )  # fmt: skip
        try:
            told, _ = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
        except TimeoutError as error:
            raise TookTooLong(seconds=PATIENCE_SECONDS) from error
        finally:
            if process.returncode is None:  # with the pip that it may have started
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if process.returncode:
            raise error_from_json(_json(told))


def _json(told: bytes) -> object:
    try:
        return json.loads(told)
    except ValueError:
        return None


def shown(folder: Path, dataset: str, language: str) -> str:
    """The examples, or "" while nobody has asked for them."""
    try:
        facts = json.loads((folder / f"{dataset}.json").read_bytes())
    except (OSError, ValueError):
        return ""
    line = say("data_counts", language, n=f"{facts['count']:,}", held_out=f"{facts['held_out']:,}")
    if facts["classes"]:
        line = f"{line} · {say('data_classes', language, n=facts['classes'])}"
    texts = "".join(f'<pre class="sample-text">{escape(text)}…</pre>' for text in facts["texts"])
    sounds = "".join(
        f'<figure class="changes"><figcaption>{escape(name)}</figcaption><audio controls preload="none" '
        f'src="data:audio/flac;base64,{escape(data)}" aria-label="{escape(name)}"></audio></figure>'
        for name, data in facts.get("sounds", [])
    )
    return f'<p class="help">{escape(line)}</p>{_picture(folder / f"{dataset}.png", dataset)}{texts}{sounds}'


def _picture(path: Path, name: str) -> str:
    if not path.exists():
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img class="examples" src="data:image/png;base64,{data}" alt="{escape(name)}">'
