"""The Text tab: the chat and the tasks side by side, and what other places of the page ask of them."""

import json
from pathlib import Path

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.provenance import recipe
from pipelines.types.text import TextRequest
from studio.services import Services
from studio.ui import sending
from studio.ui.components import bring_back, pressed, quietly, send_on
from studio.ui.i18n import language, t
from studio.ui.text.chat import Chat
from studio.ui.text.private import PrivateConversations
from studio.ui.text.tasks import Tasks
from studio.ui.told import told
from studio.ui.wishes import Wish

EXAMPLES_FILE = Path(__file__).parents[3] / "assets" / "prompts" / "examples.json"


class TextTab:
    """The tab. `wish` is the page's State of what was asked for elsewhere; `tabs` are the page's tabs."""

    def __init__(self, services: Services, wish: gr.State, tabs: gr.Tabs) -> None:
        self._services = services
        self._tabs = tabs
        examples = json.loads(EXAMPLES_FILE.read_text("utf-8"))
        with gr.Tab(t("text"), id="text", elem_id="tab-text"):
            with gr.Tabs(elem_id="text-tabs") as self._inner:
                with gr.Tab(t("chat"), id="chat", elem_id="tab-chat"):
                    self.chat = Chat(services, examples["chat"])
                with gr.Tab(t("tasks"), id="tasks", elem_id="tab-tasks"):
                    self.tasks = Tasks(services, examples)
            self.tasks.saved.render()
            self.tasks.saved_job.render()
        self._wire(wish)

    def _wire(self, wish: gr.State) -> None:
        quiet = quietly()
        chat, tasks = self.chat, self.tasks
        outputs = [self._tabs, self._inner, *chat.outputs, *tasks.show_outputs]
        wish.change(told(self._grant), [wish, chat.hidden], outputs, **quiet)
        tasks.parts.recent.click(told(self._open_recent), None, outputs, **quiet)
        send_on([tasks.parts.sending, chat.parts.sending], wish)

    def load(self, blocks: gr.Blocks) -> None:
        """Bring back what this browser had open."""
        quiet = quietly()
        chat, tasks = self.chat, self.tasks
        bring_back(blocks, chat.panel.components, chat.saved)
        bring_back(blocks, tasks.kept, tasks.saved)
        blocks.load(told(chat.load), [chat.saved, chat.saved_current, chat.hidden], chat.outputs, **quiet)
        blocks.load(told(tasks.load), [tasks.saved, tasks.saved_job], tasks.show_outputs, **quiet)

    # ── what is asked for elsewhere ──────────────────────────────────────────────────────────────────────────────────

    def _grant(self, wish: Wish, hidden: PrivateConversations, request: gr.Request) -> dict:
        """Open a conversation, a creation, a job or the settings of a dropped file, where it is text. Raises NotFound."""
        owner = self._services.identity.who(request)
        match wish:
            case ("conversation", str(conversation_id), _):
                return self._at("chat") | self.chat.open(conversation_id, hidden, request)
            case ("creation", str(creation_id), _):
                creation = self._services.creations.get(owner, creation_id)
                if creation.kind == "text" and isinstance(recipe.request_of(creation.recipe), TextRequest):
                    return self._open_creation(owner, creation_id, request)
            case ("job", str(job_id), _):
                job = self._services.jobs.get(owner, job_id)
                if job.conversation_id:
                    return self._at("chat") | self.chat.open(job.conversation_id, hidden, request)
                if isinstance(job.request, TextRequest):
                    form = self.tasks.filled(job.request, language(request))
                    return self._at("tasks") | form | self.tasks.shown(owner, job.id)
            case ("text", _, _):
                return {self._tabs: gr.Tabs(selected="text")}
            case ("to-write", str(which), _):
                return self._at("tasks") | self.tasks.with_text(sending.text_of(self._services, owner, which), which)
            case ("to-chat", str(which), _):
                return self._at("chat") | self.chat.begin_with(sending.text_of(self._services, owner, which), request)
            case ("recipe", str(text), _):
                asked = recipe.request_of(json.loads(text))
                if isinstance(asked, TextRequest) and any(one.role == "assistant" for one in asked.messages):
                    return self._at("chat") | self.chat.restored(asked, hidden, request)
                if isinstance(asked, TextRequest):
                    return self._fill(asked, request)
        return {self._tabs: gr.skip()}  # something of another tab

    def _open_creation(self, owner: str, creation_id: str, request: gr.Request) -> dict:
        """The settings of a creation filled in, and its result shown as long as its job is there."""
        creation = self._services.creations.get(owner, creation_id)
        asked = recipe.request_of(creation.recipe)
        if not isinstance(asked, TextRequest):
            raise NotFound(thing="creation")
        updates = self._fill(asked, request)
        return updates if asked.task == "chat" else updates | self.tasks.shown(owner, creation.job_id)

    def _fill(self, asked: TextRequest, request: gr.Request) -> dict:
        if asked.task == "chat":
            last = asked.messages[-1] if asked.messages else None
            text = last.text if last is not None and last.role == "user" else ""
            return self._at("chat") | self.chat.begin_with(text, request) | self.chat.filled(asked)
        return self._at("tasks") | self.tasks.filled(asked, language(request))

    def _open_recent(self, event: gr.EventData, request: gr.Request) -> dict:
        return self._open_creation(self._services.identity.who(request), pressed(event)[1], request)

    def _at(self, place: str) -> dict:
        return {self._tabs: gr.Tabs(selected="text"), self._inner: gr.Tabs(selected=place)}
