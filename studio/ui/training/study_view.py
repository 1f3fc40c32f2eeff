"""A study as the page shows it: how far it is, its trials, what matters, and what can be pressed. Knows no gradio."""

from collections.abc import Mapping, Sequence

from pipelines.types.study import Trial
from pipelines.types.training import Setting
from studio.jobs.proposing import TRAINER
from studio.jobs.studies import Study
from studio.ui.facts import duration, error_line
from studio.ui.lists import button
from studio.ui.safe import escape
from studio.ui.training.form import setting_name
from studio.ui.training.study_charts import Track, importance_chart, parallel
from studio.ui.training.view import metric_name, trainer_name
from studio.ui.words import say

ROWS = 30


def study_card(study: Study | None, language: str) -> str:
    """All of it, as HTML; "" where there is none."""
    if study is None:
        return ""
    tracks = [_track(study, trial, language) for trial in study.trials if trial.value is not None]
    metric = metric_name(study.metric, language)
    shares = {_parameter(name, study, language): share for name, share in study.importance.items()}
    pictures = importance_chart(say("study_importance", language), shares) + parallel(
        say("study_parallel", language), say("study_parallel_note", language), metric, tracks
    )
    return (
        f"<h4>{escape(say('study', language))}: {escape(study.request.title())}</h4>"
        f'<p class="mono" role="status">{escape(" · ".join(_facts(study, language)))}</p>'
        f"{_error(study, language)}{_actions(study, language)}{pictures}{_table(study, language)}"
    )


def _facts(study: Study, language: str) -> list[str]:
    ended = [trial for trial in study.trials if trial.state != "running"]
    facts = [
        say(f"training_state_{study.job.state}", language),
        say("study_trials_of", language, n=len(ended), total=study.request.trials),
        say(f"study_method_{study.request.method}", language),
        duration(sum(trial.seconds for trial in ended), language),
    ]
    best = _best(study)
    if best is not None and best.value is not None:
        facts.append(say("study_best", language, metric=metric_name(study.metric, language), value=f"{best.value:.4g}"))
    return facts


def _best(study: Study) -> Trial | None:
    return next((trial for trial in study.trials if trial.number == study.best), None)


def _error(study: Study, language: str) -> str:
    if study.job.state not in ("failed", "interrupted"):
        return ""
    return f'<p class="run-error">{escape(error_line(study.job.error, language))}</p>'


def _actions(study: Study, language: str) -> str:
    strong = "item-button strong"
    train = button("study-train", study.job.id, say("study_train", language), classes=strong) if _best(study) else ""
    if not study.job.is_ended:
        stop = button("study-stop", study.job.id, say("study_stop", language), classes="item-button")
        return f'<div class="item-actions">{stop}{train}</div>'
    remove = button("study-delete", study.job.id, say("delete", language))
    return f'<div class="item-actions">{train}{remove}</div>'


def _track(study: Study, trial: Trial, language: str) -> Track:
    settings = {setting_name(name, language): value for name, value in trial.settings.items()}
    if len(study.request.trainers) > 1:
        settings = {say("trainer", language): trainer_name(trial.trainer, language), **settings}
    return Track(settings, trial.value or 0.0, trial.number == study.best)


def _parameter(name: str, study: Study, language: str) -> str:
    """ "cnn: batch" → what the page calls it, with its trainer where there are several."""
    if name == TRAINER:
        return say("trainer", language)
    trainer, _, setting = name.partition(": ")
    words = setting_name(setting, language)
    return f"{trainer}: {words}" if len(study.request.trainers) > 1 else words


def _table(study: Study, language: str) -> str:
    """The newest trials, and the best one in any case."""
    shown = [trial for trial in reversed(study.trials) if trial.number == study.best]
    shown += [trial for trial in reversed(study.trials) if trial.number != study.best][: ROWS - len(shown)]
    if not shown:
        return ""
    heads = (say("study_trial", language), metric_name(study.metric, language), say("study_settings", language), "")
    rows = "".join(_row(trial, study, language) for trial in shown)
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return f'<div class="table-wrap"><table class="compared trials"><tr>{top}</tr>{rows}</table></div>'


def _row(trial: Trial, study: Study, language: str) -> str:
    mark = ' class="best"' if trial.number == study.best else ""
    value = "–" if trial.value is None else f"{trial.value:.4g}"
    several = len(study.request.trainers) > 1
    chosen = ([trainer_name(trial.trainer, language)] if several else []) + _settings(trial.settings, language)
    state = say(f"study_state_{trial.state}", language)
    note = f"{state}: {trial.error}" if trial.error else state
    cells: Sequence[str] = (str(trial.number + 1), value, ", ".join(chosen), note)
    return f"<tr{mark}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"


def _settings(settings: Mapping[str, Setting], language: str) -> list[str]:
    return [
        f"{setting_name(name, language)} {f'{value:.3g}' if isinstance(value, float) else value}"
        for name, value in settings.items()
    ]
