"""The Audio tab: a sub-tab for each thing that can be done with sound on this machine, and what other places ask of them."""

import json
from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.provenance import recipe
from pipelines.types.model import Task
from studio.services import Services
from studio.ui import sending
from studio.ui.audio.bench import Bench
from studio.ui.audio.compose import Compose
from studio.ui.audio.listen import Listen
from studio.ui.audio.panel import SoundPanel
from studio.ui.audio.speak import Speak
from studio.ui.components import quietly
from studio.ui.i18n import t
from studio.ui.told import told
from studio.ui.watchers import Updates
from studio.ui.wishes import Wish

TAKERS = {"to-bench": ("bench", "audio"), "to-hear": ("listen", "audio"), "to-tune": ("compose", "melody")}
EXAMPLES_FILE = Path(__file__).parents[3] / "assets" / "prompts" / "examples.json"


class AudioTab:
    """The tab. `wish` is the page's State of what was asked for elsewhere; `tabs` are the page's tabs."""

    def __init__(self, services: Services, wish: gr.State, tabs: gr.Tabs) -> None:
        self._services = services
        self._tabs = tabs
        examples = json.loads(EXAMPLES_FILE.read_text("utf-8"))
        rows = services.catalog.rows
        self.panels: dict[str, SoundPanel] = {}
        with gr.Tab(t("audio"), id="audio", elem_id="tab-audio"), gr.Tabs(elem_id="audio-tabs") as self._inner:
            if rows("speech"):
                with gr.Tab(t("speak"), id="speak", elem_id="tab-speak"):
                    self.panels["speak"] = Speak(services, wish, examples["speech"])
            if rows("transcribe"):
                with gr.Tab(t("listen"), id="listen", elem_id="tab-listen"):
                    self.panels["listen"] = Listen(services, wish)
            if rows("music"):
                with gr.Tab(t("compose"), id="compose", elem_id="tab-compose"):
                    self.panels["compose"] = Compose(services, wish)
            with gr.Tab(t("bench"), id="bench", elem_id="tab-bench"):
                self.panels["bench"] = Bench(services, wish)
        for place, panel in self.panels.items():
            outputs = [self._tabs, self._inner, *panel.form_outputs, *panel.show_outputs]
            wish.change(told(self._granter(place)), wish, outputs, **quietly())

    @property
    def pickers(self) -> dict[Task, gr.Dropdown]:
        """The choice of a model in each sub-tab that has one, by what it is to do."""
        return {one.task: one.parts.settings["model"] for one in self.panels.values() if one.task is not None}

    def load(self, blocks: gr.Blocks) -> None:
        """Bring back what this browser had open."""
        for panel in self.panels.values():
            panel.load(blocks)

    def _granter(self, place: str) -> Any:
        panel = self.panels[place]

        def grant(wish: Wish, request: gr.Request) -> Updates:
            """Open what was asked for elsewhere, where it is one of this sub-tab. Raises NotFound."""
            owner = self._services.identity.who(request)
            here = {self._tabs: gr.Tabs(selected="audio"), self._inner: gr.Tabs(selected=place)}
            match wish:
                case ("creation", str(creation_id), _):
                    creation = self._services.creations.get(owner, creation_id)
                    if creation.kind == panel.kept_as and panel.is_mine(recipe.request_of(creation.recipe)):
                        return here | panel.filled_from(owner, creation) | panel.show("creation", creation_id)
                case ("job", str(job_id), _):
                    job = self._services.jobs.get(owner, job_id)
                    if panel.is_mine(job.request) and not job.conversation_id:
                        return here | panel.filled(job.request) | panel.show("job", job_id, is_kept=job.keep)
                case ("recipe", str(text), _):
                    asked = recipe.request_of(json.loads(text))
                    if panel.is_mine(asked):
                        empty: Updates = dict.fromkeys(panel.parts.files.values())
                        return here | panel.filled(asked) | empty
                case (str(verb), str(creation_id), _) if verb in TAKERS and place == TAKERS[verb][0]:
                    return here | panel.with_file(owner, creation_id, TAKERS[verb][1])
                case ("to-say", str(which), _) if isinstance(panel, Speak):
                    return here | panel.with_text(sending.text_of(self._services, owner, which), which)
            return {self._tabs: gr.skip()}

        return grant
