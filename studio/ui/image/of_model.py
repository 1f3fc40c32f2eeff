"""What the Image tab has for some models only: the adapters that were trained over them, the numbers of those without words."""

from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.errors.base import StudioError
from pipelines.generators import read_config
from studio.services import Services
from studio.ui.components import pressed, quietly
from studio.ui.i18n import language
from studio.ui.image import view
from studio.ui.image.chosen import SLIDERS, read_adapters, read_latent
from studio.ui.image.layout import MOVE_SLIDERS, ImageForm, ImageSettings
from studio.ui.told import told


class OfModel:
    """These parts, and what their presses do."""

    def __init__(self, services: Services, settings: ImageSettings, form: ImageForm) -> None:
        self._services, self._settings, self._form = services, settings, form

    def wire(self) -> list[Any]:
        """The events by which a program fills in what a person could have typed."""
        s, f, last = self._settings, self._form, quietly(trigger_mode="always_last")
        gr.on([s.model.change, s.adapters.change], told(self.offer), self.chosen, f.offered, **last)
        s.model.change(told(self._suit), s.model, [f.wordless, f.sliders], **last)
        s.latent.change(None, s.latent, None, js=MOVE_SLIDERS, api_visibility="private")
        laid = f.offered.click(told(_lay), s.adapters, s.adapters, **quietly())
        return [laid, f.sliders.click(told(_take), None, s.latent, **quietly())]

    @property
    def chosen(self) -> list[Any]:
        """What `offer` goes by."""
        return [self._settings.model, self._settings.adapters]

    def offer(self, model: str | None, adapters: str, request: gr.Request) -> str:
        """The adapters that were trained here over the model; those that lie over it now are marked."""
        laid = {adapter.source for adapter in read_adapters(adapters or "")}
        return view.adapters_offered(self._services.catalog.adapters_of(model or ""), laid, language(request))

    def _suit(self, model: str | None, request: gr.Request) -> dict[Any, Any]:
        """A slider for each number that the model makes a picture of, as far as there are sliders; nothing for others."""
        try:
            spec = self._services.catalog.find(model or "")
            count = read_config(Path(spec.location)).latent if spec.family == "generator" else 0
        except (StudioError, OSError, ValueError, KeyError, TypeError):  # none, or it goes away meanwhile
            count = 0
        sliders = view.latent_sliders(min(count, SLIDERS), language(request)) if count else ""
        return {self._form.wordless: gr.update(visible=count > 0), self._form.sliders: sliders}


def _lay(event: gr.EventData, adapters: str) -> str:
    """One more line in the box, or one less."""
    name = pressed(event)[1]
    lines = [line for line in (adapters or "").splitlines() if line.strip()]
    others = [line for line in lines if name not in {adapter.source for adapter in read_adapters(line)}]
    return "\n".join(others if len(others) < len(lines) else [*lines, name])


def _take(event: gr.EventData) -> str:
    """What the sliders say, as text."""
    return ",".join(f"{number:g}" for number in read_latent(pressed(event)[1]))
