"""The Models tab: what is loaded, what comes, what there is, and what can be added. Lists are made in `cards.py`."""

import asyncio
import shutil
import time
from typing import Any

import gradio as gr

from pipelines.errors.access import NotAllowed
from pipelines.errors.requests import EmptyName
from pipelines.loading.hub import cache as hub_cache
from pipelines.types.download import DownloadRequest
from pipelines.types.load import LoadRequest
from studio.identity import GUEST
from studio.library.removal import Uses
from studio.services import Services
from studio.ui.components import pressed, quietly
from studio.ui.i18n import language, t
from studio.ui.lists import task_name
from studio.ui.models import cards, rows
from studio.ui.models.layout import lay_out
from studio.ui.models.rows import Wanted
from studio.ui.newest import show_newest
from studio.ui.told import inform, told
from studio.ui.wishes import Wish
from studio.ui.words import say

Updates = dict[Any, Any]
EVERY_SECONDS = 1.5
SHOWN_MODELS = 24
# in `seen`, beside the parts: the mark of the last look with what was asked for, and how its models are called
MARK, NAMES = "mark", "names"
STOP_SECONDS = 12.0  # how long a download may take to let go of its file

# The first input becomes whether the tab is open, which only the browser knows.
_IS_OPEN = "(_, ...rest) => [document.querySelector('#models-cards')?.offsetParent != null, ...rest]"


class ModelsTab:
    """The tab. While another one is open, nothing is looked up."""

    def __init__(self, services: Services, wish: gr.State, tabs: gr.Tabs) -> None:
        """`wish` is the page's State of what was asked for elsewhere; `tabs` are the page's tabs."""
        self._services = services
        self._tabs = tabs
        self._is_managed = not services.settings.is_public_demo
        with gr.Tab(t("models"), id="models", elem_id="tab-models") as self._tab:
            self._is_open = gr.Checkbox(True, visible=False)
            self._asked = gr.State("")  # the model whose removal is to be confirmed
            self._is_whole = gr.State(False)  # the whole list, not only its beginning
            self._seen = gr.State({})  # what the lists show now, so that only what changed is sent
            self._samples = gr.State({})
            self._timer = gr.Timer(EVERY_SECONDS, active=False)
            self._parts = lay_out(is_managed=self._is_managed)
            self._wire(wish)  # inside the Tab: another child of gr.Tabs would make gradio show the tab twice

    def _wire(self, wish: gr.State) -> None:
        quiet, p = quietly(), self._parts
        wish.change(told(self._grant), wish, self._tabs, **quiet)
        asked = [*p.filters, self._asked, self._is_whole, self._seen, self._samples]
        shown: list[Any] = [p.memory, p.loaded, p.disk, p.downloads, p.cards, p.count, p.token_state]
        shown += [self._asked, self._is_whole, self._seen, self._samples]
        self._tab.select(lambda: gr.Timer(active=True), None, self._timer, queue=False, **quiet)
        self._tab.select(told(self._show), asked, shown, **quiet)
        ticked = [self._is_open, *asked]
        self._timer.tick(told(self._tick), ticked, [*shown, self._timer], js=_IS_OPEN, queue=False, **quiet)
        narrowing = [p.words.change, *(part.input for part in p.filters[1:])]
        show_newest(narrowing, self._show, asked, shown)
        for part in (p.cards, p.loaded, p.downloads, p.found):
            part.click(told(self._press), asked, [*shown, p.found], **quiet)
        gr.on(
            [p.look.click, p.name.submit],
            told(self._look),
            [p.name],
            p.found,
            **quietly(show_progress="minimal", show_progress_on=p.found),
        )
        p.keep_token.click(told(self._keep_token), [p.token], [p.token, p.token_state], **quiet)
        p.forget_token.click(told(self._forget_token), None, [p.token, p.token_state], **quiet)

    def _grant(self, wish: Wish, request: gr.Request) -> Any:
        """Come to the front where a download or a load is to be opened. Raises NotFound."""
        what, which, _ = wish
        if what == "job":
            job = self._services.jobs.get(self._services.identity.who(request), which)
            if isinstance(job.request, DownloadRequest | LoadRequest):
                return gr.Tabs(selected="models")
        return gr.skip()

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    def _tick(
        self, is_open: bool, words: str, task: str, size: str, licence: str, fitting: bool, here: bool, asked: str,
        is_whole: bool, seen: dict, samples: rows.Samples, request: gr.Request,
    ) -> Updates:  # fmt: skip
        if not is_open:
            return {self._timer: gr.Timer(active=False)}
        services, lang = self._services, language(request)
        status = services.jobs.status()
        # an older answer that came last to the page is mended here, too
        wanted = (words, task, size, licence, fitting, here, asked, is_whole)
        if seen.get(MARK) == (rows.change_mark(services, status), wanted):
            return self._changed(self._machine(status, seen[NAMES], services.identity.who(request), lang), seen)
        return self._show(words, task, size, licence, fitting, here, asked, is_whole, seen, samples, request)

    def _show(
        self, words: str, task: str, size: str, licence: str, fitting: bool, here: bool, asked: str,
        is_whole: bool, seen: dict, samples: rows.Samples, request: gr.Request,
    ) -> Updates:  # fmt: skip
        """Everything that has changed since `seen`."""
        services, p = self._services, self._parts
        owner, lang = services.identity.who(request), language(request)

        # 1 Every model with its state, and how fast those come that come
        status = services.jobs.status()
        mark = rows.change_mark(services, status)  # before the look, so that what changes meanwhile is seen at the next
        models = rows.rows_of(services, owner)
        samples = rows.sampled(samples, models)
        speeds = {model: rows.speed(looks) for model, looks in samples.items()}

        # 2 Those that were asked for
        wanted = Wanted(words, task, size, licence, fitting, here)
        listed = rows.matching(models, wanted)
        uses = services.removal.uses(owner, asked) if asked else Uses()

        # 3 As HTML
        names = {row.spec.id: row.spec.name for row in models}
        now = {
            **self._machine(status, names, owner, lang),
            p.downloads: cards.downloads([row for row in models if row.is_moving], speeds, lang),
            p.cards: cards.model_cards(
                listed if is_whole else listed[:SHOWN_MODELS], lang, asked=asked, uses=uses,
                hidden=0 if is_whole else max(len(listed) - SHOWN_MODELS, 0), is_managed=self._is_managed,
            ),
            p.count: say("models_count", lang, n=len(listed), of=len(models)),
            p.token_state: say("token_set" if services.hub_token.is_set else "token_not_set", lang),
        }  # fmt: skip
        kept = {self._asked: asked, self._is_whole: is_whole, self._samples: samples}
        mark = mark, (words, task, size, licence, fitting, here, asked, is_whole)
        return {**self._changed(now, {**seen, MARK: mark, NAMES: names}), **kept}

    def _machine(self, status: dict[str, Any], names: dict[str, str], owner: str, lang: str) -> Updates:
        """What this machine has and holds, as HTML; it changes from one second to the next."""
        p, loaded = self._parts, status["loaded_models"]
        titles = rows.titles(self._services, owner, loaded)
        return {
            p.memory: cards.memory_bars(rows.memory_bars(status), lang),
            p.loaded: cards.loaded_rows(loaded, names, titles, lang, is_managed=self._is_managed),
            p.disk: cards.disk_lines(self._disks(), lang) if self._is_managed else "",
        }

    def _changed(self, now: Updates, seen: dict) -> Updates:
        """Of the parts in `now` those that look other than in `seen`, and the new `seen`."""
        texts = {str(part._id): html for part, html in now.items()}
        changed = {part: html for part, html in now.items() if seen.get(str(part._id)) != html}
        return {**changed, self._seen: {**seen, **texts}}

    def _disks(self) -> list[tuple[str, str, int, int]]:
        """Where models and what people make lie. What is not there yet lies on the disk of the folder above."""
        found = []
        folders = {"models": hub_cache.cache_folder(), "home": self._services.settings.home}
        for what, folder in folders.items():
            above = next(path for path in (folder, *folder.parents) if path.exists())
            usage = shutil.disk_usage(above)
            found.append((what, str(folder), usage.free, usage.total))
        return found

    # ── what is pressed ──────────────────────────────────────────────────────────────────────────────────────────────

    async def _press(
        self, event: gr.EventData, words: str, task: str, size: str, licence: str, fitting: bool, here: bool,
        asked: str, is_whole: bool, seen: dict, samples: rows.Samples, request: gr.Request,
    ) -> Updates:  # fmt: skip
        """Whatever a button of a list says. Raises NotAllowed in a public demo."""
        if not self._is_managed:
            raise NotAllowed(reason="models are not managed here")
        services, lang = self._services, language(request)
        owner, found, asked = services.identity.who(request), {}, ""
        action, model = pressed(event)
        match action:
            case "load":
                services.jobs.submit(owner, LoadRequest(model))
            case "unload":
                services.jobs.unload(model)
            case "pin" | "unpin":
                services.jobs.pin(model, action == "pin")
            case "download":
                services.jobs.submit(owner, DownloadRequest(model))
                found = {self._parts.found: ""}
            case "pause":
                self._stop(owner, model)
            case "cancel":
                await self._cancel(owner, model)
            case "add":
                services.added.add(services.catalog.find(model))
                found = {self._parts.found: ""}
                inform("model_added", lang)
            case "ask-remove":
                asked = model
            case "remove":
                await asyncio.to_thread(services.removal.remove, model)
                found = {self._parts.found: ""}
                inform("model_removed", lang)
            case "forget":
                services.added.forget(model)
            case "all":
                is_whole = True
        shown = await asyncio.to_thread(
            self._show, words, task, size, licence, fitting, here, asked, is_whole, seen, samples, request
        )
        return {**shown, **found}

    def _stop(self, owner: str, model: str) -> None:
        """Stop the person's own download; what came stays."""
        job = rows.newest_jobs(self._services, owner).get(("download", model))
        if job is not None and not job.is_ended:
            self._services.jobs.cancel(owner, job.id)

    async def _cancel(self, owner: str, model: str) -> None:
        """Stop it and delete what came, as soon as nobody works on it any more."""
        services = self._services
        self._stop(owner, model)
        deadline = time.monotonic() + STOP_SECONDS
        while model in services.models_at_work() and time.monotonic() < deadline:
            await asyncio.sleep(0.1)
        spec = services.catalog.locate(model)
        if spec.source == "hub" and not services.catalog.is_on_disk(spec):
            await asyncio.to_thread(services.removal.remove, model)
        self._hide_failure(owner, model)

    def _hide_failure(self, owner: str, model: str) -> None:
        """What failed stands in the list until it is tried again or given up."""
        job = rows.newest_jobs(self._services, owner).get(("download", model))
        if job is not None and job.is_ended:
            self._services.jobs.remove(owner, job.id)

    # ── a model to add ───────────────────────────────────────────────────────────────────────────────────────────────

    def _look(self, name: str, request: gr.Request) -> str:
        """What a pasted name would be; asks the hub, so it may take seconds. Raises EmptyName, NotAllowed."""
        if not self._is_managed:
            raise NotAllowed(reason="models are not managed here")
        if not name.strip():
            raise EmptyName()
        services, lang = self._services, language(request)
        found = services.catalog.look(name.strip())
        tasks = [say("chat", lang) if task == "chat" else task_name(task, lang) for task in found.spec.tasks]
        return cards.look_card(
            found,
            lang,
            is_here=services.catalog.is_on_disk(found.spec),
            is_listed=any(row.id == found.spec.id for row in services.catalog.rows()),
            is_ours=services.removal.is_ours(found.spec),
            tasks=[task for task in tasks if task],
            forms=rows.forms_here(services, found.spec, services.jobs.status()),
            disk=self._disks()[0][2:],
        )

    # ── the token ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _keep_token(self, token: str, request: gr.Request) -> Updates:
        """The box is emptied: what was put in is shown to nobody again. Raises EmptyName, NotAllowed."""
        self._refuse_strangers(request)
        if not token.strip():
            raise EmptyName()
        self._services.hub_token.keep(token)
        return {self._parts.token: "", self._parts.token_state: say("token_set", language(request))}

    def _forget_token(self, request: gr.Request) -> Updates:
        self._refuse_strangers(request)
        self._services.hub_token.forget()
        return {self._parts.token: "", self._parts.token_state: say("token_not_set", language(request))}

    def _refuse_strangers(self, request: gr.Request) -> None:
        if not self._is_managed:
            raise NotAllowed(reason="models are not managed here")
        if self._services.identity.who(request) == GUEST:
            raise NotAllowed(reason="your browser keeps no cookies")
