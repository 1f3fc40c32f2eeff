"""The top line and the job drawer: what this machine is, what this person's jobs are doing, on every tab the same."""

from typing import Any

import gradio as gr

from pipelines.types.training import TrainRequest
from studio.identity import GUEST
from studio.jobs.job import Job
from studio.services import Services
from studio.ui.components import items, pressed, quietly
from studio.ui.i18n import language, t
from studio.ui.live import PAGE_SECONDS, place
from studio.ui.safe import escape
from studio.ui.theme import OPEN_SETTINGS, TOGGLE_THEME
from studio.ui.told import told
from studio.ui.wishes import wish as make_wish
from studio.ui.words import say


class Drawer:
    """Chips and drawer. `wish` is set when a job is to be opened."""

    def __init__(self, services: Services, wish: gr.State) -> None:
        self._services = services
        self._wish = wish
        with gr.Row(elem_classes="studio-top"):
            gr.HTML("<h1>AIGC Studio</h1>", elem_id="studio-name")
            chips = items("studio-chips", place("chips", PAGE_SECONDS))
            tongue = gr.Button(
                t("other_language"), size="sm", elem_id="language-chip", elem_classes="chip", min_width=0
            )
            shade = gr.Button(t("theme"), size="sm", elem_id="theme-chip", elem_classes="chip", min_width=0)
        self._guest = gr.HTML("", elem_id="guest-notice", elem_classes="notice", visible=False)
        with gr.Sidebar(open=False, position="right", width=380, elem_id="jobs-drawer") as self._side:
            gr.Markdown(f"## {t('jobs')}")
            rows = items("jobs-rows", place("jobs", PAGE_SECONDS))
        tongue.click(None, js=OPEN_SETTINGS, api_visibility="private")
        shade.click(None, js=TOGGLE_THEME, api_visibility="private")
        chips.click(lambda: gr.Sidebar(open=True), None, self._side, **quietly(queue=False))
        rows.click(told(self._press), None, [self._wish, self._side], **quietly())

    def load(self, blocks: gr.Blocks) -> None:
        """Chips and rows fill themselves."""
        blocks.load(told(self._notice), None, self._guest, **quietly(queue=False))

    def _notice(self, request: gr.Request) -> Any:
        is_guest = self._services.identity.who(request) == GUEST
        return gr.update(value=escape(say("guest", language(request))) if is_guest else "", visible=is_guest)

    def _press(self, event: gr.EventData, request: gr.Request) -> dict:
        """Open, stop or run a job again. Raises NotFound for what is not this person's."""
        owner = self._services.identity.who(request)
        updates: dict[Any, Any] = {self._side: gr.skip()}
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
