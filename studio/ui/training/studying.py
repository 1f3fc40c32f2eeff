"""The search for settings in the Training tab: what is varied and how long, and what is pressed on what was found."""

from types import ModuleType
from typing import Any

import gradio as gr

from pipelines.errors.access import NotAllowed
from pipelines.training.data import find_datasets, serves
from pipelines.training.space import offered
from pipelines.training.trainer import find_trainers, takes_model
from pipelines.types.study import METHODS, StudyRequest
from pipelines.types.training import Preset
from studio.identity import GUEST
from studio.services import Services
from studio.ui.components import quietly
from studio.ui.i18n import language
from studio.ui.told import told
from studio.ui.training import form
from studio.ui.training.layout import WITH_FORM, Parts
from studio.ui.training.view import trainer_name
from studio.ui.wishes import nonce

Updates = dict[Any, Any]


class StudyForm:
    """Drawn where it is made; what it is about is chosen above it."""

    def __init__(self, services: Services, parts: Parts) -> None:
        self._services, self._parts = services, parts
        self._trainers = find_trainers()

    def wire(self, to_show: list[Any]) -> None:
        """`to_show` become the run that is shown, "", and a nonce (see `tabs/training.py`)."""
        p, quiet = self._parts, quietly()
        opening: list[Any] = [p.trainer, p.dataset, p.preset]
        p.study_part.expand(told(self._fill), opening, [p.families, p.vary], **quiet)
        # When the trainer changes, the browser still tells the data set of the one before, and gradio refuses what is offered no more.
        p.trainer.change(told(self._fill_anew), [p.trainer, p.preset], [p.families, p.vary], **quiet)
        p.dataset.change(told(self._fill), opening, [p.families, p.vary], **quiet)
        chosen = [
            p.filled,
            p.trainer,
            p.dataset,
            p.base,
            p.preset,
            p.name,
            p.families,
            p.vary,
            p.method,
            p.trials,
            p.minutes,
        ]
        p.search.click(told(self._start), chosen, to_show, js=WITH_FORM, **quiet)

    def _fill_anew(self, trainer: str, preset: str, request: gr.Request) -> Updates:
        """With the data set that is offered first."""
        module = self._trainers.get(trainer)
        fitting = [name for name, one in find_datasets().items() if module is not None and serves(one, module)]
        return self._fill(trainer, fitting[0] if fitting else "", preset, request)

    def _fill(self, trainer: str, dataset: str, preset: str, request: gr.Request) -> Updates:
        """The other trainers that can be compared with this one on these data, and the settings that it has."""
        p, lang = self._parts, language(request)
        module = self._trainers.get(trainer)
        if module is None:
            return {p.families: gr.skip(), p.vary: gr.skip()}
        others = [(trainer_name(name, lang), name) for name in self._rivals(trainer, module, dataset, request)]
        names = offered(module.PRESETS["gpu" if preset == "gpu" else "cpu"])
        settings = [(form.setting_name(name, lang), name) for name in names]
        usual = [name for name in names[:2] if name in ("plan.learning_rate", "batch")]
        return {
            p.families: gr.update(choices=others, value=[], visible=bool(others)),
            p.vary: gr.update(choices=settings, value=usual),
        }

    def _rivals(self, trainer: str, module: ModuleType, dataset: str, request: gr.Request) -> list[str]:
        """What learns from the same data and is judged by the same metric."""
        packaged = find_datasets().get(dataset)
        owner = self._services.identity.who(request)
        own = next((one for one in self._services.datasets.of_owner(owner) if one.id == dataset), None)
        data = packaged or own
        return [
            name
            for name, other in self._trainers.items()
            if name != trainer
            and data is not None
            and serves(data, other)
            and (other.METRIC, other.IS_BETTER, other.NEEDS_MODEL)
            == (module.METRIC, module.IS_BETTER, module.NEEDS_MODEL)
        ]

    def _start(
        self, filled: dict | None, trainer: str, dataset: str, base: str, preset: str, name: str,
        families: list[str], vary: list[str], method: str, trials: float, minutes: float, request: gr.Request,
    ) -> tuple[Any, str, str]:  # fmt: skip
        """Raises WrongSetting, and what `Studies.start` raises. Settings in the form hold for all trials, unless they are varied."""
        owner = self._services.identity.who(request)
        if owner == GUEST:
            raise NotAllowed(reason="your browser keeps no cookies")
        module = self._trainers[trainer] if trainer in self._trainers else next(iter(self._trainers.values()))
        which: Preset = "gpu" if preset == "gpu" else "cpu"
        how = next((one for one in METHODS if one == method), METHODS[0])
        fixed = form.read(module, which, filled if isinstance(filled, dict) else {})
        asked = StudyRequest(
            (str(trainer), *map(str, families or [])),
            str(dataset or ""),
            {key: value for key, value in fixed.items() if key not in (vary or [])},
            which,
            str(base or "") if takes_model(module) else "",
            tuple(map(str, vary or [])),
            method=how,
            trials=int(trials or 0),
            minutes=float(minutes or 0.0),
            name=str(name or "").strip(),
        )
        self._services.studies.start(owner, asked)
        return gr.skip(), "", nonce()
