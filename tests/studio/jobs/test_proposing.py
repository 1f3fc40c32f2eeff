"""What a study tries next: from the same trials the same proposal, a tree of families, hopeless trials, and a whole grid."""

import math

import pytest

from pipelines.errors.requests import SettingOutOfRange
from pipelines.errors.study import NothingToVary
from pipelines.errors.training import UnknownSetting
from pipelines.training.space import GRID_POINTS, offered, space_of
from pipelines.training.trainer import changed, find_trainers
from pipelines.types.study import Method, StudyRequest
from studio.jobs.proposing import TRAINER, Known, Proposing, grid

TRAINERS = find_trainers()
RATE = "plan.learning_rate"
FAMILIES = StudyRequest(("lstm", "char_transformer"), "python_docs", vary=(RATE, "batch", "layers"), trials=24)


def proposing(request: StudyRequest = FAMILIES, method: Method = "tpe", seed: int = 1) -> Proposing:
    space = space_of(request, TRAINERS)
    return Proposing(space, method, is_higher_better=False, trials=request.trials, seed=seed, rungs=10)


def carried_out(one: Proposing, trials: int, best: float = 0.003) -> list[Known]:
    """Trials whose loss falls over ten evaluations, to a level that is least where the learning rate is the `best`."""
    known: list[Known] = []
    for _ in range(trials):
        attempt = one.next(known)
        assert attempt is not None
        rate = attempt.settings[RATE]
        assert isinstance(rate, float)
        level, state, value = 1 + abs(math.log(rate / best)), "done", 0.0
        for number in range(1, 11):
            value = level * (1 + 1 / number)
            if attempt.is_hopeless(number, value):
                state = "pruned"
                break
        known.append(attempt.known(state, value))
    return known


def test_from_the_same_trials_comes_the_same_proposal_and_one_that_was_begun_is_taken_up() -> None:
    known = carried_out(proposing(), 10)
    one, other = proposing().next(known), proposing().next(known)
    assert one is not None and other is not None and one.params == other.params
    again = proposing(seed=99).next(known, one.params)
    assert again is not None and (again.trainer, again.settings) == (one.trainer, one.settings)
    assert [trial.params for trial in carried_out(proposing(), 10)] == [trial.params for trial in known]


def test_hopeless_trials_end_early_and_what_is_found_is_better_than_by_chance() -> None:
    tpe, chance = carried_out(proposing(), 24), carried_out(proposing(method="random"), 24)
    pruned = [trial for trial in tpe if trial.state == "pruned"]
    assert len(pruned) > 5 and all(len(trial.values) < 10 for trial in pruned)
    assert all(trial.state == "done" for trial in chance), "for comparison every trial is whole"
    spent = [sum(len(trial.values) for trial in trials) for trials in (tpe, chance)]
    assert spent[0] < 0.8 * spent[1]
    assert min(trial.value for trial in tpe if trial.state == "done" and trial.value) < 1.35
    assert {trial.params[TRAINER] for trial in tpe} == {"lstm", "char_transformer"}


def test_every_proposal_is_one_that_its_trainer_takes() -> None:
    for name, trainer in TRAINERS.items():
        vary = tuple(offered(trainer.PRESETS["cpu"]))
        assert {RATE, "batch"} <= set(vary) and "plan.steps" not in vary
        one = proposing(StudyRequest((name,), "x", vary=vary), method="random")
        for seed in range(3):
            attempt = one.next([Known({}, "failed", None)] * seed)
            assert attempt is not None
            changed(name, trainer.PRESETS["cpu"], attempt.settings)


def test_no_point_is_tried_twice_and_where_there_is_no_other_one_it_ends() -> None:
    few, known = proposing(StudyRequest(("cnn",), "digits", vary=("batch",), trials=2)), list[Known]()
    while (attempt := few.next(known)) is not None:
        known.append(attempt.known("done", 1.0))
    assert sorted(str(trial.params) for trial in known) == sorted({str(trial.params) for trial in known})
    assert len(known) == 3


def test_a_grid_is_gone_through_once() -> None:
    request = StudyRequest(("cnn",), "digits", vary=(RATE, "batch"), trials=200)
    points = grid(space_of(request, TRAINERS), 1)
    assert len(points) == len({tuple(point.items()) for point in points}) == GRID_POINTS * 3
    one, known = proposing(request, "grid"), []
    while (attempt := one.next(known)) is not None:
        known.append(attempt.known("done", 1.0))
    assert [trial.params for trial in known] == points


def test_bounds_are_a_persons_own_within_the_trainers() -> None:
    bounded = StudyRequest(("cnn",), "digits", ranges={RATE: (0.001, 0.002), "width": (8.0, 12.0)})
    rate, width = space_of(bounded, TRAINERS)["cnn"]
    assert (rate.low, rate.high, rate.is_whole, width.is_whole) == (0.001, 0.002, False, True)
    assert width.grid() == (8, 10, 12)
    for request, error in (
        (StudyRequest(("cnn",), "digits", ranges={RATE: (0.001, 20.0)}), SettingOutOfRange),
        (StudyRequest(("cnn",), "digits", vary=("depth",)), UnknownSetting),
        (StudyRequest(("cnn",), "digits", {"batch": 8, RATE: 0.1}), NothingToVary),
        (StudyRequest(("cnn",), "digits", ranges={"plan.steps": (10, 20)}), NothingToVary),
    ):
        with pytest.raises(error):
            space_of(request, TRAINERS)
