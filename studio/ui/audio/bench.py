"""Workbench: a sound is measured and drawn, or changed."""

from collections.abc import Mapping
from typing import Any

import gradio as gr

from pipelines.types.workbench import WorkbenchRequest, WorkbenchResult
from studio.services import Services
from studio.ui.audio import layout, view
from studio.ui.audio.boxes import seconds, shown
from studio.ui.audio.files import Given, sound, url_of
from studio.ui.audio.layout import Parts
from studio.ui.audio.panel import SoundPanel
from studio.ui.audio.stage import Outcome
from studio.ui.i18n import t
from studio.ui.watchers import Updates

LONGEST = 1200.0  # seconds; what is longer the workbench refuses too
NUMBERS = ("start", "end", "fade_in", "fade_out", "other_at")


class Bench(SoundPanel):
    area = "bench"
    request_class = WorkbenchRequest
    task = None

    def __init__(self, services: Services, wish: gr.State) -> None:
        super().__init__(services, wish)

    def lay_out(self) -> Parts:
        made: dict[str, Any] = {}
        with gr.Row(elem_classes="studio-columns image-columns", equal_height=False):
            with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
                audio = layout.sound_box("bench", "audio", "bench_audio")
                for pair in (("start", "end"), ("fade_in", "fade_out")):
                    with gr.Row(elem_classes="tight sizes"):
                        for name in pair:
                            made[name] = layout.number("bench", name.replace("_", "-"), f"bench_{name}", placeholder=f"bench_{name}_hint")  # fmt: skip
                with gr.Row(elem_classes="tight sizes"):
                    made["speed"] = gr.Slider(0.25, 4, 1.0, step=0.05, label=t("bench_speed"), elem_id="bench-speed", min_width=140)  # fmt: skip
                    made["semitones"] = gr.Slider(-24, 24, 0, step=1, label=t("bench_semitones"), elem_id="bench-semitones", min_width=140)  # fmt: skip
                levels = [(t("bench_level_none"), ""), (t("bench_level_peak"), "peak"), (t("bench_level_loudness"), "loudness")]  # fmt: skip
                made["level"] = gr.Radio(levels, value="", label=t("bench_level"), elem_id="bench-level", elem_classes="segmented")  # fmt: skip
                with gr.Accordion(t("bench_mix"), open=False, elem_id="bench-more"):
                    other = layout.sound_box("bench", "other", "bench_other", sources=("upload",))
                    with gr.Row(elem_classes="tight sizes"):
                        made["other_at"] = layout.number("bench", "other-at", "bench_other_at", placeholder="bench_start_hint")  # fmt: skip
                        made["other_gain"] = gr.Slider(-60, 12, 0, step=1, label=t("bench_other_gain"), elem_id="bench-other-gain", min_width=140)  # fmt: skip
                made["private"] = layout.private("bench")
                (look, change), stop = layout.runs("bench", "bench_look", "bench_edit")
            with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
                stage = layout.stage("bench")
        runs = ((look, {"what": "analyse-sound"}), (change, {"what": "edit-sound"}))
        return Parts(made, {"audio": audio, "other": other}, runs, stop, **stage, recent=layout.recent("bench"))

    def asked(self, values: Mapping[str, Any]) -> tuple[WorkbenchRequest, dict[str, Given]]:
        files = {
            name: given
            for name in ("audio", "other")
            if (given := sound(values[name], limit_seconds=LONGEST)) is not None
        }
        if values["what"] == "analyse-sound":
            files.pop("other", None)
            return WorkbenchRequest(), files
        numbers = {name: seconds(values[name]) for name in NUMBERS}
        level = values["level"] if values["level"] in ("peak", "loudness") else ""
        return WorkbenchRequest(
            task="edit-sound",
            start=numbers["start"] or 0.0,
            end=numbers["end"],
            fade_in=numbers["fade_in"] or 0.0,
            fade_out=numbers["fade_out"] or 0.0,
            other_at=numbers["other_at"] or 0.0,
            speed=float(values["speed"] or 1.0),
            semitones=float(values["semitones"] or 0.0),
            other_gain=float(values["other_gain"] or 0.0),
            level=level,  # type: ignore[arg-type]  # one of its own
        ), files

    def filled(self, asked: WorkbenchRequest) -> Updates:
        s = self.parts.settings
        texts = {s[name]: shown(getattr(asked, name) or None) for name in NUMBERS}
        return texts | {s[name]: getattr(asked, name) for name in ("speed", "semitones", "other_gain", "level")}

    def outcome(self, outcome: Outcome, language: str) -> tuple[str, str, str]:
        sound_made, result = self.sound_of(outcome), outcome.result
        actions = self.sound_actions(outcome, sound_made, language) if sound_made is not None else ""
        if not isinstance(result, WorkbenchResult) or outcome.job is None:
            return view.music_stage(sound_made, None, language) if sound_made else "", "", actions
        pictures = [url for name, url in sorted(outcome.urls.items()) if name.endswith(".png")]
        if not outcome.urls:
            folder = self._services.jobs.folder(outcome.job.owner, outcome.job.id)
            pictures = [url_of(data) for data in folder.pictures()]
        stage = view.workbench_stage(result, pictures, sound_made, language)
        return stage, view.workbench_facts(result, language), actions
