"""Runs beside each other: what differs between them, and when a difference may be chance. The runs are real, and tiny."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.errors.access import NotFound
from pipelines.errors.runs import NothingToCompare
from pipelines.types.training import Setting, TrainRequest
from studio.jobs.comparing import Comparison, compare
from studio.services import Services
from studio.ui.training.comparison import comparison, verdicts
from tests.studio.jobs.conftest import ANN, BO, Open
from tests.studio.jobs.test_training import TINY, few_steps, until

ATTACK = "<img src=x onerror=alert(1)>"


def finished(services: Services, name: str, **settings: Setting) -> str:
    request = replace(few_steps(name=name), settings={**TINY, "plan.steps": 20, **settings})
    return until(services, services.runs.start(ANN, request), lambda job: job.is_ended).id


def kept(services: Services, run_id: str, name: str, content: dict) -> None:
    """What a run would have written of itself."""
    (services.settings.home / "runs" / run_id / name).write_text(json.dumps(content))


def test_two_runs_of_the_same_data_are_judged_by_every_held_out_example(open_services: Open) -> None:
    services = open_services()
    one, other = finished(services, ATTACK), finished(services, "Wide", width=8)
    found = compare(services.runs, ANN, [one, other])
    assert found.differing == {"width": (4, 8)}
    for side in found.sides:
        assert side.scores is not None and len(side.scores["values"]) == 179, "every tenth of 1,797 digits"
        assert side.value == pytest.approx(side.curve[-1]["accuracy"], abs=1e-6), "what the run itself measured"
        assert side.interval is not None and side.interval.low <= side.interval.value <= side.interval.high
    (verdict,) = found.verdicts
    assert verdict.finding in ("better", "chance") and verdict.difference is not None and verdict.difference.value >= 0

    for language in ("en", "zh"):
        html = comparison(found, language)
        assert html.count("<polyline") >= 4 and "<img" not in html and len(verdicts(found, language)) == 1


def waiting(services: Services) -> list[str]:
    return [services.runs.start(ANN, few_steps(name=name)).id for name in ("one", "other")]


def judged(services: Services, *scores: list[float], data: str = "") -> Comparison:
    """Two runs that have come to these scores."""
    runs = waiting(services)
    for place, (run, values) in enumerate(zip(runs, scores, strict=True)):
        kept(services, run, "data.json", {"sha256": data and f"{data} {place}"})
        kept(services, run, "scores.json", {"metric": "accuracy", "is_log": False, "examples": "p", "values": values})
    return compare(services.runs, ANN, runs)


def test_a_difference_that_may_be_chance_is_called_so(open_services: Open) -> None:
    services = open_services(is_started=False)
    found = judged(services, [1.0, 0.0] * 50, [1.0, 0.0] * 48 + [1.0, 1.0] + [0.0, 0.0])
    assert [one.finding for one in found.verdicts] == ["chance"]
    assert "may be chance" in verdicts(found, "en")[0] and "偶然" in verdicts(found, "zh")[0]
    sure = judged(services, [1.0] * 100, [1.0, 0.0] * 50)
    assert [(one.winner, one.finding) for one in sure.verdicts] == [(0, "better")]
    assert "more than chance" in verdicts(sure, "en")[0]


def test_what_cannot_be_judged_is_not(open_services: Open) -> None:
    services = open_services(is_started=False)
    assert judged(services, [1.0] * 30, [0.0] * 30, data="their own").verdicts[0].finding == "other data"
    unmeasured = compare(services.runs, ANN, waiting(services))
    assert unmeasured.verdicts == () and "measured" in verdicts(unmeasured, "en")[0]
    one, other = waiting(services)
    for run, accuracy in ((one, 0.5), (other, 0.7)):
        curve = Path(services.settings.home / "runs" / run / "metrics.jsonl")
        curve.write_text(json.dumps({"step": 5, "accuracy": accuracy}) + "\n")
    (verdict,) = compare(services.runs, ANN, [one, other]).verdicts
    assert (verdict.winner, verdict.finding) == (1, "no scores")
    lstm = services.runs.start(ANN, TrainRequest("lstm", "python_docs", {}, "cpu")).id
    (services.settings.home / "runs" / lstm / "metrics.jsonl").write_text('{"step": 5, "perplexity": 9.0}\n')
    assert compare(services.runs, ANN, [one, lstm]).verdicts[0].finding == "other metric"


def test_scores_of_the_part_that_was_kept_for_the_test_are_called_so(open_services: Open) -> None:
    services = open_services(is_started=False)
    assert not any(side.is_tested for side in judged(services, [1.0] * 30, [0.0] * 30).sides)
    runs = waiting(services)
    for run, value in zip(runs, (1.0, 0.0), strict=True):
        kept(services, run, "data.json", {"sha256": "all", "test_sha256": "test"})
        kept(
            services,
            run,
            "scores.json",
            {"metric": "accuracy", "is_log": False, "examples": "p", "values": [value] * 30},
        )
    found = compare(services.runs, ANN, runs)
    assert all(side.is_tested for side in found.sides) and found.verdicts[0].finding == "better"
    assert "On the test part" in comparison(found, "en") and "测试集上" in comparison(found, "zh")


def test_few_examples_decide_nothing(open_services: Open) -> None:
    found = judged(open_services(is_started=False), [1.0] * 9, [0.0] * 9)
    assert [one.finding for one in found.verdicts] == ["too few"] and "too few" in verdicts(found, "en")[0]
    assert [side.interval for side in found.sides] == [None, None] and found.sides[0].value == 1.0


def test_what_is_measured_in_the_terms_of_a_base_is_held_against_no_other(open_services: Open) -> None:
    """Such as how well latents are denoised. A perplexity of characters is the same for all."""
    services = open_services(is_started=False)
    bases = ("smollm2-135m-instruct", "another/base", "")
    asked = [TrainRequest("causal_lm" if base else "lstm", "python_docs", {}, "cpu", base) for base in bases]
    runs = [services.runs.start(ANN, request).id for request in asked]
    for number, run in enumerate(runs):
        curve = Path(services.settings.home / "runs" / run / "metrics.jsonl")
        curve.write_text(json.dumps({"step": 5, "perplexity": 9.0 + number}) + "\n")
    assert [one.finding for one in compare(services.runs, ANN, runs).verdicts] == ["other metric", "no scores"]
    for unit, findings in (("", ["better", "better"]), ("latents", ["better", "other metric"])):
        for number, run in enumerate(runs):
            scores = {"metric": "perplexity", "is_log": True, "examples": run, "values": [1.0 + number] * 30}
            kept(services, run, "scores.json", {**scores, "unit": unit if number < 2 else ""})
        assert [one.finding for one in compare(services.runs, ANN, runs).verdicts] == findings


def test_it_takes_two_and_ones_own(open_services: Open) -> None:
    services = open_services(is_started=False)
    one, other = waiting(services)
    for few in ([], [one], [one, one]):
        with pytest.raises(NothingToCompare):
            compare(services.runs, ANN, few)
    with pytest.raises(NotFound):
        compare(services.runs, BO, [one, other])
