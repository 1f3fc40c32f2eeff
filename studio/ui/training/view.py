"""A run as the page shows it: where it is, its curves, what it makes, its log, what can be pressed. Knows no gradio.

Everything that a person or a process wrote is escaped here.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import get_args

from pipelines.errors.base import StudioError
from pipelines.training.uploads.defects import Defect
from pipelines.training.uploads.own import LEAST_OF_A_SIDE
from pipelines.types.classification import ClassifyTask
from pipelines.types.model import ModelSpec, Task
from pipelines.types.training import TrainRequest, TrainResult
from studio.jobs.forecast import Forecast
from studio.jobs.runs import Run
from studio.library.datasets import OwnDataset, Report
from studio.ui.facts import duration, error_line, size
from studio.ui.image.chosen import IMAGE_TASKS
from studio.ui.lists import TASKS, ago, button, empty
from studio.ui.safe import escape
from studio.ui.training.curves import Line, chart
from studio.ui.words import WORDS, say

TRIED: tuple[Task, ...] = (*get_args(ClassifyTask), "embed-together")  # by what is trained here, where it was trained
PACE_POINTS = 6  # of the curve, by which the speed is told
LOG_LINES = 40
LAST_WORDS = 5
LOSSES_DRAWN = 3
SAMPLE_CHARACTERS = 2000
DEFECTS_SHOWN = 20


@dataclass(frozen=True)
class Scene:
    """All that there is to see of a run. `total` steps are to be done; `asked` is what it was told and has not done yet."""

    run: Run
    total: int
    curve: Sequence[dict]
    place: str = ""
    checkpoint: int | None = None
    asked: frozenset[str] = frozenset()
    is_sure: bool = False  # the person pressed Delete and is asked

    @property
    def state(self) -> str:
        """The state in the words of training: one that was stopped and saved is done as a job, and can go on."""
        state = self.run.state
        result = self.run.job.result if self.run.job else None
        if state == "running" and self.asked & {"stop", "cancel", "pause"}:
            return "stopping"
        if state == "running" and not self.curve:
            return "starting"
        return (
            "saved"
            if isinstance(result, TrainResult) and state == "done" and result.finish_reason == "saved"
            else state
        )

    @property
    def step(self) -> int:
        return int(self.curve[-1]["step"]) if self.curve else 0

    @property
    def steps_per_second(self) -> float:
        """Over the newest points of the curve; 0 while there are too few. A resumed run counts its seconds on."""
        recent = self.curve[-PACE_POINTS:]
        if len(recent) < 2:
            return 0.0
        seconds = recent[-1].get("seconds", 0.0) - recent[0].get("seconds", 0.0)
        return (recent[-1]["step"] - recent[0]["step"]) / seconds if seconds > 0 else 0.0


# ── before the start ──────────────────────────────────────────────────────────────────────────────────────────────────


def trainer_name(name: str, language: str) -> str:
    return say(f"trainer_{name}", language) if f"trainer_{name}" in WORDS else name


def about_trainer(name: str, trainer: ModuleType, language: str) -> str:
    """One line: our words, else the first sentence of its file."""
    key = f"about_{name}"
    words = say(key, language) if key in WORDS else (trainer.__doc__ or "").strip().split("\n")[0]
    return f'<p class="help">{escape(words)}</p>'


def no_data(language: str) -> str:
    return empty(escape(say("data_none", language)))


def refused(error: StudioError, language: str) -> str:
    return f'<p class="run-error">{escape(error.say(language))}</p>'


def nothing_yet(language: str) -> str:
    return empty(say("run_empty", language))


def dataset_card(dataset: ModuleType, examples: str, language: str) -> str:
    """What is in it, whose it is, and a look at it: `examples` is HTML of ours, "" until somebody asked."""
    source = str(dataset.SOURCE)
    links = " · ".join(
        f'<a href="{escape(one)}" target="_blank" rel="noopener noreferrer">{escape(one)}</a>' for one in source.split()
    )
    facts = [
        (say("licence", language), escape(dataset.LICENCE)),
        (say("data_source", language), links if source.startswith("https://") else escape(source)),
    ]
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{value}</dd>" for label, value in facts)
    ask = "" if examples else button("examples", "", say("show_examples", language))
    whom = f"{dataset.ATTRIBUTION}. " if dataset.ATTRIBUTION else ""
    note = f'<p class="help">{escape(whom + say("data_split", language))}</p>'
    return f'<div class="look"><dl>{rows}</dl>{note}{examples}<div class="item-actions">{ask}</div></div>'


def own_card(dataset: OwnDataset, language: str, *, is_sure: bool = False) -> str:
    """What a person brought, and what was wrong with it, row by row. `is_sure`: they pressed Delete, and are asked again."""
    line = say("own_counts", language, kind=say(f"kind_of_{dataset.DATA}", language), n=f"{dataset.count:,}")
    if dataset.labels:
        line = f"{line} · {say('data_classes', language, n=len(dataset.labels))}: {', '.join(dataset.labels[:20])}"
    found = say("own_clean", language) if not dataset.found else say("own_defects", language, n=dataset.left_out)
    if dataset.source:
        line = f"{line} · {say('own_from', language, source=dataset.source)}"
    actions = button("remove", dataset.id, say("delete", language))
    if "pictures" in dataset.DATA or "sounds" in dataset.DATA:
        actions = f"{button('captions', dataset.id, say('captions_show', language))} {actions}"
    if is_sure:
        actions = (
            f'<span class="sure">{escape(say("own_delete_sure", language))}</span>'
            f"{button('remove-sure', dataset.id, say('delete', language), classes='item-button danger')}"
            f"{button('keep', dataset.id, say('own_keep', language))}"
        )
    return (
        f'<div class="look"><p class="help">{escape(line)}</p><p class="help">{escape(found)}</p>'
        f"{defect_list(dataset.defects, dataset.found, language)}{_glance(dataset.glance)}"
        f'<div class="item-actions">{actions}</div></div>'
    )


def _glance(texts: Sequence[str]) -> str:
    return "".join(f'<pre class="sample-text">{escape(text)}</pre>' for text in texts)


def nothing_kept(report: Report, language: str) -> str:
    """Too little was good to learn from."""
    said = say("own_too_little", language, n=report.count, least=2 * LEAST_OF_A_SIDE)
    return f'<p class="run-error">{escape(said)}</p>{defect_list(report.defects, report.found, language)}'


def defect_list(defects: Sequence[Defect], found: int, language: str) -> str:
    """Where and what: the first of `found`, and how many more there are."""
    rows = []
    for one in defects[:DEFECTS_SHOWN]:
        place = say("defect_row", language, file=one.file, row=one.row) if one.row else one.file
        detail = f" <code>{escape(one.detail)}</code>" if one.detail else ""
        rows.append(
            f'<li><span class="mono">{escape(place)}</span> {escape(say(f"defect_{one.kind}", language))}{detail}</li>'
        )
    more = found - len(rows)
    rest = f'<li class="help">{escape(say("defects_more", language, n=more))}</li>' if more > 0 else ""
    return f'<ul class="defects">{"".join(rows)}{rest}</ul>' if rows else ""


def forecast_line(known: Forecast, free_bytes: int | None, language: str) -> str:
    """What it will take: learnt, counted, or said to be unknown."""
    if known.peak_bytes is None:
        return f'<p class="help">{escape(say("forecast_unknown", language))}</p>'
    words = {"size": size(known.peak_bytes)}
    if known.seconds is None:
        line = say("forecast_counted", language, **words)
    else:
        key = "forecast_known" if known.is_learnt else "forecast_scaled"
        line = say(key, language, time=duration(known.seconds, language), **words)
    if free_bytes is not None and known.peak_bytes > free_bytes:
        line = f"{line} {say('forecast_tight', language, free=size(free_bytes))}"
    return f'<p class="help">{escape(line)}</p>'


# ── a run ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def title(request: TrainRequest, language: str) -> str:
    """What a person called it, else what is trained on what."""
    return request.name or f"{trainer_name(request.trainer, language)} · {request.dataset}"


def head(scene: Scene, last_words: Sequence[str], language: str) -> str:
    """Name, state, how far, how fast, how long still; or why it ended, with the `last_words` of its log."""
    run, state = scene.run, scene.state
    facts = [say(f"training_state_{state}", language)]
    if scene.curve:
        facts.append(say("step_of", language, step=f"{scene.step:,}", total=f"{scene.total:,}"))
    if scene.place:
        facts.append(scene.place)
    if state == "running" and scene.steps_per_second:
        facts.append(say("steps_per_second", language, n=f"{scene.steps_per_second:.3g}"))
        left = (scene.total - scene.step) / scene.steps_per_second
        facts.append(say("time_left", language, time=duration(left, language)))
    elif scene.curve and not run.is_at_work:
        facts.append(say("trained_for", language, time=duration(scene.curve[-1].get("seconds", 0.0), language)))
    if state == "done" and scene.curve and scene.step < scene.total:
        facts.append(say("ended_early", language))
    facts += _tested(run, language)
    if scene.checkpoint is not None and not run.is_at_work and state != "done":
        facts.append(say("checkpoint_at", language, step=f"{scene.checkpoint:,}"))
    error = ""
    if run.job is not None and state in ("failed", "interrupted"):
        error = f'<p class="run-error">{escape(error_line(run.job.error, language))}</p>{log(last_words[-LAST_WORDS:])}'
    return (
        f'<div class="run-head run-{escape(state)}"><h3>{escape(title(run.request, language))}</h3>'
        f'<p class="mono" role="status">{escape(" · ".join(facts))}</p>{_bar(scene)}{error}</div>'
    )


def _tested(run: Run, language: str) -> list[str]:
    """What it came to on the part of the data that was kept for the end."""
    result = run.job.result if run.job else None
    values = result.metrics.items() if isinstance(result, TrainResult) else ()
    return [
        say("tested", language, metric=metric_name(name.removeprefix("test_"), language), value=f"{value:.4g}")
        for name, value in values
        if name.startswith("test_")
    ]


def _bar(scene: Scene) -> str:
    if scene.state in ("queued", "starting"):
        return '<div class="bar" aria-hidden="true"></div>'
    share = min(scene.step / scene.total, 1.0) if scene.total else 0.0
    return (
        f'<div class="progress" role="progressbar" aria-valuemin="0" aria-valuemax="{scene.total}" '
        f'aria-valuenow="{scene.step}"><span style="width: {share:.1%}"></span></div>'
    )


def actions(scene: Scene, language: str) -> str:
    """What can be pressed now."""
    run = scene.run
    if scene.is_sure:
        return _row(
            f'<span class="sure">{escape(say("delete_run_sure", language))}</span>',
            _press("delete", run, "delete", language, classes="item-button danger"),
            _press("keep", run, "cancel", language),
        )
    if run.state == "running":
        notes = [word for word in ("checkpoint", "sample") if word in scene.asked]
        keys = {"checkpoint": "asked_to_save", "sample": "asked_to_sample"}
        return _row(
            _press("stop", run, "stop_and_save", language, classes="item-button strong"),
            _press("cancel", run, "cancel_run", language),
            _press("checkpoint", run, "save_now", language),
            _press("sample", run, "sample_now", language),
            *(f'<span class="line-note">{escape(say(keys[word], language))}</span>' for word in notes),
        )
    if run.state == "queued":
        return _row(_press("cancel", run, "cancel_run", language))
    strong = "item-button strong"
    resume = _press("resume", run, "resume_run", language, classes=strong) if _may_resume(scene) else ""
    return _row(
        resume, _press("again", run, "start_again", language), _press("ask-delete", run, "delete_run", language)
    )


def _may_resume(scene: Scene) -> bool:
    """There is a whole checkpoint, and something left to do."""
    return scene.checkpoint is not None and scene.state != "done"


def _press(action: str, run: Run, key: str, language: str, classes: str = "item-button") -> str:
    pressed = button(action, run.id, say(key, language), classes=classes)
    return pressed.replace("<button ", f'<button id="training-{action}" ', 1)


def _row(*parts: str) -> str:
    return f'<div class="item-actions">{"".join(parts)}</div>'


def curves(scene: Scene, trainer: ModuleType | None, language: str) -> str:
    """The losses, and beside them the metric by which the trainer is judged, with its baseline."""
    if not scene.curve:
        return empty(escape(say("curve_empty", language))) if scene.run.is_at_work else ""
    metric = str(getattr(trainer, "METRIC", ""))
    losses = [
        name for name in _names(scene.curve) if "loss" in name and not name.startswith("baseline_") and name != metric
    ]
    losses.sort(key=lambda name: name != "loss")
    lines = [Line(metric_name(name, language), _points(scene.curve, name)) for name in losses[:LOSSES_DRAWN]]
    drawn = chart(say("curve_loss", language), "", lines, scene.step) if lines else ""
    if metric in _names(scene.curve):
        judged = [Line(metric_name(metric, language), _points(scene.curve, metric))]
        if baseline := _points(scene.curve, f"baseline_{metric}"):
            judged.append(Line(say("baseline", language), baseline, is_level=True))
        note = say(f"better_{getattr(trainer, 'IS_BETTER', 'lower')}", language)
        drawn += chart(metric_name(metric, language), note, judged, scene.step)
    saved = f'<a href="media/runs/{escape(scene.run.id)}/events.tfevents" download>TensorBoard</a>'
    return f'<div class="curves">{drawn}</div><p class="help">{escape(say("curve_as", language))} {saved}</p>'


def _names(curve: Sequence[dict]) -> list[str]:
    return list(dict.fromkeys(name for row in curve for name in row))


def _points(curve: Sequence[dict], name: str) -> list[tuple[float, float]]:
    values = [(row["step"], row[name]) for row in curve if isinstance(row.get(name), int | float)]
    return [(step, value) for step, value in values if math.isfinite(value)]


def metric_name(name: str, language: str) -> str:
    """What the page calls a measured value."""
    return say(f"metric_{name}", language) if f"metric_{name}" in WORDS else name.replace("_", " ")


def samples(run: Run, paths: Sequence[Path], said: Sequence[str], language: str) -> str:
    """The newest sample large with what is `said` of it, those before it small; of one that is text, the text."""
    if not paths:
        return ""
    steps = [say("sample_after", language, step=f"{int(path.stem.removeprefix('step-')):,}") for path in paths]
    words = f'<pre class="sample-text">{escape(chr(10).join(said))}</pre>' if said and paths[0].suffix == ".png" else ""
    newest = f"<figure>{_sample(run, paths[0], steps[0])}<figcaption>{escape(steps[0])}</figcaption></figure>"
    older = "".join(
        f"<figure>{_sample(run, path, step)}<figcaption>{escape(step)}</figcaption></figure>"
        for path, step in zip(paths[1:], steps[1:], strict=True)
    )
    return (
        f"<h4>{escape(say('samples', language))}</h4>"
        f'<div class="newest-sample">{newest}{words}</div><div class="samples">{older}</div>'
    )


def _sample(run: Run, path: Path, step: str) -> str:
    if path.suffix == ".png":
        return f'<img src="media/runs/{escape(run.id)}/{escape(path.name)}" alt="{escape(step)}">'
    try:
        text = path.read_text("utf-8")
    except OSError:  # the run is being deleted
        text = ""
    return f'<pre class="sample-text">{escape(text[:SAMPLE_CHARACTERS])}</pre>'


def log(lines: Sequence[str]) -> str:
    """The end of the log."""
    return f'<pre class="log">{escape(chr(10).join(lines[-LOG_LINES:]))}</pre>' if lines else ""


def model_line(run: Run, spec: ModelSpec | None, language: str, base: ModelSpec | None = None) -> str:
    """Where the finished model stands now, with one press to go there, to save it or to merge it; "" while there is none.
    `base` is of an adapter."""
    result = run.job.result if run.job else None
    if not isinstance(result, TrainResult) or not result.model:
        return ""
    go = button("use", run.id, say("use_model", language), classes="item-button strong")
    place = place_of(spec) if spec is not None else ""
    if spec is not None and set(TRIED) & set(spec.tasks):
        line, go = say("model_tried", language, name=result.model), ""
    elif spec is not None and {"caption", "music"} & set(spec.tasks):
        there = say("place_look" if "caption" in spec.tasks else "place_compose", language)
        line, go = say("model_stands", language, name=result.model, place=there), ""
    elif spec is None and base is not None:
        words = "adapter_stands_image" if place_of(base) == "image" else "adapter_stands"
        line = say(words, language, name=result.model, base=base.name)
    elif place:
        line = say("model_stands", language, name=result.model, place=say(f"place_{place}", language))
    else:
        line, go = say("model_written", language, name=result.model), ""
    words = escape(say("save_model", language))
    saved = f'<a class="item-button" href="media/runs/{escape(run.id)}/model.zip" download>{words}</a>'
    is_merged = spec is None and base is not None and may_merge(run, base)
    merged = button("merge", run.id, say("merge_adapter", language)) if is_merged else ""
    return f'<div class="notice">{escape(line)}{_row(go, saved, merged)}</div>'


def may_merge(run: Run, base: ModelSpec) -> bool:
    """An adapter of a language model, unless it is a prefix, which changes no weights."""
    return bool({"chat", "continue"} & set(base.tasks)) and run.request.settings.get("method") != "prefix"


def place_of(spec: ModelSpec) -> str:
    """Which part of the page runs it: "image", "chat" or "tasks"; "" for none."""
    if set(spec.tasks) & set(IMAGE_TASKS):
        return "image"
    return "chat" if "chat" in spec.tasks else "tasks" if set(spec.tasks) & set(TASKS) else ""


# ── the list ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def run_rows(scenes: Sequence[Scene], current: str, language: str, compared: Collection[str] = ()) -> str:
    """Every run of a person, the newest first; the one that is shown is marked, and so are those that are `compared`."""
    if not scenes:
        return ""
    rows = []
    for scene in scenes:
        run = scene.run
        mark = ' aria-current="true"' if run.id == current else ""
        created = datetime.fromtimestamp(run.created, UTC).isoformat()
        note = f"{say(f'training_state_{scene.state}', language)} · {ago(created, language)}"
        rows.append(
            f'<li><button type="button" class="line" data-action="show" data-id="{escape(run.id)}"{mark}>'
            f'<span class="line-title">{escape(title(run.request, language))}</span>'
            f'<span class="line-note">{escape(note)}</span></button>{_pick(run, run.id in compared, language, len(scenes))}</li>'
        )
    return f'<h4>{escape(say("runs", language))}</h4><ul class="lines">{"".join(rows)}</ul>'


def _pick(run: Run, is_picked: bool, language: str, count: int) -> str:
    """Lays a run beside others."""
    return button("compare", run.id, say("compare", language), is_pressed=is_picked) if count > 1 else ""
