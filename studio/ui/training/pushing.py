"""The finished model of a run, pushed to the hub with the token of whoever presses.

The token goes from its box into the one upload and is kept nowhere: so this is no job, which a file would remember. It lasts as
long as the page is open; what broke off goes on when it is pushed again under the same name.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.errors.base import StudioError
from pipelines.errors.jobs import InternalError
from pipelines.training.push import Stopped, push
from studio.services import Services
from studio.ui.components import quietly
from studio.ui.facts import size
from studio.ui.i18n import language
from studio.ui.safe import escape
from studio.ui.told import refuse, told
from studio.ui.training.layout import Parts
from studio.ui.words import say

LOOK_SECONDS = 0.3
AT_ONCE = 2  # uploads, of everybody

OnEnd = Callable[[], object]


class Pushing:
    """Knows no run of its own: it is told which one is shown."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._services, self._parts = services, parts
        self._lanes = threading.Semaphore(AT_ONCE)
        self._uploads: dict[str, _Upload] = {}  # of each person at most one, so that nobody takes all lanes

    def wire(self) -> None:
        p, quiet = self._parts, quietly()
        p.pushable.change(lambda run_id: (gr.update(visible=bool(run_id)), ""), p.pushable, [p.push_part, p.pushed], **quiet)  # fmt: skip
        asked = [p.pushable, p.repository, p.token, p.is_secret]
        begun = p.push.click(told(self._push), asked, [p.pushed, p.token, p.push], **quiet)
        begun.failure(lambda: ("", gr.update(interactive=True)), None, [p.pushed, p.push], **quiet)

    async def _push(
        self, run_id: str, repository: str, token: str, is_secret: bool, request: gr.Request
    ) -> AsyncIterator[tuple[str, Any, Any]]:
        """How far it is, then where it stands. Raises NotFound, and what `push` raises."""
        # 1 What, of whom
        lang, owner = language(request), self._services.identity.who(request)
        folder = self._services.runs.model(owner, str(run_id))
        if owner in self._uploads and self._uploads[owner].is_alive():
            raise refuse(say("push_busy", lang))
        name = str(repository or "").strip() or folder.name

        # 2 The upload; where the page goes, it ends with the next piece
        forget = partial(self._uploads.pop, owner, None)
        upload = _Upload(self._lanes, folder, name, str(token or ""), forget, is_private=is_secret is not False)
        self._uploads[owner] = upload
        upload.start()
        try:
            while upload.is_alive():
                yield far(folder.name, upload.done, upload.total, lang), gr.skip(), gr.update(interactive=False)
                await asyncio.sleep(LOOK_SECONDS)
        finally:
            upload.is_over = True
        if upload.error is not None:
            raise upload.error
        line = say("push_done", lang, name=folder.name, repository=upload.repository)
        yield f'<p role="status">{escape(line)}</p>', "", gr.update(interactive=True)


class _Upload(threading.Thread):
    """One push, in a thread that no server waits for when it ends. The page reads how far it is."""

    def __init__(
        self, lanes: threading.Semaphore, folder: Path, name: str, token: str, forget: OnEnd, *, is_private: bool
    ) -> None:
        super().__init__(name="push", daemon=True)
        self.done, self.total, self.is_over, self.repository = 0, 0, False, ""
        self.error: StudioError | None = InternalError(where="push")  # unless it ends in a way that is known
        self._lanes, self._forget = lanes, forget
        self._push = partial(push, folder, name, token, is_private=is_private, on_bytes=self._tell)

    def run(self) -> None:
        try:
            with self._lanes:
                self._tell(0, 0)
                self.repository = self._push()
            self.error = None
        except StudioError as error:
            self.error = error
        except Stopped:
            pass
        finally:
            del self._push  # and the token with it
            self._forget()

    def _tell(self, done: int, total: int) -> None:
        if self.is_over:
            raise Stopped
        self.done, self.total = done, total


def far(name: str, done: int, total: int, lang: str) -> str:
    """A bar, and how many bytes of this model are there."""
    if not total:
        return f'<p role="status">{escape(say("push_begins", lang, name=name))}</p><div class="bar" aria-hidden="true"></div>'
    line = say("push_far", lang, name=name, done=size(done), total=size(total))
    return (
        f'<p role="status">{escape(line)}</p><div class="meter" role="progressbar" aria-valuemin="0" aria-valuemax="100" '
        f'aria-valuenow="{100 * done / total:.0f}" aria-label="{escape(say("progress", lang))}">'
        f'<span style="width:{done / total:.1%}"></span></div>'
    )
