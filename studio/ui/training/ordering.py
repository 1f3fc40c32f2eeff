"""The left side of the Training tab: what is chosen, what it will take, and the start."""

import json
from collections.abc import AsyncIterator
from dataclasses import astuple
from pathlib import Path
from types import ModuleType
from typing import Any

import gradio as gr

from pipelines.errors.access import NotAllowed, NotFound
from pipelines.errors.base import StudioError
from pipelines.errors.training import NetworkTooLarge, TrainingTooLarge
from pipelines.training.data import find_datasets, serves
from pipelines.training.trainer import changed, find_trainers, takes_model
from pipelines.types.training import TrainRequest
from studio.identity import GUEST
from studio.jobs.launching import nvidia_gpus
from studio.library.datasets import OwnDataset, Report
from studio.services import Services
from studio.ui.components import model_choices_of, pressed, quietly
from studio.ui.i18n import language, t
from studio.ui.told import told
from studio.ui.training import examples, form, launch, view
from studio.ui.training.changing import Changing, shown_changes
from studio.ui.training.layout import WITH_FORM, Parts
from studio.ui.training.own_sets import OwnSets
from studio.ui.wishes import nonce
from studio.ui.words import WORDS, say

Updates = dict[Any, Any]


class Ordering:
    """`trainers` and `datasets` are those that there are, by name."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._services = services
        self._parts = parts
        self._trainers = find_trainers()
        self._datasets = find_datasets()
        self._examples = examples.Examples(services.settings.cache / "examples")
        self.own_sets = OwnSets(services, parts, self._take, self._choose_own, self._refuse_guests)
        self._changing = Changing(services.settings.home / "datasets")

    def wire(self, to_show: list[Any]) -> None:
        """`to_show` become the run that was started, "", and a nonce (see `tabs/training.py`)."""
        p, quiet = self._parts, quietly()
        chosen = [p.filled, p.trainer, p.dataset, p.base, p.preset, p.name]
        of_trainer: list[Any] = [p.about, p.dataset, p.data, p.base, p.settings, p.forecast, p.show_changes, p.changes]
        p.trainer.input(told(self._change_trainer), [p.trainer, p.preset, p.dataset], of_trainer, **quiet)
        p.dataset.input(told(self._choose_dataset), chosen, [p.data, p.forecast], js=WITH_FORM, **quiet)
        p.preset.input(told(self._choose_preset), [p.trainer, p.dataset, p.preset], [p.settings, p.forecast], **quiet)
        p.settings.click(told(self._change), chosen[1:], p.forecast, **quietly(trigger_mode="always_last"))
        p.data.click(told(self._press_data), [p.trainer, p.preset, p.dataset], of_trainer, **quiet)
        brought = p.brought.upload(
            told(self._bring), [p.brought, p.trainer, p.preset], [p.brought, p.trainer, *of_trainer], **quiet
        )
        brought.failure(lambda: None, None, p.brought, **quiet)  # refused files make room for the next ones
        p.start.click(told(self._start), chosen, to_show, js=WITH_FORM, **quiet)
        self.own_sets.wire(of_trainer)
        p.show_changes.click(told(self._show_changes), chosen, p.changes, js=WITH_FORM, **quiet)
        p.show_launch.click(told(self._show_launch), chosen, p.launch, js=WITH_FORM, **quiet)

    def load(self, blocks: gr.Blocks) -> None:
        """Fill in when the page is opened."""
        p = self._parts
        outputs: list[Any] = [p.preset, p.about, p.dataset, p.data, p.base, p.settings, p.forecast]
        outputs += [p.show_changes, p.changes]
        blocks.load(told(self._open), [p.trainer], outputs, **quietly())
        self.own_sets.load(blocks)

    # ── what is chosen ───────────────────────────────────────────────────────────────────────────────────────────────

    def _open(self, trainer: str, request: gr.Request) -> Updates:
        device = self._services.jobs.status()["workers"][0]["device"]
        preset = "gpu" if device == "cuda" else "cpu"
        return {self._parts.preset: preset, **self._choose_trainer(trainer, preset, request)}

    def _change_trainer(self, trainer: str, preset: str, dataset: str | None, request: gr.Request) -> Updates:
        """The data stay, where it learns from them."""
        return self._choose_trainer(trainer, preset, request, wanted=str(dataset or ""))

    def _choose_trainer(self, trainer: str, preset: str, request: gr.Request, wanted: str = "") -> Updates:
        """Its data sets, `wanted` or the first of them, and its settings."""
        p, lang, owner = self._parts, language(request), self._services.identity.who(request)
        module = self._trainer(trainer)
        offered = self._offered(owner, module, lang)
        names = [name for _, name in offered]
        dataset = wanted if wanted in names else names[0] if names else ""
        return {
            p.about: view.about_trainer(trainer, module, lang),
            p.dataset: gr.update(choices=offered, value=dataset or None),
            p.data: self._card(owner, dataset, lang),
            p.base: self._bases(module, lang),
            p.settings: form.form(form.fields_of(module, _preset(preset)), {}, lang),
            p.forecast: self._forecast(owner, TrainRequest(trainer, dataset, {}, _preset(preset)), lang),
            p.show_changes: gr.update(visible=hasattr(module.PRESETS["cpu"], "augment")),
            p.changes: "",
        }

    def _offered(self, owner: str, trainer: ModuleType, lang: str) -> list[tuple[Any, str]]:
        """The data sets that it learns from: those that come along, then the person's own."""
        fitting = [name for name, dataset in self._datasets.items() if serves(dataset, trainer)]
        own = [one for one in self._services.datasets.of_owner(owner) if serves(one, trainer)]
        packaged = [(t(f"dataset_{name}") if f"dataset_{name}" in WORDS else name, name) for name in fitting]
        return [*packaged, *((say("own_data", lang, title=one.title, n=f"{one.count:,}"), one.id) for one in own)]

    def _choose_dataset(
        self, filled: dict | None, trainer: str, dataset: str, base: str, preset: str, name: str, request: gr.Request
    ) -> Updates:
        lang, owner = language(request), self._services.identity.who(request)
        asked = self._request(filled, trainer, dataset, base, preset, name)
        card = self._card(owner, dataset, lang)
        return {self._parts.data: card, self._parts.forecast: self._forecast(owner, asked, lang)}

    def _choose_preset(self, trainer: str, dataset: str, preset: str, request: gr.Request) -> Updates:
        """Its values into the form."""
        p, lang, owner = self._parts, language(request), self._services.identity.who(request)
        settings = form.form(form.fields_of(self._trainer(trainer), _preset(preset)), {}, lang)
        return {
            p.settings: settings,
            p.forecast: self._forecast(owner, TrainRequest(trainer, dataset, {}, _preset(preset)), lang),
        }

    def _change(
        self, event: gr.EventData, trainer: str, dataset: str, base: str, preset: str, name: str, request: gr.Request
    ) -> str:
        """A setting was changed: what it will take now. What cannot be is said at the start."""
        try:
            filled = json.loads(pressed(event)[1])
            asked = self._request(filled, trainer, dataset, base, preset, name)
        except (StudioError, ValueError):
            return ""
        return self._forecast(self._services.identity.who(request), asked, language(request))

    # ── data ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _press_data(
        self, event: gr.EventData, trainer: str, preset: str, dataset: str, request: gr.Request
    ) -> AsyncIterator[Updates]:
        """The examples of a data set, which take seconds; or one's own is deleted."""
        card, lang, owner = self._parts.data, language(request), self._services.identity.who(request)
        match pressed(event):
            case ("remove", str(which)):
                yield {card: self._card(owner, which, lang, is_sure=True)}
                return
            case ("remove-sure", str(which)):
                self._services.runs.remove_data(owner, which)
                yield self._choose_trainer(trainer, preset, request)
                return
            case ("keep", str(which)):
                yield {card: self._card(owner, which, lang)}
                return
        if dataset not in self._datasets:
            yield {card: gr.skip()}
            return
        waiting = f'<p class="help" role="status">{say("reading_examples", lang)}</p>'
        yield {card: view.dataset_card(self._datasets[dataset], waiting, lang)}
        try:
            await self._examples.make(dataset)
            found = examples.shown(self._examples.folder, dataset, lang)
        except StudioError as error:
            found = view.refused(error, lang)
        yield {card: view.dataset_card(self._datasets[dataset], found, lang)}

    def _bring(self, paths: list[str], trainer: str, preset: str, request: gr.Request) -> Updates:
        """Examine and keep what was brought, and choose a trainer that learns from it. Raises NotAllowed, and what `add` raises."""
        p, lang, owner = self._parts, language(request), self._services.identity.who(request)
        self._refuse_guests(owner)
        files = [
            (Path(path).name, Path(path)) for path in paths
        ]  # gradio's to remove: another person may have brought the same
        stem = Path(files[0][0]).stem
        title = stem if len(files) == 1 else say("files_of", lang, name=stem, n=len(files) - 1)
        kept = self._services.datasets.add(owner, title, files)
        return {p.brought: None, **self._take(kept, trainer, preset, request)}

    def _take(self, kept: OwnDataset | Report, trainer: str, preset: str, request: gr.Request) -> Updates:
        """What was kept is chosen, with a trainer that learns from it; what was too little is told."""
        if isinstance(kept, Report):
            return {self._parts.data: view.nothing_kept(kept, language(request))}
        return self._choose_own(trainer, preset, kept.id, request)

    def _choose_own(self, trainer: str, preset: str, wanted: str, request: gr.Request) -> Updates:
        """Raises NotFound."""
        kept = self._services.datasets.get(self._services.identity.who(request), wanted)
        fitting = [name for name, module in self._trainers.items() if serves(kept, module)]
        chosen = trainer if trainer in fitting else next(iter(fitting), trainer)
        return {self._parts.trainer: chosen, **self._choose_trainer(chosen, preset, request, wanted=wanted)}

    async def _show_changes(
        self, filled: dict | None, trainer: str, dataset: str, base: str, preset: str, name: str, request: gr.Request
    ) -> AsyncIterator[str]:
        """Some examples before and after the changes of the settings as they stand. Raises WrongSetting and what `order` raises."""
        lang, owner = language(request), self._services.identity.who(request)
        asked = self._request(filled, trainer, dataset, base, preset, name)
        settings = changed(asked.trainer, self._trainer(trainer).PRESETS[_preset(preset)], asked.settings)
        if not hasattr(settings, "augment") or not any(astuple(settings.augment)):
            words = "changes_none" if hasattr(settings, "augment") else "changes_unknown"
            yield f'<p class="help">{say(words, lang)}</p>'
            return
        if dataset not in self._datasets:
            self._services.datasets.get(owner, dataset)
        yield f'<p class="help" role="status">{say("changes_reading", lang)}</p>'
        yield shown_changes(await self._changing.show(asked), lang)

    def _show_launch(
        self, filled: dict | None, trainer: str, dataset: str, base: str, preset: str, name: str, request: gr.Request
    ) -> str:
        """What trains it by several processes, on one machine or on two. Raises what `order` raises."""
        owner, settings = self._services.identity.who(request), self._services.settings
        self._refuse_guests(owner)
        asked = self._request(filled, trainer, dataset, base, preset, name)
        plan = self._services.runs.order(owner, asked).settings
        home = settings.home if settings.is_loopback else Path("DIR")
        return launch.shown_commands(
            asked, home, settings.training_processes or nvidia_gpus() or 2, plan, language(request)
        )

    # ── the start ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(
        self, filled: dict | None, trainer: str, dataset: str, base: str, preset: str, name: str, request: gr.Request
    ) -> tuple[str, str, str]:
        """Raises NotAllowed for whoever would not find it again, and what `Runs.start` raises."""
        owner = self._services.identity.who(request)
        self._refuse_guests(owner)
        job = self._services.runs.start(owner, self._request(filled, trainer, dataset, base, preset, name))
        return job.id, "", nonce()

    def _refuse_guests(self, owner: str) -> None:
        if self._services.settings.is_public_demo:
            raise NotAllowed(reason="models are not trained here")
        if owner == GUEST:
            raise NotAllowed(reason="your browser keeps no cookies")

    def _request(
        self, filled: dict | None, trainer: str, dataset: str, base: str, preset: str, name: str
    ) -> TrainRequest:
        """Raises WrongSetting. Values come from the browser, whatever the page offered."""
        module = self._trainer(trainer)
        settings = form.read(module, _preset(preset), filled if isinstance(filled, dict) else {})
        model = str(base or "") if takes_model(module) else ""
        return TrainRequest(str(trainer), str(dataset or ""), settings, _preset(preset), model, str(name or "").strip())

    # ── what is shown ────────────────────────────────────────────────────────────────────────────────────────────────

    def _trainer(self, name: str) -> ModuleType:
        return self._trainers[name] if name in self._trainers else next(iter(self._trainers.values()))

    def _card(self, owner: str, dataset: str, lang: str, *, is_sure: bool = False) -> str:
        if dataset not in self._datasets:
            try:
                return view.own_card(self._services.datasets.get(owner, dataset), lang, is_sure=is_sure)
            except NotFound:
                return view.no_data(lang)
        return view.dataset_card(self._datasets[dataset], examples.shown(self._examples.folder, dataset, lang), lang)

    def _bases(self, trainer: ModuleType, lang: str) -> Any:
        if not takes_model(trainer):
            return gr.update(visible=False)
        catalog = self._services.catalog
        here = [spec for spec in catalog.rows() if spec.source != "none" and catalog.is_on_disk(spec)]
        tasks = set(trainer.BASES)
        offered = model_choices_of(self._services, [spec for spec in here if tasks & set(spec.tasks)], lang)
        if not trainer.NEEDS_MODEL:
            offered = [(say("no_base", lang), ""), *offered]
        return gr.update(visible=True, choices=offered, value=offered[0][1] if offered else None)

    def _forecast(self, owner: str, asked: TrainRequest, lang: str) -> str:
        try:
            found = self._services.runs.forecast(owner, asked)
        except (TrainingTooLarge, NetworkTooLarge) as error:
            return view.refused(error, lang)
        except StudioError:  # a base to be chosen first, a value out of its range: said at the start
            return ""
        memory = self._services.jobs.status()["memory"].get("ram")
        return view.forecast_line(found, memory["free_bytes"] if memory else None, lang)


def _preset(value: object) -> Any:
    """One of the two, whatever the browser sent."""
    return "gpu" if value == "gpu" else "cpu"
