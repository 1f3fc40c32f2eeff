"""An unfinished job as every making tab shows it: its bar, the time that is left, and which of several is looked at.

Knows no gradio and no kind of job.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.types.events import Progress
from studio.jobs.job import Job
from studio.ui import lists
from studio.ui.safe import escape
from studio.ui.stream import Live
from studio.ui.words import say


@dataclass(frozen=True)
class Working:
    """An unfinished job, and how long such a job usually takes on this machine."""

    job: Job
    live: Live
    usual_seconds: float | None = None


def seconds_left(working: Working, now: float) -> float | None:
    """By the pace of this job once it has one, before that by what such jobs took on this machine."""
    stage, rate = working.live.stage, working.live.rate
    if isinstance(stage, Progress) and rate:
        return max(0.0, (stage.total - stage.done) / rate)
    if working.usual_seconds is None or not working.live.is_started:
        return None
    return max(0.0, working.usual_seconds - (now - (working.job.started or now)))


def share_done(live: Live) -> float | None:
    """0 … 1; None while nobody can say."""
    stage = live.stage
    return stage.done / stage.total if isinstance(stage, Progress) and stage.total else None


def meter(live: Live, language: str) -> str:
    """A bar as long as the share that is done, or a running one while nobody can say."""
    share = share_done(live)
    if share is None:
        return '<div class="bar" aria-hidden="true"></div>'
    return (
        f'<div class="meter" role="progressbar" aria-label="{escape(say("progress", language))}" '
        f'aria-valuemin="0" aria-valuemax="100" aria-valuenow="{share * 100:.0f}">'
        f'<span style="width:{share:.1%}"></span></div>'
    )


def queue(rows: Sequence[tuple[Working, str, str]], language: str) -> str:
    """What runs and waits, (job, title, line) each, with its bar and its Stop; nothing where there is nothing."""
    if not rows:
        return ""
    parts = [
        f'<li class="queued"><div class="line-title">{escape(title)}</div>'
        f'<div class="mono">{escape(line)}</div>{meter(row.live, language) if row.live.is_started else ""}'
        f'<div class="item-actions">{lists.button("show", row.job.id, say("show", language))}'
        f"{lists.button('stop', row.job.id, say('stop', language))}</div></li>"
        for row, title, line in rows
    ]
    return f'<ul class="lines queue" aria-label="{escape(say("jobs", language))}">{"".join(parts)}</ul>'


def followed(job_id: str, working: Sequence[Working], lives: Mapping[str, Live]) -> str:
    """The asked job while it is not finished, else the one that runs, else the one that ended last."""
    unfinished = {row.job.id for row in working}
    if job_id in unfinished:
        return job_id
    running = [row.job.id for row in working if row.live.is_started]
    if running:
        return running[0]
    if job_id and job_id not in lives and not working:
        return job_id
    ended = [(live.end.ended, one) for one, live in lives.items() if live.end is not None]
    return max(ended)[1] if ended else job_id or next(iter(unfinished), "")
