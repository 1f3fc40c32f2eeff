"""What the page says about a job, a model or a result in one line. Knows no gradio; the words come from `words.py`."""

import re
from dataclasses import fields

from pipelines.errors.base import StudioError
from pipelines.types.crossing import from_json
from pipelines.types.events import Loading, Plan, Progress
from pipelines.types.model import ModelSpec
from pipelines.types.text import TextResult
from studio.jobs.job import Place
from studio.ui.stream import Live
from studio.ui.words import say

_CHINESE = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]")


def size(size_bytes: int) -> str:
    """Bytes as a person says them, in decimal units: 93 MB, 1.2 GB."""
    if size_bytes >= 1e9:
        return f"{size_bytes / 1e9:.1f} GB"
    return f"{size_bytes / 1e6:.0f} MB" if size_bytes >= 1e6 else f"{max(1, round(size_bytes / 1e3))} kB"


def duration(seconds: float, language: str) -> str:
    """Seconds as a person says them: 1.4 s, 48 s, 3 min, 2.5 h."""
    if seconds >= 5400:
        return say("hours", language, n=f"{seconds / 3600:.1f}")
    if seconds >= 90:
        return say("minutes", language, n=round(seconds / 60))
    return say("seconds", language, n=f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}")


def facts_line(result: TextResult, name: str, language: str) -> str:
    """ "SmolLM2-135M · 148 tokens/s · prefill 900 tokens/s · 212 tokens · seed 42 · 1.4 s", without what is not known."""
    parts = [name]
    if result.decode_tokens_per_second:
        parts.append(say("facts_decode", language, n=_rate(result.decode_tokens_per_second)))
    if result.new_tokens and result.prefill_tokens_per_second:
        parts.append(say("facts_prefill", language, n=_rate(result.prefill_tokens_per_second)))
    if result.new_tokens:
        parts.append(say("facts_tokens", language, n=result.new_tokens))
    if not result.candidates:
        parts.append(say("facts_seed", language, n=result.seed))
    parts.append(duration(result.seconds_prefill + result.seconds_decode, language))
    if result.seconds_load >= 0.1:
        parts.append(say("facts_load", language, n=duration(result.seconds_load, language)))
    if result.finish_reason != "stop":
        parts.append(say(f"finish_{result.finish_reason}", language))
    return " · ".join(parts)


def _rate(tokens_per_second: float) -> str:
    return f"{tokens_per_second:.0f}" if tokens_per_second >= 10 else f"{tokens_per_second:.1f}"


def place_line(place: Place, language: str) -> str:
    """Where a queued job stands and about how long that takes, or which memory it waits for."""
    if place.lacks is not None:
        return say("place_lacks", language, needed=size(place.lacks.needed_bytes), free=size(place.lacks.free_bytes))
    if place.ahead == 0:
        return say("place_next", language)
    line = say("place_ahead", language, n=place.ahead)
    if place.eta_seconds is None:
        return line
    return f"{line} · {say('place_eta', language, n=duration(place.eta_seconds, language))}"


def plan_line(plan: Plan, language: str) -> str:
    """What is about to be done so that a model fits: "Parks SmolLM2 in RAM, about 1.0 s"."""
    key = f"plan_{plan.other if plan.action == 'shrinks' else plan.action}"
    about = {"size": size(plan.size_bytes), "duration": duration(plan.seconds, language)}
    return say(key, language, model=plan.model, other=plan.other, **about)


def stage_line(stage: Loading | Plan | Progress, language: str) -> str:
    """What a job does before its first token."""
    if isinstance(stage, Plan):
        return plan_line(stage, language)
    if isinstance(stage, Progress):
        return say("stage_progress", language, done=stage.done, total=stage.total, unit=stage.unit)
    line = say(f"stage_{stage.stage}", language, model=stage.model)
    if not stage.total or stage.stage == "ready":
        return line
    if stage.stage == "download":
        return f"{line} · {size(stage.done)} / {size(stage.total)}"
    return f"{line} · {100 * stage.done // stage.total} %"


def model_label(spec: ModelSpec, *, is_loaded: bool, is_on_disk: bool, language: str) -> str:
    """The line of a model in a picker: ● loaded, ○ on disk, ↓ to be downloaded, with its size."""
    parts = [f"{'●' if is_loaded else '○' if is_on_disk else '↓'} {spec.name}"]
    if spec.source == "starter":
        parts.append(say("starter", language))
    if spec.size_bytes:
        parts.append(size(spec.size_bytes))
    if spec.is_gated:
        parts.append(say("gated", language))
    return " · ".join(parts)


def has_chinese(text: str) -> bool:
    return _CHINESE.search(text) is not None


def language_notice(text: str, spec: ModelSpec, rows: list[ModelSpec], language: str) -> str:
    """What to say when Chinese is asked of a model that does not know it; "" when there is nothing to say."""
    if not has_chinese(text) or not spec.languages or "zh" in spec.languages:
        return ""
    knowing = [row for row in rows if "zh" in row.languages and row.id != spec.id]
    if not knowing:
        return say("no_chinese", language, model=spec.name)
    smallest = min(knowing, key=lambda row: row.size_bytes or float("inf"))
    return say("no_chinese_try", language, model=spec.name, other=smallest.name)


def jobs_line(running: int, waiting: int, language: str) -> str:
    """The chip of a person's own jobs."""
    if not running and not waiting:
        return say("jobs_none", language)
    parts = [say("jobs_running", language, n=running)] if running else []
    parts += [say("jobs_waiting", language, n=waiting)] if waiting else []
    return " · ".join(parts)


def result_of(facts: dict | None) -> TextResult | None:
    """The figures that a settled answer keeps, as a result without its text; None when they are none."""
    try:
        result = from_json("result", {**_figures(facts or {}), "kind": "text", "text": ""})
    except ValueError:
        return None
    return result if isinstance(result, TextResult) else None


def _figures(facts: dict) -> dict:
    return {field.name: facts[field.name] for field in fields(TextResult) if field.name in facts}


def doing_line(live: Live, language: str) -> str:
    """What an unfinished job is doing."""
    if live.waits is not None:
        return place_line(live.waits, language)
    if live.stage is not None:
        return stage_line(live.stage, language)
    return say("writing" if live.text else "starting", language)


def error_line(error: StudioError | None, language: str) -> str:
    """Why a job did not end well, in one plain sentence and the next step."""
    return error.say(language) if error is not None else say("ended_unknown", language)
