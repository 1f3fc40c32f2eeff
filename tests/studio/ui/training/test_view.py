"""A run as HTML: what is said of it, what can be pressed, and that nothing a person wrote is more than text."""

from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from pipelines.errors.runs import RunKilled
from pipelines.errors.training import DatasetUnavailable
from pipelines.training.data import find_datasets
from pipelines.training.trainer import find_trainers
from pipelines.types.adapter import Adapter
from pipelines.types.classification import ClassifyTextResult, Likelihood, Span
from pipelines.types.model import ModelSpec
from pipelines.types.text import TextRequest
from pipelines.types.training import TrainRequest, TrainResult
from studio.jobs.folder import State
from studio.jobs.forecast import Forecast
from studio.jobs.job import Job
from studio.jobs.runs import Run
from studio.ui.stream import Live
from studio.ui.training import view
from studio.ui.training.beside import asking, side_by_side
from studio.ui.training.trying import text_answer
from studio.ui.training.view import Scene
from studio.ui.words import WORDS
from tests.browser.test_hostile import ATTACKS

ATTACK = "<img src=x onerror=alert(1)>\"'&"
REQUEST = TrainRequest("cnn", "digits", {}, "cpu", name="Mine")
CURVE = [{"step": step, "loss": 2.0 / (step + 1), "accuracy": 0.5, "seconds": step * 2.0} for step in range(0, 50, 10)]


def scene(state: State = "running", reason: str = "stop", **more: object) -> Scene:
    result = None
    if state in ("done", "cancelled"):
        result = TrainResult("cnn", "Mine", "r" * 32, 40, 80.0, reason, model="mine")  # type: ignore[arg-type]
    error = RunKilled(log="the last line") if state == "interrupted" else None
    job = Job("j" * 32, "visitor:x", REQUEST, state, True, 0.0, result=result, error=error)
    run = Run("a" * 32, "visitor:x", REQUEST, 0.0, (job.id,), job)
    return replace(Scene(run, 100, CURVE), **more)  # type: ignore[arg-type]


class Elements(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.actions: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.actions += [str(value) for name, value in attrs if name == "data-action"]


def test_a_run_at_work_tells_step_pace_and_time_left() -> None:
    said = view.head(scene(), (), "en")
    assert "Mine" in said and "step 40 of 100 · 0.5 steps/s · 2 min left" in said and "width: 40.0%" in said


def test_a_resumed_run_goes_on_counting() -> None:
    said = view.head(scene(curve=[*CURVE, {"step": 50, "seconds": 90.0}]), (), "zh")
    assert "第 50 / 100 步" in said and "步/秒" in said


@pytest.mark.parametrize(
    ("shown", "actions"),
    [
        (scene(), ["stop", "cancel", "checkpoint", "sample"]),
        (scene("queued"), ["cancel"]),
        (scene("interrupted", checkpoint=30), ["resume", "again", "ask-delete"]),
        (scene("interrupted"), ["again", "ask-delete"]),
        (scene("done", "saved", checkpoint=40), ["resume", "again", "ask-delete"]),
        (scene("done", checkpoint=100), ["again", "ask-delete"]),
        (scene("done", is_sure=True), ["delete", "keep"]),
    ],
)
def test_only_what_can_be_done_is_offered(shown: Scene, actions: list[str]) -> None:
    assert Elements(view.actions(shown, "en")).actions == actions


def test_an_interrupted_run_says_why_with_its_last_words() -> None:
    said = view.head(scene("interrupted", checkpoint=30), ["step 39 of 100", ATTACK], "en")
    assert "ended from outside" in said and "step 39 of 100" in said and "checkpoint after step 30" in said
    assert "img" not in Elements(said).tags


def test_losses_and_the_metric_stand_side_by_side_with_the_baseline() -> None:
    curve = [{**point, "baseline_accuracy": 0.1} if point["step"] == 0 else point for point in CURVE]
    drawn = view.curves(scene(curve=curve), find_trainers()["cnn"], "en")
    assert drawn.count("<svg") == 2 and "baseline" in drawn and "higher is better" in drawn
    assert "begins with the first steps" in view.curves(scene(curve=[]), find_trainers()["cnn"], "en")


@pytest.mark.parametrize("attack", ATTACKS)
def test_whatever_people_and_processes_wrote_is_text(attack: str, tmp_path: Path) -> None:
    hostile = replace(REQUEST, name=attack, trainer=attack, dataset=attack)
    shown = scene("interrupted")
    shown = replace(shown, run=replace(shown.run, request=hostile), curve=[{"step": 1, f"{attack}loss": 1.0}])
    sample = tmp_path / "step-00000001.txt"
    sample.write_text(attack)
    harmless = scene("interrupted", curve=[{"step": 1, "loss": 1.0}])
    assert tags_of(shown, sample, [attack]) == tags_of(harmless, sample, ["words"])


def tags_of(shown: Scene, sample: Path, words: list[str]) -> list[str]:
    everything = (
        view.head(shown, words, "en"),
        view.curves(shown, None, "en"),
        view.samples(shown.run, [sample], words, "en"),
        view.log(words),
        view.run_rows([shown], shown.run.id, "en"),
        view.refused(DatasetUnavailable(package=words[0], reason=words[0]), "en"),
    )
    return [tag for html in everything for tag in Elements(html).tags]


def test_where_the_model_stands_is_said() -> None:
    run = scene("done").run
    picture = ModelSpec("mine", "Mine", "", ("text-to-image",), "folder", "mine")
    assert "stands in the Image tab" in view.model_line(run, picture, "en")
    sounds = ModelSpec("mine", "Mine", "", ("classify-sound",), "folder", "mine")
    assert "Try it below" in view.model_line(run, sounds, "en")
    tunes = ModelSpec("mine", "Mine", "", ("music",), "folder", "mine")
    assert "in Compose" in view.model_line(run, tunes, "en")
    assert "written into the models folder" in view.model_line(run, None, "en")
    assert "in the Image tab under its base, Mine" in view.model_line(run, None, "en", base=picture)
    words = ModelSpec("words", "Words", "", ("chat",), "folder", "words")
    assert "in the Text tab" in view.model_line(run, None, "en", base=words)
    assert view.model_line(scene().run, None, "en") == ""


def test_a_forecast_is_learnt_or_unknown_and_says_what_does_not_fit() -> None:
    assert "unknown until the first steps" in view.forecast_line(Forecast(None, None, is_learnt=False), None, "en")
    counted = view.forecast_line(Forecast(2_000_000_000, None, is_learnt=False), None, "en")
    assert "2.0 GB" in counted and "unknown until the first steps" in counted
    learnt = Forecast(2_000_000_000, 15.0, is_learnt=True)
    assert "15 s and 2.0 GB" in view.forecast_line(learnt, None, "en")
    assert "more than the 1.0 GB" in view.forecast_line(learnt, 1_000_000_000, "en")


def test_every_trainer_and_every_data_set_has_its_words() -> None:
    wanted = [f"{kind}_{name}" for name in find_trainers() for kind in ("trainer", "about")]
    wanted += [f"dataset_{name}" for name in find_datasets()]
    wanted += [f"metric_{module.METRIC}" for module in find_trainers().values()]
    settings = [one for module in find_trainers().values() for one in fields(module.Settings)]
    wanted += [f"set_{one.name}" for one in settings if one.name not in ("plan", "augment")]
    assert [key for key in wanted if key not in WORDS] == []


def test_what_spoke_for_a_class_is_marked_and_what_somebody_wrote_stays_text() -> None:
    spans = (Span("<b>rain", 2.0), Span(" and ", None), Span("sun", -1.0), Span("!", 0.01))
    result = ClassifyTextResult("m", (Likelihood("<i>wet", 0.9), Likelihood("dry", 0.1)), 0.1, spans)
    html = text_answer(result, "en")
    assert '<mark class="for" style="--share:100%">&lt;b&gt;rain</mark> and ' in html
    assert '<mark class="against" style="--share:50%">sun</mark>!' in html
    assert "&lt;i&gt;wet" in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert text_answer(ClassifyTextResult("m", (), 0.0, finish_reason="cancelled"), "en") == ""


def test_two_answers_stand_side_by_side_and_both_are_asked_the_same() -> None:
    base = TextRequest("base", "chat")
    tuned = TextRequest("base", "chat", adapters=(Adapter("style"),))
    asked = [asking(one, "Who?") for one in (base, tuned)]
    assert asked[0].sampling == asked[1].sampling
    assert asked[0].sampling.seed is not None
    assert [one.messages[0].text for one in asked] == ["Who?", "Who?"]
    assert (asked[0].adapters, asked[1].adapters) == ((), (Adapter("style"),))
    assert asking(TextRequest("base", "continue"), "Who?").text == "Who?"
    html = side_by_side([Live(text="<b>one"), Live()], "en")
    assert html.count("<figure>") == 2
    assert "&lt;b&gt;one" in html
