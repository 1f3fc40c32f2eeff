"""The top line and the job drawer: what this machine is, what this person's jobs are doing, on every tab the same."""

import secrets
import time
from typing import Any

import gradio as gr

from pipelines.types.training import TrainRequest
from studio.identity import GUEST
from studio.jobs.job import Job
from studio.services import Services
from studio.ui import lists
from studio.ui.components import items, pressed, quietly
from studio.ui.facts import jobs_line, size
from studio.ui.i18n import language, t
from studio.ui.safe import escape
from studio.ui.theme import OPEN_SETTINGS, TOGGLE_THEME
from studio.ui.told import told
from studio.ui.wishes import wish as make_wish
from studio.ui.words import say

EVERY_SECONDS = 2.0
SHOWN_JOBS = 20


class Drawer:
    """Chips and drawer. `wish` is set when a job is to be opened."""

    def __init__(self, services: Services, wish: gr.State) -> None:
        self._services = services
        self._wish = wish
        with gr.Row(elem_classes="studio-top"):
            gr.HTML("<h1>AIGC Studio</h1>", elem_id="studio-name")
            self._device = gr.HTML("", elem_id="device-chip", elem_classes="chip")
            self._jobs = gr.Button(t("jobs_none"), size="sm", elem_id="jobs-chip", elem_classes="chip", min_width=0)
            tongue = gr.Button(
                t("other_language"), size="sm", elem_id="language-chip", elem_classes="chip", min_width=0
            )
            shade = gr.Button(t("theme"), size="sm", elem_id="theme-chip", elem_classes="chip", min_width=0)
        self._guest = gr.HTML("", elem_id="guest-notice", elem_classes="notice", visible=False)
        with gr.Sidebar(open=False, position="right", width=380, elem_id="jobs-drawer") as self._side:
            gr.Markdown(f"## {t('jobs')}")
            self._rows = items("jobs-rows")
        self._seen = gr.State(("", "", ""))
        self._pressed = gr.State("")  # a nonce: changes when a press may have changed what is to be seen
        tongue.click(None, js=OPEN_SETTINGS, api_visibility="private")
        shade.click(None, js=TOGGLE_THEME, api_visibility="private")
        self._jobs.click(lambda: gr.Sidebar(open=True), None, self._side, **quietly(queue=False))
        self._rows.click(told(self._press), None, [self._wish, self._side, self._pressed], **quietly())

    @property
    def _shown(self) -> list[Any]:
        return [self._device, self._jobs, self._rows, self._seen]

    def load(self, blocks: gr.Blocks) -> None:
        """Fill in at once, then keep up to date: by one event, one at a time, so that no older answer overwrites a newer."""
        blocks.load(told(self._notice), None, self._guest, **quietly(queue=False))
        changes = [blocks.load, gr.Timer(EVERY_SECONDS).tick, self._pressed.change]
        last = quietly(queue=False, trigger_mode="always_last")
        gr.on(changes, told(self._look), self._seen, self._shown, **last)

    def _notice(self, request: gr.Request) -> Any:
        is_guest = self._services.identity.who(request) == GUEST
        return gr.update(value=escape(say("guest", language(request))) if is_guest else "", visible=is_guest)

    def _look(self, seen: tuple[str, str, str], request: gr.Request) -> dict:
        """What has changed since `seen`."""
        owner, lang = self._services.identity.who(request), language(request)
        jobs = [] if owner == GUEST else self._services.jobs.recent(owner, SHOWN_JOBS)
        states = [job.state for job in jobs]
        rows = [lists.JobRow(job, self._services.jobs.place(job.id) if job.state == "queued" else None) for job in jobs]
        now = (
            self._device_html(lang),
            jobs_line(states.count("running"), states.count("queued"), lang),
            lists.job_rows(rows, lang, time.time()),
        )
        changed = {part: new for part, new, old in zip(self._shown, now, seen, strict=False) if new != old}
        return {**changed, self._seen: now}

    def _device_html(self, lang: str) -> str:
        worker = self._services.jobs.status()["workers"][0]
        device = str(worker.get("device") or "cpu").upper()
        used, total = worker.get("memory_used_bytes"), worker.get("memory_total_bytes")
        if worker.get("state") != "ready":
            line = say("device_starting", lang, device=device)
        elif used and total:
            line = say("device_chip", lang, device=device, used=size(used), total=size(total))
        else:
            line = device
        return f'<span class="dot dot-{escape(worker.get("state", ""))}"></span>{escape(line)}'

    def _press(self, event: gr.EventData, request: gr.Request) -> dict:
        """Open, stop or run a job again. Raises NotFound for what is not this person's."""
        owner = self._services.identity.who(request)
        updates: dict[Any, Any] = {self._pressed: secrets.token_hex(4)}
        match pressed(event):
            case ("open", job_id):
                updates |= {self._wish: make_wish("job", job_id), self._side: gr.Sidebar(open=False)}
            case ("stop", job_id):
                self._stop(owner, job_id)
            case ("again", job_id):
                again = self._again(owner, job_id)
                updates |= {self._wish: make_wish("job", again.id), self._side: gr.Sidebar(open=False)}
        return updates

    def _stop(self, owner: str, job_id: str) -> None:
        """A training keeps what it has learnt."""
        if isinstance(self._services.jobs.get(owner, job_id).request, TrainRequest):
            self._services.runs.stop(owner, self._services.runs.of_job(owner, job_id).id, save=True)
        else:
            self._services.jobs.cancel(owner, job_id)

    def _again(self, owner: str, job_id: str) -> Job:
        """A training goes on where it can."""
        if not isinstance(self._services.jobs.get(owner, job_id).request, TrainRequest):
            return self._services.jobs.rerun(owner, job_id)
        runs = self._services.runs
        run = runs.of_job(owner, job_id)
        return runs.again(owner, run.id) if runs.checkpoint(run) is None else runs.resume(owner, run.id)
