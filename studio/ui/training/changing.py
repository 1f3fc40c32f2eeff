"""What the changes of a training do to some examples, before and after: asked of a process (studio/jobs/changing.py), as HTML.

Knows no gradio.
"""

import asyncio
import json
import os
import re
import signal
import sys
from pathlib import Path
from typing import Any

from pipelines.errors.crossing import error_from_json
from pipelines.errors.training import TookTooLong
from pipelines.types.crossing import to_json
from pipelines.types.training import TrainRequest
from studio.ui.safe import escape
from studio.ui.words import say

PATIENCE_SECONDS = 240.0  # a data set may have to be fetched and drawn
ROOT = Path(__file__).parents[3]
BASE64 = re.compile(r"[A-Za-z0-9+/=]*")


class Changing:
    """`folder` is where people's data sets lie; whose one is, is not asked here. One process at a time, however many ask."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_reading = asyncio.Lock()

    async def show(self, request: TrainRequest) -> dict[str, Any]:
        """Raises what reading the data set raises, and TookTooLong."""
        async with self._is_reading:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "studio.jobs.changing", "--folder", str(self._folder),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
                cwd=ROOT, start_new_session=True,
            )  # fmt: skip
            try:
                asked = json.dumps(to_json(request)).encode()
                told, _ = await asyncio.wait_for(process.communicate(asked), PATIENCE_SECONDS)
            except TimeoutError as error:
                raise TookTooLong(seconds=PATIENCE_SECONDS) from error
            finally:
                if process.returncode is None:  # with the pip that it may have started
                    os.killpg(process.pid, signal.SIGKILL)
                    await process.wait()
        try:
            answer = json.loads(told)
        except ValueError:
            answer = None
        if process.returncode or not isinstance(answer, dict):
            raise error_from_json(answer)
        return answer


def shown_changes(found: dict[str, Any], language: str) -> str:
    """Before and after, beside each other."""
    before, after = (escape(say(f"changes_{when}", language)) for when in ("before", "after"))
    if pictures := found.get("pictures"):
        return "".join(
            f'<figure class="changes"><figcaption>{when}</figcaption>'
            f'<img class="examples" src="data:image/png;base64,{_plain(data)}" alt="{when}"></figure>'
            for when, data in zip((before, after), pictures, strict=True)
        )
    if texts := found.get("texts"):
        return "".join(
            f'<figure class="changes"><figcaption>{when}</figcaption><pre class="sample-text">{escape(text)}</pre></figure>'
            for pair in texts
            for when, text in zip((before, after), pair, strict=True)
        )
    return "".join(
        f'<figure class="changes"><figcaption>{when}</figcaption><audio controls preload="none" '
        f'src="data:audio/flac;base64,{_plain(data)}" aria-label="{when}"></audio></figure>'
        for pair in found.get("sounds", [])
        for when, data in zip((before, after), pair, strict=True)
    )


def _plain(data: object) -> str:
    return str(data) if BASE64.fullmatch(str(data)) else ""
