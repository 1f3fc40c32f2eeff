"""What a training will take, before it starts: learnt, counted or scaled; and what is refused."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from pipelines.errors.training import NetworkTooLarge, TrainingTooLarge
from pipelines.training.estimate import PROCESS_BYTES
from pipelines.training.order import order_of
from pipelines.types.training import TrainRequest
from studio.jobs.admission import Admission
from studio.jobs.forecast import UNKNOWN_BYTES, Forecast, forecast, needed_bytes, refuse_too_large
from studio.jobs.ledger import ENGINE, RUN, Ledger
from studio.jobs.usage import FILE, Usage, cost_of

SMALL = TrainRequest("cnn", "digits", {"plan.steps": 100}, "cpu")
HUGE = TrainRequest("char_transformer", "python_docs", {"width": 8192, "layers": 64}, "cpu")
GB = 1_000_000_000


def learn(home: Path, request: TrainRequest, about: Usage) -> None:
    place = home / "runs" / f"{cost_of(request)[:20].encode().hex()}"
    place.mkdir(parents=True, exist_ok=True)
    (place / FILE).write_text(json.dumps(asdict(about)))


def test_it_is_counted_then_scaled_then_learnt(tmp_path: Path) -> None:
    found = forecast(tmp_path, SMALL, order_of(SMALL))
    assert found.seconds is None and not found.is_learnt
    assert found.peak_bytes == needed_bytes(tmp_path, SMALL) < 2 * GB
    wider = TrainRequest("cnn", "digits", {"plan.steps": 100, "width": 32}, "cpu")
    learn(tmp_path, wider, Usage(cost_of(wider), 5.0, 0.4, 3 * GB))
    found = forecast(tmp_path, SMALL, order_of(SMALL))
    assert found.seconds is not None and 5 < found.seconds < 5 + 100 * 0.4, "half as wide is less work"
    assert not found.is_learnt and found.peak_bytes is not None and found.peak_bytes < 2 * GB
    learn(tmp_path, SMALL, Usage(cost_of(SMALL), 5.0, 0.1, 2 * GB))
    assert forecast(tmp_path, SMALL, order_of(SMALL)) == Forecast(2 * GB, pytest.approx(15.0), is_learnt=True)
    assert needed_bytes(tmp_path, SMALL) == 2 * GB and needed_bytes(tmp_path, SMALL, 4) == 8 * GB


def test_of_a_base_the_weights_are_counted_and_of_an_unknown_one_nothing(tmp_path: Path) -> None:
    def taken(method: str, model: str = "smollm2-135m-instruct") -> int:
        return needed_bytes(tmp_path, TrainRequest("causal_lm", "python_docs", {"method": method}, "cpu", model=model))

    least = 135_000_000 * 4
    assert PROCESS_BYTES + least * 0.9 < taken("lora") < PROCESS_BYTES + least * 1.1
    assert PROCESS_BYTES + 6 * least * 0.9 < taken("full") < PROCESS_BYTES + 6 * least * 1.1, (
        "as its checkpoint is written"
    )
    assert taken("full", model="nowhere") == UNKNOWN_BYTES
    full = TrainRequest("causal_lm", "python_docs", {"method": "full"}, "cpu", model="smollm2-135m-instruct")
    refuse_too_large(forecast(tmp_path, full, order_of(full)), full, order_of(full), GB)  # the process knows better
    assert needed_bytes(tmp_path, TrainRequest("of_the_future", "digits")) == UNKNOWN_BYTES


def test_what_never_fits_is_refused_with_what_would(tmp_path: Path) -> None:
    refuse_too_large(forecast(tmp_path, SMALL, order_of(SMALL)), SMALL, order_of(SMALL), 4 * GB)
    order = order_of(HUGE)
    found = forecast(tmp_path, HUGE, order)
    with pytest.raises(TrainingTooLarge, match=r"fit: width \d") as refused:
        refuse_too_large(found, HUGE, order, 16 * GB)
    assert "16.0 GB" in refused.value.say("zh") and "宽度 width " in refused.value.say("zh")
    with pytest.raises(NetworkTooLarge):
        refuse_too_large(found, HUGE, order, GB // 2)  # not even the process fits


def test_a_run_is_let_in_beside_others_when_all_of_them_have_their_memory(tmp_path: Path) -> None:
    admission, needed = Admission(tmp_path / "ledger"), GB
    assert admission.wait(needed, admission.look("ram"), 0) is None, "the first one asks for its room itself"
    assert admission.wait(needed, admission.look("ram"), 1) is not None, "nobody has said yet what there is"
    engine = Ledger(tmp_path / "ledger", ENGINE, "ram", 2 * needed, lambda: 100 * GB)
    assert admission.wait(needed, admission.look("ram"), 1) is not None, "the one before it has reserved nothing yet"
    run = Ledger(tmp_path / "ledger", RUN, "ram", free_bytes=lambda: 100 * GB)
    with run.holding("one", needed):
        assert admission.wait(needed, admission.look("ram"), 1) is None
        assert admission.wait(needed, admission.look("ram"), 2) is not None
        assert engine.reserve(1, "a model", 1000) == 0
        wait = admission.wait(needed, admission.look("ram"), 1)
        assert wait is not None and wait.needed_bytes == needed and wait.free_bytes == needed - 1000
    for ledger in (run, engine):
        ledger.close()
