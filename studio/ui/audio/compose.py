"""Compose: a piece in a key, a metre and a tempo, perhaps going on from a melody; as sound, as notes, as MIDI."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from pipelines.errors.base import StudioError
from pipelines.music.score import METRES
from pipelines.music.synthesis.instruments import INSTRUMENTS
from pipelines.sound.keys import MODES, TONICS, Key
from pipelines.types.music import MusicRequest, MusicResult
from studio.services import Services
from studio.ui import safe
from studio.ui.audio import layout, view
from studio.ui.audio.boxes import shown, whole
from studio.ui.audio.files import Given, sound
from studio.ui.audio.layout import Parts
from studio.ui.audio.panel import SoundPanel
from studio.ui.audio.stage import Outcome
from studio.ui.components import quietly
from studio.ui.i18n import language, t
from studio.ui.told import told
from studio.ui.watchers import Updates

SCORES = "score_transformer"  # the family that writes notes and takes no words
FOLLOWERS = "musicgen_melody"  # the one that follows a melody from its beginning, where others go on from its end


class Compose(SoundPanel):
    area = "compose"
    request_class = MusicRequest
    task = "music"

    def __init__(self, services: Services, wish: gr.State) -> None:
        super().__init__(services, wish)
        self._wire_form()

    def lay_out(self) -> Parts:
        made: dict[str, Any] = {}
        with gr.Row(elem_classes="studio-columns image-columns", equal_height=False):
            with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
                made["task"] = gr.Radio([(t("compose_music"), "music"), (t("compose_sound"), "sound")], value="music", label=t("compose_task"), elem_id="compose-task", elem_classes="segmented", visible=False)  # fmt: skip
                made["prompt"] = gr.Textbox(label=t("compose_prompt"), info=t("compose_prompt_help"), lines=2, max_lines=4, elem_id="compose-prompt", visible=False)  # fmt: skip
                with gr.Row(elem_classes="tight sizes"):
                    made["key"] = gr.Dropdown(_keys("en"), value="", label=t("compose_key"), elem_id="compose-key", min_width=120)  # fmt: skip
                    made["metre"] = gr.Dropdown([(t("compose_any"), ""), *((metre, metre) for metre in METRES)], value="", label=t("compose_metre"), elem_id="compose-metre", min_width=96)  # fmt: skip
                with gr.Row(elem_classes="tight sizes"):
                    made["instrument"] = gr.Dropdown(_instruments("en"), value=next(iter(INSTRUMENTS)), label=t("compose_instrument"), elem_id="compose-instrument", min_width=120)  # fmt: skip
                    made["tempo"] = layout.number("compose", "tempo", "compose_tempo", placeholder="compose_any_hint")
                made["seconds"] = gr.Slider(5, 300, 30, step=5, label=t("compose_seconds"), elem_id="compose-seconds")
                made["model"] = layout.model(self._services, "compose", self.models("en"), self.first_model())
                note = gr.HTML("", elem_id="compose-note", elem_classes="notice", visible=False)
                with gr.Accordion(t("compose_from"), open=False, elem_id="compose-from") as start:
                    melody = gr.File(
                        label=t("compose_melody"), elem_id="compose-melody", height=148,
                        file_types=[".mid", ".midi", ".wav", ".flac", ".mp3", ".ogg"],
                    )  # fmt: skip
                    hum = layout.sound_box("compose", "hum", "compose_hum", sources=("microphone",))
                with gr.Accordion(t("more_settings"), open=False, elem_id="compose-more"):
                    low, high = MusicRequest.RANGES["temperature"]
                    made["temperature"] = gr.Slider(low, high, 1.0, step=0.05, label=t("temperature"), info=t("compose_temperature_help"), elem_id="compose-temperature")  # fmt: skip
                    made["steps"] = layout.number("compose", "steps", "compose_steps", placeholder="compose_any_hint")
                    made["seed"] = layout.number("compose", "seed", "seed", placeholder="seed_drawn")
                made["private"] = layout.private("compose")
                (run,), stop = layout.runs("compose", "compose_run")
            with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
                stage = layout.stage("compose")
        files = {"melody": melody, "hum": hum}
        others = {"note": note, "from": start}
        return Parts(made, files, ((run, {}),), stop, **stage, recent=layout.recent("compose"), others=others)

    def _wire_form(self) -> None:
        s = self.parts.settings
        suited = [s["task"], s["prompt"], self.parts.others["note"], self.parts.others["from"]]
        s["model"].change(told(self._suit_model), s["model"], suited, **quietly(trigger_mode="always_last"))

    @property
    def load_outputs(self) -> list[Any]:
        s = self.parts.settings
        return [*self.show_outputs, s["model"], s["key"], s["instrument"], self.parts.others["note"]]

    def _load(self, saved: object, request: gr.Request) -> Updates:
        lang = language(request)
        note = self.note(self.first_model() or "", lang)
        return {
            **super()._load(saved, request),
            self.parts.settings["model"]: gr.update(choices=self.models(lang)),
            self.parts.settings["key"]: gr.update(choices=_keys(lang)),
            self.parts.settings["instrument"]: gr.update(choices=_instruments(lang)),
            self.parts.others["note"]: gr.update(value=safe.escape(note), visible=bool(note)),
        }

    def _suit_model(self, model: str, request: gr.Request) -> tuple[Any, ...]:
        """Music or a sound, and the box for words, where the model knows such; what one should know of it, and what it
        does with a melody."""
        note = self.note(model or "", language(request))
        try:
            spec = self._services.catalog.find(model or "")
            takes_words, makes_sounds, follows = spec.family != SCORES, "sound" in spec.tasks, spec.family == FOLLOWERS
        except StudioError:
            takes_words = makes_sounds = follows = False
        return (
            gr.update(visible=True) if makes_sounds else gr.update(visible=False, value="music"),
            gr.update(visible=takes_words),
            gr.update(value=safe.escape(note), visible=bool(note)),
            gr.update(label=t("compose_follow" if follows else "compose_from")),
        )

    def asked(self, values: Mapping[str, Any]) -> tuple[MusicRequest, dict[str, Given]]:
        """What is hummed goes before a file."""
        model, prompt = str(values["model"] or "").strip(), str(values["prompt"] or "")
        seconds, steps, seed = float(values["seconds"] or 30.0), whole(values["steps"]), whole(values["seed"])
        if values["task"] == "sound":  # it has no key and no metre, and goes on from nothing
            return MusicRequest(model, "sound", prompt, seconds=seconds, steps=steps, seed=seed), {}
        given = sound(values["hum"]) or sound(values["melody"], takes_midi=True)
        return MusicRequest(
            model,
            prompt=prompt,
            key=str(values["key"] or ""),
            metre=str(values["metre"] or ""),
            tempo=whole(values["tempo"]),
            seconds=seconds,
            instrument=str(values["instrument"] or ""),
            temperature=float(values["temperature"] or 1.0),
            steps=steps,
            seed=seed,
        ), {"melody": given} if given else {}

    def filled(self, asked: MusicRequest) -> Updates:
        s = self.parts.settings
        same = {
            s[name]: getattr(asked, name)
            for name in ("model", "task", "prompt", "key", "metre", "instrument", "seconds", "temperature")
        }
        numbers = {s["tempo"]: shown(asked.tempo), s["steps"]: shown(asked.steps)}
        return same | numbers | {s["seed"]: "" if asked.seed is None else str(asked.seed)}

    def outcome(self, outcome: Outcome, language: str) -> tuple[str, str, str]:
        made, result = self.sound_of(outcome), outcome.result
        if made is None:
            return "", "", ""
        known = result if isinstance(result, MusicResult) else None
        facts = view.music_facts(known, self.model_name(known.model), language) if known else ""
        return view.music_stage(made, known, language), facts, self.sound_actions(outcome, made, language)


def _keys(language: str) -> list[tuple[Any, str]]:
    keys = [Key(tonic, mode) for mode in MODES for tonic in range(len(TONICS))]
    return [
        (t("compose_any"), ""),
        *((view.key_name(f"{TONICS[key.tonic]} {key.mode}", language), str(key)) for key in keys),
    ]


def _instruments(language: str) -> list[tuple[str, str]]:
    return [(one.name_zh if language == "zh" else one.name_en, name) for name, one in INSTRUMENTS.items()]
