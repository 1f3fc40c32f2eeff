"""Speak: a text is read aloud, each sentence to be heard while the next ones are made."""

from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from pipelines.errors.base import StudioError
from pipelines.types.speech import SpeechRequest
from studio.services import Services
from studio.ui import lists, safe
from studio.ui.audio import layout, view
from studio.ui.audio.boxes import whole
from studio.ui.audio.files import Given, sound
from studio.ui.audio.layout import Parts
from studio.ui.audio.panel import SoundPanel
from studio.ui.audio.stage import Outcome
from studio.ui.components import items, quietly
from studio.ui.i18n import language, t
from studio.ui.told import told
from studio.ui.watchers import Updates

NO_VOICE = ""
IMITATORS = frozenset({"csm", "dia"})  # the families that speak in the voice of a recording


class Speak(SoundPanel):
    area = "speak"
    request_class = SpeechRequest
    task = "speech"
    unkept = frozenset({"right"})  # it is said of one recording, not of the next

    def __init__(self, services: Services, wish: gr.State, examples: Sequence[dict]) -> None:
        self._examples = examples
        super().__init__(services, wish)
        self._wire_form()

    def lay_out(self) -> Parts:
        made: dict[str, Any] = {}
        first = self.first_model()
        spec = next((row for row in self.rows if row.id == first), None)
        with gr.Row(elem_classes="studio-columns image-columns", equal_height=False):
            with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
                with gr.Column(elem_classes="studio-card prompt-card"):
                    made["text"] = gr.Textbox(label=t("speak_text"), lines=5, max_lines=16, elem_id="speak-text", max_length=400_000)  # fmt: skip
                    examples = items("speak-examples")
                made["model"] = layout.model(self._services, "speak", self.models("en"), first)
                note = gr.HTML("", elem_id="speak-note", elem_classes="notice", visible=False)
                voices = list(spec.voices) if spec else []
                with gr.Row(elem_classes="tight sizes"):
                    made["voice"] = gr.Dropdown(voices, value=voices[0] if voices else None, label=t("speak_voice"), elem_id="speak-voice", min_width=120, allow_custom_value=True)  # fmt: skip
                    made["language"] = gr.Dropdown(_languages(spec.languages if spec else ()), value="", label=t("speak_language"), elem_id="speak-language", min_width=120)  # fmt: skip
                low, high = SpeechRequest.RANGES["speed"]
                made["speed"] = gr.Slider(low, high, 1.0, step=0.05, label=t("speak_speed"), elem_id="speak-speed")
                with gr.Accordion(t("speak_mix"), open=False, elem_id="speak-more"):
                    made["second"] = gr.Dropdown([(t("speak_no_second"), NO_VOICE), *((v, v) for v in voices)], value=NO_VOICE, label=t("speak_second"), elem_id="speak-second")  # fmt: skip
                    made["share"] = gr.Slider(5, 95, 50, step=5, label=t("speak_share"), info=t("speak_share_help"), elem_id="speak-share")  # fmt: skip
                    made["seed"] = layout.number("speak", "seed", "seed", placeholder="seed_drawn")
                with gr.Accordion(t("speak_own"), open=False, elem_id="speak-own", visible=False) as own:
                    reference = layout.sound_box("speak", "reference", "speak_reference")
                    made["words"] = gr.Textbox(label=t("speak_words"), info=t("speak_words_help"), lines=2, max_lines=4, elem_id="speak-words")  # fmt: skip
                    made["right"] = gr.Checkbox(False, label=t("speak_right"), elem_id="speak-right")
                made["private"] = layout.private("speak")
                (run,), stop = layout.runs("speak", "speak_run")
            with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
                shown = layout.stage("speak")
        others = {"examples": examples, "note": note, "own": own}
        return Parts(made, {"reference": reference}, ((run, {}),), stop, **shown, recent=layout.recent("speak"), others=others)  # fmt: skip

    def _wire_form(self) -> None:
        s, others, quiet = self.parts.settings, self.parts.others, quietly()
        suited = [s["voice"], s["second"], s["language"], others["note"], others["own"]]
        wanted = [s["model"], s["voice"], s["second"], s["language"]]
        s["model"].change(told(self._suit_model), wanted, suited, **quietly(trigger_mode="always_last"))
        # The right is said of one recording: another one, or none, takes it back, in the browser before anything is pressed
        self.parts.files["reference"].change(None, None, s["right"], js="() => false", api_visibility="private")
        example = others["examples"].click(told(self._take_example), None, s["text"], **quiet)
        self.keep_after(example)

    @property
    def load_outputs(self) -> list[Any]:
        return [
            *self.show_outputs,
            self.parts.others["examples"],
            self.parts.others["note"],
            self.parts.settings["model"],
        ]

    def _load(self, saved: object, request: gr.Request) -> Updates:
        lang = language(request)
        note = self.note(self.first_model() or "", lang)
        return {
            **super()._load(saved, request),
            self.parts.others["examples"]: lists.example_chips(self._examples, lang),
            self.parts.others["note"]: gr.update(value=safe.escape(note), visible=bool(note)),
            self.parts.settings["model"]: gr.update(choices=self.models(lang)),
        }

    def _suit_model(self, model: str, voice: str, second: str, tongue: str, request: gr.Request) -> tuple[Any, ...]:
        """The voices and languages of another model, and what one should know of it."""
        lang = language(request)
        try:
            spec = self._services.catalog.find(model or "")
            voices, tongues = list(spec.voices), _languages(spec.languages)
            imitates = spec.family in IMITATORS
        except StudioError:
            voices, tongues, imitates = [], _languages(()), False
        note = self.note(model or "", lang)
        return (
            gr.update(choices=voices or [(t("speak_only_voice"), NO_VOICE)], value=voice if voice in voices else (voices or [NO_VOICE])[0]),
            gr.update(choices=[(t("speak_no_second"), NO_VOICE), *((v, v) for v in voices)], value=second if second in voices else NO_VOICE),
            gr.update(choices=tongues, value=tongue if tongue in [code for _, code in tongues] else ""),
            gr.update(value=safe.escape(note), visible=bool(note)),
            gr.update(visible=imitates),
        )  # fmt: skip

    def _take_example(self, event: gr.EventData, request: gr.Request) -> str:
        lang = language(request)
        return str(self.example_of(event, self._examples, lang)[lang])

    def asked(self, values: Mapping[str, Any]) -> tuple[SpeechRequest, dict[str, Given]]:
        voice, second, share = str(values["voice"] or ""), str(values["second"] or ""), float(values["share"] or 50)
        if second and second != voice and voice:
            voice = f"{voice}:{100 - share:g} {second}:{share:g}"
        model = str(values["model"] or "").strip()
        given = sound(values["reference"]) if self._imitates(model) else None
        return SpeechRequest(
            model,
            text=str(values["text"] or ""),
            voice=voice,
            language=str(values["language"] or ""),
            speed=float(values["speed"] or 1.0),
            reference_text=str(values["words"] or "") if given else "",
            has_right_to_voice=bool(values["right"]) and given is not None,
            seed=whole(values["seed"]),
        ), {"reference": given} if given else {}

    def _imitates(self, model: str) -> bool:
        try:
            return self._services.catalog.find(model).family in IMITATORS
        except StudioError:
            return False

    def filled(self, asked: SpeechRequest) -> Updates:
        s = self.parts.settings
        try:
            shares = list(asked.shares().items())
        except ValueError:
            shares = []
        second, share = shares[1] if len(shares) > 1 else (NO_VOICE, 0.5)
        return {
            s["text"]: asked.text,
            s["model"]: asked.model,
            s["voice"]: shares[0][0] if shares else gr.skip(),
            s["second"]: second,
            s["share"]: round(share * 100),
            s["language"]: asked.language,
            s["speed"]: asked.speed,
            s["words"]: asked.reference_text,
            s["right"]: False,
            s["seed"]: "" if asked.seed is None else str(asked.seed),
        }

    def with_text(self, text: str, source: str) -> Updates:
        """The form with another text in it, and which creation it was."""
        return {self.parts.settings["text"]: text, self.source: ((source, text),)}

    def outcome(self, outcome: Outcome, language: str) -> tuple[str, str, str]:
        sound, result = self.sound_of(outcome), outcome.result
        if sound is None:
            return "", "", ""
        job_id = outcome.job.id if outcome.job else ""
        stage = view.sound_stage(sound, job_id, result.sentences if result else (), language)
        facts = view.speech_facts(result, self.model_name(result.model), language) if result else ""
        return stage, facts, self.sound_actions(outcome, sound, language)


def _languages(codes: Sequence[str]) -> list[tuple[Any, str]]:
    named = [(t(f"tongue_{code}") if view.language_name(code, "en") != code else code, code) for code in codes]
    return [(t("tongue_auto"), ""), *named]
