"""The Training tab: what is to be trained on the left, the run on the right. Both sides stand in ui/training/."""

from typing import Any

import gradio as gr

from pipelines.training.trainer import find_trainers
from pipelines.types.crossing import DataRequest
from pipelines.types.study import StudyRequest
from pipelines.types.training import TrainRequest
from studio.services import Services
from studio.ui.components import pressed, quietly
from studio.ui.i18n import language, t
from studio.ui.told import inform, told
from studio.ui.training.beside import Beside
from studio.ui.training.layout import lay_out
from studio.ui.training.ordering import Ordering
from studio.ui.training.pushing import Pushing
from studio.ui.training.studying import StudyForm
from studio.ui.training.trying import Trying
from studio.ui.training.watching import Watching
from studio.ui.wishes import Wish, nonce

Updates = dict[Any, Any]
EVERY_SECONDS = 1.0

# The first input becomes whether the tab is open, which only the browser knows.
_IS_OPEN = "(_, ...rest) => [document.querySelector('#training-head')?.offsetParent != null, ...rest]"


class TrainingTab:
    """The tab. While another one is open, nothing is looked up."""

    def __init__(self, services: Services, wish: gr.State, tabs: gr.Tabs) -> None:
        """`wish` is the page's State of what was asked for elsewhere; `tabs` are the page's tabs."""
        self._services = services
        self._tabs = tabs
        self._wish = wish
        with gr.Tab(t("training"), id="training", elem_id="tab-training") as self._tab:
            self._is_open = gr.Checkbox(True, visible=False)
            self._current = gr.State("")  # the run that is shown
            self._sure = gr.State("")  # the run whose deletion is to be confirmed
            self._compared = gr.State([])  # the runs that are laid beside each other
            self._seen = gr.State({})  # what is shown now, so that only what changed is sent
            self._nudge = gr.State("")  # a nonce: changes when there may be something else to be seen
            self._timer = gr.Timer(EVERY_SECONDS, active=False)
            self._parts = lay_out(find_trainers(), is_offered=not services.settings.is_public_demo)
        self._ordering = Ordering(services, self._parts)
        self._study_form = StudyForm(services, self._parts)
        self._watching = Watching(services, self._parts)
        self._trying = Trying(services, self._parts)
        self._beside = Beside(services, self._watching, self._parts)
        self._pushing = Pushing(services, self._parts)
        self._wire()

    def load(self, blocks: gr.Blocks) -> None:
        """Fill in the form when the page is opened."""
        self._ordering.load(blocks)

    def _wire(self) -> None:
        """One event alone shows, one at a time, so that no older answer overwrites a newer."""
        quiet, p = quietly(), self._parts
        to_show: list[Any] = [self._current, self._sure, self._nudge]
        self._ordering.wire(to_show)
        self._study_form.wire(to_show)
        self._trying.wire()
        self._beside.wire()
        self._pushing.wire()
        self._wish.change(told(self._grant), self._wish, [self._tabs, self._timer, *to_show], **quiet)
        self._tab.select(self._come, None, [self._timer, self._nudge], **quietly(queue=False))
        looking = [self._is_open, self._current, self._sure, self._compared, self._seen]
        shown: list[Any] = [*self._watching.shown, p.data_jobs, self._current, self._seen, self._timer]
        last = quietly(queue=False, trigger_mode="always_last")
        gr.on([self._timer.tick, self._nudge.change], told(self._look), looking, shown, js=_IS_OPEN, **last)
        for part in (p.actions, p.runs):
            part.click(told(self._press), self._compared, [*to_show, self._compared], **quiet)
        p.study.click(told(self._press_study), None, [self._current, self._nudge], **quiet)
        p.model.click(told(self._use), None, self._wish, **quiet)

    def _come(self) -> Updates:
        return {self._timer: gr.Timer(active=True), self._nudge: nonce()}

    def _grant(self, wish: Wish, request: gr.Request) -> Updates:
        """Come to the front with the run of a job that is to be opened. Raises NotFound."""
        what, which, _ = wish
        if what == "job":
            owner = self._services.identity.who(request)
            asked = self._services.jobs.get(owner, which).request
            if isinstance(asked, StudyRequest | DataRequest):
                return {self._tabs: gr.Tabs(selected="training"), **self._come()}
            if isinstance(asked, TrainRequest):
                run = self._services.runs.of_job(owner, which)
                return {self._tabs: gr.Tabs(selected="training"), self._current: run.id, **self._come()}
        return {self._tabs: gr.skip()}

    def _look(
        self, is_open: bool, current: str, sure: str, compared: list[str], seen: dict, request: gr.Request
    ) -> Updates:
        """Everything that has changed since `seen`."""
        if not is_open:
            return {self._timer: gr.Timer(active=False)}
        owner = self._services.identity.who(request)
        run_id, now = self._watching.show(owner, current, sure, compared, language(request))
        now[self._parts.data_jobs] = self._ordering.own_sets.jobs(owner, language(request))
        texts = {str(part._id): html for part, html in now.items()}
        changed = {part: html for part, html in now.items() if seen.get(str(part._id)) != html}
        chosen = {self._current: run_id} if run_id != current else {}
        return {**changed, **chosen, self._seen: texts}

    def _press(self, compared: list[str], event: gr.EventData, request: gr.Request) -> Updates:
        """Whatever a button of a run says."""
        action, run_id = pressed(event)
        if action == "compare":
            rest = [one for one in compared if one != run_id]
            return {self._compared: rest if run_id in compared else [*rest, run_id], self._nudge: nonce()}
        current = self._watching.press(self._services.identity.who(request), action, run_id)
        sure = run_id if action == "ask-delete" else ""
        return {self._current: current, self._sure: sure, self._nudge: nonce()}

    def _press_study(self, event: gr.EventData, request: gr.Request) -> Updates:
        """Whatever a button of a search says."""
        run_id = self._watching.press_study(self._services.identity.who(request), *pressed(event))
        return {**({self._current: run_id} if run_id else {}), self._nudge: nonce()}

    def _use(self, event: gr.EventData, request: gr.Request) -> Any:
        """Go to where the model stands, or begin to merge it. Raises NotFound, and what `submit` raises."""
        owner, (action, run_id) = self._services.identity.who(request), pressed(event)
        if action == "merge":
            self._watching.merge(owner, run_id)
            inform("merge_begun", language(request))
            return gr.skip()
        return self._watching.wish_for_model(owner, run_id)
