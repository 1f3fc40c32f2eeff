"""What the Image tab has for some models only: the adapters that were trained over them, the numbers of those without words."""

from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.errors.base import StudioError
from pipelines.networks import latent_map
from pipelines.networks.generators import read_config
from studio.services import Services
from studio.ui.components import pressed, quietly
from studio.ui.i18n import language
from studio.ui.image import view
from studio.ui.image.chosen import SLIDERS, read_adapters, read_latent, read_place
from studio.ui.image.layout import MOVE_SLIDERS, ImageForm, ImageSettings
from studio.ui.image.map_box import MARK_PLACE
from studio.ui.told import told


class OfModel:
    """These parts, and what their presses do."""

    def __init__(self, services: Services, settings: ImageSettings, form: ImageForm) -> None:
        self._services, self._settings, self._form = services, settings, form

    def wire(self) -> list[Any]:
        """The events by which a program fills in what a person could have typed."""
        s, f, last = self._settings, self._form, quietly(trigger_mode="always_last")
        gr.on([s.model.change, s.adapters.change], told(self.offer), self.chosen, f.offered, **last)
        s.model.change(told(self._suit), [s.model, s.place], [f.wordless, f.sliders, f.map], **last)
        s.latent.change(None, s.latent, None, js=MOVE_SLIDERS, api_visibility="private")
        s.place.change(None, s.place, None, js=MARK_PLACE, api_visibility="private")
        laid = f.offered.click(told(_lay), s.adapters, s.adapters, **quietly())
        left = f.map.clear(lambda: "", None, s.place, **quietly())
        return [laid, left, f.sliders.click(told(_take), None, s.latent, **quietly())]

    def press_map(self) -> Any:
        """The event by which a place of the map is taken; what it shows is to be drawn then."""
        return self._form.map.click(told(_take_place), None, self._settings.place, **quietly())

    @property
    def chosen(self) -> list[Any]:
        """What `offer` goes by."""
        return [self._settings.model, self._settings.adapters]

    def offer(self, model: str | None, adapters: str, request: gr.Request) -> str:
        """The adapters that were trained here over the model; those that lie over it now are marked."""
        laid = {adapter.source for adapter in read_adapters(adapters or "")}
        return view.adapters_offered(self._services.catalog.adapters_of(model or ""), laid, language(request))

    def _suit(self, model: str | None, place: str, request: gr.Request) -> dict[Any, Any]:
        """A slider for each number that the model makes a picture of, as far as there are sliders, and the map of these numbers;
        nothing for others."""
        f, lang, shown, count = self._form, language(request), "", 0
        try:
            spec = self._services.catalog.find(model or "")
            if spec.family == "generator":
                folder = Path(spec.location)
                count = read_config(folder).latent
                chart = latent_map.read(folder)
                shown = view.latent_map(chart, (folder / "map.webp").read_bytes(), place or "", lang) if chart else ""
        except (StudioError, OSError, ValueError, KeyError, TypeError):  # none, or it goes away meanwhile
            pass
        sliders = view.latent_sliders(min(count, SLIDERS), lang) if count else ""
        return {f.wordless: gr.update(visible=count > 0), f.sliders: sliders, f.map: shown}


def _lay(event: gr.EventData, adapters: str) -> str:
    """One more line in the box, or one less."""
    name = pressed(event)[1]
    lines = [line for line in (adapters or "").splitlines() if line.strip()]
    others = [line for line in lines if name not in {adapter.source for adapter in read_adapters(line)}]
    return "\n".join(others if len(others) < len(lines) else [*lines, name])


def _take_place(event: gr.EventData) -> str:
    """Where the map was pressed, as text."""
    return ",".join(f"{number:g}" for number in read_place(pressed(event)[1]))


def _take(event: gr.EventData) -> str:
    """What the sliders say, as text."""
    return ",".join(f"{number:g}" for number in read_latent(pressed(event)[1]))
