"""What a run begins with it goes on with: the same data, the same base; and what was kept for the end is measured at the end."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.errors.training import BaseChanged, CannotBeSplit, DataChanged
from pipelines.training.datasets import python_docs
from pipelines.training.metrics import read_metrics
from pipelines.training.run import run
from pipelines.training.uploads import captions
from pipelines.training.uploads.captions import BY_PERSON, Caption
from pipelines.types.training import TrainRequest
from tests.pipelines.tiny_texts import save_causal
from tests.pipelines.training.short import data_of
from tests.pipelines.training.tiny_course import Wishes
from tests.pipelines.training.uploads.seeded import packed
from tests.pipelines.training.uploads.test_own import OWN, kept

pytestmark = pytest.mark.usefixtures("one_thread")
RUN = "0" * 32
SMALL = {"side": "8", "width": 8, "batch": 4, "plan.steps": 6, "plan.ema_decay": 0.0}
CHANGED = {
    **SMALL,
    "augment.flip": 0.5,
    "augment.rotate": 20.0,
    "augment.crop": 0.2,
    "augment.colour": 0.5,
    "augment.erase": 0.5,
}


def test_stopped_and_resumed_a_run_with_changed_pictures_ends_with_the_same_bits(tmp_path: Path) -> None:
    asked = TrainRequest("vae", "digits", CHANGED, name="it", run=RUN)
    run(asked, tmp_path / "a" / "runs" / RUN)
    run(asked, tmp_path / "b" / "runs" / RUN, commands=Wishes(stop_at=3))
    run(asked, tmp_path / "b" / "runs" / RUN)
    run(replace(asked, settings=SMALL), tmp_path / "c" / "runs" / RUN)
    one, other, plain = ((tmp_path / part / "models" / "it" / "model.safetensors").read_bytes() for part in "abc")
    assert one == other and one != plain


def test_what_was_kept_for_the_end_is_measured_at_the_end(tmp_path: Path) -> None:
    settings = {**SMALL, "plan.test": 0.2, "plan.folds": 3, "plan.fold": 1}
    result = run(TrainRequest("vae", "digits", settings, run=RUN), tmp_path / "runs" / RUN)
    assert result.metrics["test_reconstruction_error"] > 0
    assert result.metrics["test_reconstruction_error"] != result.metrics["reconstruction_error"]
    facts = json.loads((tmp_path / "models" / result.model / "model.json").read_text())
    pinned = json.loads((tmp_path / "runs" / RUN / "data.json").read_text())
    assert facts["data_sha256"] == pinned["sha256"] and facts["metrics"] == result.metrics
    assert len(pinned["test_sha256"]) == 64 and pinned["test_sha256"] != pinned["sha256"]
    assert not [row for row in read_metrics(tmp_path / "runs" / RUN / "metrics.jsonl") if "test_loss" in row]
    with pytest.raises(CannotBeSplit):
        run(
            TrainRequest("vae", "digits", {**SMALL, "plan.validation": 0.0001}, run="1" * 32),
            tmp_path / "runs" / ("1" * 32),
        )


def test_the_scores_of_a_finished_run_are_of_what_was_kept_for_the_end(tmp_path: Path) -> None:
    settings = {"side": 16, "width": 4, "stages": 1, "batch": 8, "plan.steps": 6, "plan.test": 0.2}
    result = run(TrainRequest("cnn", "digits", settings, run=RUN), tmp_path / "runs" / RUN)
    scores = json.loads((tmp_path / "runs" / RUN / "scores.json").read_text())
    assert sum(scores["values"]) / len(scores["values"]) == pytest.approx(result.metrics["test_accuracy"])
    assert len(scores["values"]) == pytest.approx(0.2 * 1797, abs=10)


def test_a_caption_that_was_changed_meanwhile_is_refused(tmp_path: Path) -> None:
    kept(tmp_path, packed())
    asked, folder = TrainRequest("vae", OWN, SMALL, run=RUN), tmp_path / "runs" / RUN
    run(asked, folder, commands=Wishes(stop_at=1))
    captions.add(tmp_path / "datasets" / OWN, [Caption(3, "something else", BY_PERSON)])
    with pytest.raises(DataChanged):
        run(asked, folder)


def test_a_run_goes_on_only_with_the_base_it_began_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = data_of("texts")
    monkeypatch.setattr(python_docs, "load", lambda packages: texts)
    base = tmp_path / "models" / "tiny-base"
    save_causal(base)
    asked = TrainRequest(
        "causal_lm", "python_docs", {"plan.steps": 4, "context": 16, "batch": 2}, model="tiny-base", run=RUN
    )
    run(asked, tmp_path / "runs" / RUN, commands=Wishes(stop_at=1))
    assert len(json.loads((tmp_path / "runs" / RUN / "data.json").read_text())["base_sha256"]) == 64
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps({**config, "rms_norm_eps": 0.5}))
    with pytest.raises(BaseChanged):
        run(asked, tmp_path / "runs" / RUN)
    (base / "config.json").write_text(json.dumps(config))
    with pytest.raises(BaseChanged):  # the same settings, but not the same file
        run(asked, tmp_path / "runs" / RUN)


def test_of_a_run_that_pinned_no_base_only_the_data_are_asked_for(tmp_path: Path) -> None:
    asked, folder = TrainRequest("vae", "digits", SMALL, run=RUN), tmp_path / "runs" / RUN
    run(asked, folder, commands=Wishes(stop_at=1))
    pinned = json.loads((folder / "data.json").read_text())
    (folder / "data.json").write_text(json.dumps({"sha256": pinned["sha256"]}))
    assert run(asked, folder).finish_reason == "stop"
