"""A look into a data set: its files of examples (studio/jobs/examples.py) as HTML, made when somebody asks for them first.

Knows no gradio.
"""

import asyncio
import base64
import json
import sys
from pathlib import Path

from studio.ui.safe import escape
from studio.ui.words import say

PATIENCE_SECONDS = 240.0  # a data set may have to be fetched and drawn
ROOT = Path(__file__).parents[3]


async def make(folder: Path, dataset: str) -> str:
    """Read the data set in a process of its own, unless that was done; "", or why it failed. `dataset` is one there is."""
    if (folder / f"{dataset}.json").exists():
        return ""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "studio.jobs.examples", "--dataset", dataset, "--folder", str(folder),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE, cwd=ROOT,
    )  # fmt: skip
    try:
        _, errors = await asyncio.wait_for(process.communicate(), PATIENCE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()
        return f"> {PATIENCE_SECONDS:.0f} s"
    lines = errors.decode("utf-8", "replace").strip().splitlines()
    return "" if process.returncode == 0 else (lines[-1][:200] if lines else str(process.returncode))


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
    return f'<p class="help">{escape(line)}</p>{_picture(folder / f"{dataset}.png", dataset)}{texts}'


def _picture(path: Path, name: str) -> str:
    if not path.exists():
        return ""
    data = base64.b64encode(path.read_bytes()).decode()
    return f'<img class="examples" src="data:image/png;base64,{data}" alt="{escape(name)}">'
