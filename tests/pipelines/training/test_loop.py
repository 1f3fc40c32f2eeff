"""A run that was stopped, killed or told something ends with the very weights of one that was left alone."""

import dataclasses
import math
import sys

import pytest
import torch

from pipelines.errors.training import Diverged
from pipelines.training import checkpoints
from pipelines.training.loop import train
from pipelines.training.patience import Goal
from pipelines.training.trainer import adam, descend
from tests.pipelines.training.tiny_course import PLAN, Notes, TinyCourse, Wishes, same, weights

pytestmark = pytest.mark.usefixtures("one_thread")


def go(folder, wishes=None, notes=None, plan=PLAN):
    course = TinyCourse(plan)
    reached = train(course, plan, folder, notes or Notes(), wishes or Wishes())
    return course, reached


def test_a_stopped_and_resumed_run_ends_with_the_same_bits_and_the_same_points(tmp_path):
    once, in_parts = Notes(), Notes()
    whole, reached = go(tmp_path / "whole", notes=once)
    assert (reached.step, reached.reason) == (60, "stop")
    for stop_at in (0, 7, 20, 0, 11):
        _, reached = go(tmp_path / "parts", Wishes(stop_at), in_parts)
        assert reached.reason == "saved"
    resumed, reached = go(tmp_path / "parts", notes=in_parts)
    assert (reached.step, reached.reason) == (60, "stop")
    assert same(weights(whole), weights(resumed))
    assert not same(weights(whole), weights(TinyCourse()))
    assert in_parts.points() == once.points()
    assert in_parts.samples == once.samples
    assert once.rows[-1]["error"] < once.rows[0]["error"]


def test_every_step_is_a_point_at_most_once_and_the_curve_begins_with_the_untrained_network(tmp_path):
    notes = Notes()
    _, reached = go(tmp_path, notes=notes)
    steps = [row["step"] for row in notes.rows]
    assert steps == sorted(set(steps)) and steps[0] == 0 and steps[-1] == 60
    assert {"loss", "learning_rate", "gradient_norm", "seconds"} <= set(notes.rows[1])
    assert notes.rows[-1]["error"] == reached.values["error"]


def test_what_was_told_after_the_last_checkpoint_is_told_again_and_the_same(tmp_path):
    notes = Notes()
    go(tmp_path / "whole", notes=notes)
    told = Notes()
    go(tmp_path / "parts", Wishes(stop_at=40, how="cancel", checkpoint_at=25), told)
    assert max(row["step"] for row in told.rows) == 40
    go(tmp_path / "parts", notes=told)
    assert told.points() == notes.points()


@pytest.mark.parametrize(("how", "stop_at"), [("save", 0), ("cancel", 0), ("cancel", 3)])
def test_the_untrained_network_is_told_of_once_however_early_the_stop(tmp_path, how, stop_at):
    once, in_parts = Notes(), Notes()
    go(tmp_path / "whole", notes=once)
    go(tmp_path / "parts", Wishes(stop_at, how), in_parts)
    go(tmp_path / "parts", notes=in_parts)
    assert in_parts.points() == once.points()


def test_cancel_leaves_the_last_checkpoint_and_makes_none(tmp_path):
    _, reached = go(tmp_path, Wishes(stop_at=30, how="cancel", checkpoint_at=12))
    assert (reached.step, reached.reason) == (30, "cancelled")
    state = checkpoints.latest(tmp_path)
    assert state is not None and state["step"] == 12


def test_a_wish_is_fulfilled_between_two_steps_and_changes_nothing(tmp_path):
    plain, asked = Notes(), Notes()
    whole, _ = go(tmp_path / "plain", notes=plain)
    other, _ = go(tmp_path / "asked", Wishes(sample_at=5, checkpoint_at=5), asked)
    assert same(weights(whole), weights(other))
    assert 5 in [step for step, _ in asked.samples] and 5 not in [step for step, _ in plain.samples]
    assert asked.points() == plain.points()
    assert asked.durable_rows == len(asked.rows)


def test_a_finished_run_holds_the_average_and_one_that_is_asked_again_does_nothing(tmp_path):
    course, reached = go(tmp_path)
    state = checkpoints.latest(tmp_path)
    assert state is not None
    assert same([course.networks["body"][4].weight.data], [state["average"]["body/4.weight"]])
    assert not same([course.networks["body"][4].weight.data], [state["networks"]["body/4.weight"]])
    assert "body/0.weight" not in state["networks"]  # frozen: it is what it was
    assert "body/1.running_mean" in state["networks"]
    again, reached_again = go(tmp_path)
    assert again.steps_done == 0
    assert same(weights(course), weights(again))
    assert reached_again.values == reached.values


def test_without_an_average_the_last_weights_stay(tmp_path):
    plan = dataclasses.replace(PLAN, ema_decay=0.0)
    course, _ = go(tmp_path, plan=plan)
    state = checkpoints.latest(tmp_path)
    assert state is not None
    assert same([course.networks["body"][4].weight.data], [state["networks"]["body/4.weight"]])


def test_a_loss_that_is_no_number_ends_the_run_and_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    go(tmp_path, Wishes(stop_at=10))
    course = TinyCourse()
    monkeypatch.setattr(course, "step", lambda number: {"loss": math.nan})
    with pytest.raises(Diverged):
        train(course, PLAN, tmp_path, Notes(), Wishes())
    state = checkpoints.latest(tmp_path)
    assert state is not None and state["step"] == 10


BETTER_UNTIL = 24


class Learner(TinyCourse):
    """Gets better up to a step, and worse from there on."""

    def evaluate(self) -> dict[str, float]:
        return {"error": abs(self.done - BETTER_UNTIL) + 0.5}

    def step(self, number: int) -> dict[str, float]:
        self.done = number + 1
        return super().step(number)

    done = 0


def learn(folder, plan, wishes=None, notes=None):
    course = Learner(plan)
    goal = Goal("error", is_higher_better=False)
    return course, train(course, plan, folder, notes or Notes(), wishes or Wishes(), goal)


def test_a_run_that_no_longer_gets_better_ends_with_its_best_weights_also_after_a_stop(tmp_path):
    patient, short = (dataclasses.replace(PLAN, patience=patience) for patience in (2, 0))
    course, reached = learn(tmp_path / "whole", patient)
    assert (reached.step, reached.reason, reached.values) == (BETTER_UNTIL + 12, "stop", {"error": 0.5})
    upto, _ = learn(tmp_path / "upto", short, Wishes(stop_at=BETTER_UNTIL))
    state = checkpoints.latest(tmp_path / "upto")
    assert state is not None and upto.done == BETTER_UNTIL
    assert same([course.networks["body"][4].weight.data], [state["average"]["body/4.weight"]])

    for stop_at in (26, 4, 3):  # the last one ends where nothing is left to do
        learn(tmp_path / "parts", patient, Wishes(stop_at))
    resumed, again = learn(tmp_path / "parts", patient)
    assert (again.step, again.values) == (reached.step, reached.values)
    assert same(weights(course), weights(resumed))
    _, whole = learn(tmp_path / "all", short)
    assert whole.step == PLAN.steps


def test_what_is_learnt_first_is_not_judged(tmp_path):
    """Its measure is worst after that: the first evaluation that counts is that of step 42, and the next one is worse."""
    plan = dataclasses.replace(PLAN, patience=1)
    course = Learner(plan)
    course.judged_from = 40
    reached = train(course, plan, tmp_path, Notes(), Wishes(), Goal("error", is_higher_better=False))
    assert reached.step == 48 and reached.values == {"error": 42 - BETTER_UNTIL + 0.5}


class Adder(TinyCourse):
    """One optimiser, whose step may be made of several batches."""

    def step(self, number: int) -> dict[str, float]:
        return descend(self._loss(torch.randn(16, 4)), self.optimisers["body"], self.plan, number)


def test_accumulated_gradients_are_those_of_a_larger_batch(tmp_path):
    one, other = (torch.nn.Linear(4, 1) for _ in range(2))
    other.load_state_dict(one.state_dict())
    small, large = (dataclasses.replace(PLAN, accumulation=parts) for parts in (4, 1))
    inputs = torch.randn(32, 4)
    accumulating, whole = adam(one, small), adam(other, large)
    for part in inputs.split(8):
        told = descend((one(part) - part.sum(1, keepdim=True)).pow(2).mean(), accumulating, small, 3)
    at_once = descend((other(inputs) - inputs.sum(1, keepdim=True)).pow(2).mean(), whole, large, 3)
    assert torch.allclose(one.weight, other.weight, atol=1e-6)
    assert told["gradient_norm"] == pytest.approx(at_once["gradient_norm"], rel=1e-5)


def test_accumulating_a_run_that_is_stopped_ends_with_the_same_bits(tmp_path):
    plan = dataclasses.replace(PLAN, accumulation=3)

    def accumulate(folder, wishes=None):
        course = Adder(plan)
        return course, train(course, plan, folder, Notes(), wishes or Wishes())

    course, reached = accumulate(tmp_path / "whole")
    assert reached.step == PLAN.steps
    accumulate(tmp_path / "parts", Wishes(7))
    resumed, _ = accumulate(tmp_path / "parts")
    assert same(weights(course), weights(resumed))


class Killed(BaseException):
    """Nothing catches it, as nothing catches SIGKILL."""


def lines_of_save(tmp_path) -> int:
    """How many lines `checkpoints.save` executes."""
    return _save_and_die(tmp_path / "count", 3, at_line=10**6)


def _save_and_die(folder, step, at_line) -> int:
    """`checkpoints.save` until the line number `at_line` that it executes is about to begin; how many lines came."""
    seen = 0

    def trace(frame, event, argument):
        nonlocal seen
        if frame.f_code is not checkpoints.save.__code__:
            return None
        if event == "line":
            seen += 1
            if seen == at_line:
                raise Killed
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        checkpoints.save(folder, step, {"value": torch.full((8,), float(step))})
    except Killed:
        pass
    finally:
        sys.settrace(before)
    return seen


def test_killed_at_any_line_of_a_save_the_newest_whole_checkpoint_is_resumed_from(tmp_path):
    lines = lines_of_save(tmp_path)
    assert lines > 15
    reached = []
    for line in range(1, lines + 1):
        folder = tmp_path / str(line)
        for step in (1, 2):
            checkpoints.save(folder, step, {"value": torch.full((8,), float(step))})
        _save_and_die(folder, 3, line)
        state = checkpoints.latest(folder)
        assert state is not None
        assert state["value"].tolist() == [float(state["step"])] * 8
        reached.append(state["step"])
        checkpoints.save(folder, 3, {"value": torch.full((8,), 3.0)})  # what was left behind is in nobody's way
        assert sorted(path.name for path in folder.iterdir()) == ["step-00000002", "step-00000003"]
    assert set(reached) == {2, 3} and reached == sorted(reached)
