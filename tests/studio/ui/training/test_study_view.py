"""A search for settings as the page shows it: its trials, its pictures, what can be pressed; what others wrote is only text."""

from dataclasses import replace
from xml.etree import ElementTree

import pytest

from pipelines.types.study import StudyRequest, StudyResult, Trial
from studio.jobs.folder import State
from studio.jobs.job import Job
from studio.jobs.studies import Study
from studio.ui.training.study_charts import Track, importance_chart, parallel
from studio.ui.training.study_view import study_card
from tests.studio.ui.training.test_view import ATTACK, Elements

REQUEST = StudyRequest(("cnn",), "digits", name=ATTACK, trials=9)
TRIALS = (
    Trial(0, "cnn", {"plan.learning_rate": 0.001, "batch": 32}, "done", 0.5, 61.0),
    Trial(1, "cnn", {"plan.learning_rate": 0.02, "batch": 64}, "done", 0.9, 61.0),
    Trial(2, "cnn", {"plan.learning_rate": 0.0004, "batch": 128}, "pruned", 0.2, 8.0),
    Trial(3, "cnn", {"plan.learning_rate": 0.5, "batch": 32}, "failed", error=ATTACK),
)


def study(state: State = "done", **more: object) -> Study:
    shares = {"cnn: plan.learning_rate": 0.8, "cnn: batch": 0.2}
    result = StudyResult("accuracy", "higher", TRIALS, 1, shares, "stop", 130.0) if state == "done" else None
    job = Job("j" * 32, "visitor:x", REQUEST, state, True, 0.0, result=result)
    return replace(Study(job, REQUEST, "accuracy", "higher", TRIALS, 1), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_study_is_told_with_its_best_trial_first(language: str) -> None:
    said = study_card(study(), language)
    assert ("4 of 9 trials" if language == "en" else "已完成 4 / 9 次") in said and "0.9" in said
    assert said.index('class="best"') < said.index("0.5<")
    assert said.count("<svg") == 2 and "80%" in said
    assert "img" not in Elements(said).tags
    assert study_card(None, language) == ""


def test_only_what_can_be_done_is_offered() -> None:
    assert Elements(study_card(study(), "en")).actions == ["study-train", "study-delete"]
    assert Elements(study_card(study("running"), "en")).actions == ["study-stop", "study-train"]
    assert Elements(study_card(study("queued", trials=(), best=None), "en")).actions == ["study-stop"]


def test_a_line_goes_through_its_settings_and_passes_by_what_it_has_not() -> None:
    tracks = [
        Track({"rate": 0.001, "layers": 2}, 0.5),
        Track({"rate": 0.1, "width": "a<b"}, 0.9, is_best=True),
    ]
    figure = ElementTree.fromstring(parallel("Every trial", "", "accuracy", tracks))
    lines = [one.get("points", "").split() for one in figure.iter("polyline")]
    assert [len(points) for points in lines] == [3, 3] and figure.findall(".//polyline")[-1].get(
        "class"
    ) == "track best"
    heights = [float(points[0].split(",")[1]) for points in lines]
    assert heights[0] > heights[1], "the smaller rate is lower"
    assert parallel("Every trial", "", "accuracy", tracks[:1]) == ""
    ElementTree.fromstring(parallel("", "", "m", [Track({"rate": 0.1}, 1.0), Track({"rate": 0.1}, 1.0)]))


def test_bars_are_as_long_as_their_shares() -> None:
    figure = ElementTree.fromstring(importance_chart("What matters", {"b": 0.25, "a & c": 0.75}))
    widths = [float(one.get("width", "0")) for one in figure.iter("rect")]
    assert widths[0] == pytest.approx(3 * widths[1], rel=0.01)
    assert importance_chart("What matters", {}) == ""
