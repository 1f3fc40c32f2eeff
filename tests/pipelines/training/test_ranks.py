"""Two processes that train together: the same as one with twice the batches, and a stop that reaches both. All trainers: tests/bench/ranks.py"""

import json
import shutil
from pathlib import Path

import pytest
import torch

from pipelines.errors.training import OtherProcesses
from pipelines.training.average import carried
from pipelines.training.checkpoints import latest, save
from pipelines.training.loop import train
from pipelines.training.ranks import Ranks
from pipelines.training.run import run
from pipelines.types.training import TrainRequest
from tests.pipelines.training.short import SETTINGS
from tests.pipelines.training.tiny_course import Notes, Wishes
from tests.pipelines.training.two_ranks import SIZE, start, train_together, weights

pytestmark = pytest.mark.usefixtures("one_thread")
RUN = "0" * 32
ONE_NETWORK, TAKE_TURNS = "vae", "wgan_gp"


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes ended with, after a stop and a resume."""
    folder = tmp_path_factory.mktemp("together")
    train_together(folder, [ONE_NETWORK, TAKE_TURNS])
    return folder


@pytest.mark.parametrize("name", [ONE_NETWORK, TAKE_TURNS])
def test_both_end_with_the_same_weights(together: Path, name: str) -> None:
    one, other = (weights(together, name, rank) for rank in range(SIZE))
    assert one.keys() == other.keys() and all(torch.equal(one[key], other[key]) for key in one)
    begun = carried(start(name)[0].networks)
    assert any(not torch.equal(one[key], begun[key]) for key in one)


def test_one_that_is_left_alone_is_told(together: Path) -> None:
    assert (together / "told").exists()


def test_they_are_one_process_with_twice_the_batches(together: Path, tmp_path: Path) -> None:
    course, plan = start(ONE_NETWORK, accumulation=2)
    train(course, plan, tmp_path, Notes(), Wishes())
    found = weights(together, ONE_NETWORK, 0)
    trained = {f"{key}/{name}" for key, one in course.networks.items() for name, _ in one.named_parameters()}
    for key, value in carried(course.networks).items():
        if key in trained:  # running means are of one process's batches
            torch.testing.assert_close(found[key], value, rtol=0, atol=1e-6)


def test_a_run_goes_on_with_the_same_batches_or_is_told_why_not(tmp_path: Path) -> None:
    """Begun by two processes it goes on in one that draws both batches; a run whose networks take turns does not."""
    for trainer, goes_on in ((ONE_NETWORK, True), (TAKE_TURNS, False)):
        folder = tmp_path / trainer / "runs" / RUN
        asked = TrainRequest(trainer, "digits", {**SETTINGS[trainer], "plan.steps": 3}, run=RUN)
        run(asked, folder, commands=Wishes(stop_at=0, how="cancel"))
        order = json.loads((folder / "run.json").read_text())
        (folder / "run.json").write_text(json.dumps({**order, "batches": 2}))
        if not goes_on:
            with pytest.raises(OtherProcesses):
                run(asked, folder)
            continue
        model = tmp_path / trainer / "models" / run(asked, folder).model
        assert "2 batches a step" in (model / "README.md").read_text()
        assert json.loads((model / "model.json").read_text())["settings"]["plan.accumulation"] == 1


def test_begun_with_two_batches_each_it_goes_on_alone_with_four(tmp_path: Path) -> None:
    """What the optimiser has counted of a step does not reach into the next one."""
    course, plan = start(ONE_NETWORK, accumulation=4)
    train(course, plan, tmp_path / "whole", Notes(), Wishes())
    begun, _ = start(ONE_NETWORK, accumulation=4)
    train(begun, plan, tmp_path / "parts", Notes(), Wishes(stop_at=2))
    (place,) = (tmp_path / "parts").glob("step-*")
    state = latest(tmp_path / "parts")
    assert state is not None
    state["optimisers"]["both"]["param_groups"][0]["parts"] = 2  # as each of two processes leaves it
    shutil.rmtree(place)
    save(tmp_path / "parts", state.pop("step"), state)
    again, _ = start(ONE_NETWORK, accumulation=4)
    train(again, plan, tmp_path / "parts", Notes(), Wishes())
    found = carried(again.networks)
    assert all(torch.equal(value, found[key]) for key, value in carried(course.networks).items())


@pytest.mark.parametrize(("accumulation", "size", "each"), [(1, 1, 1), (4, 1, 4), (1, 2, 1), (4, 2, 2), (5, 2, 3)])
def test_the_batches_of_a_step_are_shared_out(accumulation: int, size: int, each: int) -> None:
    assert Ranks(0, size).parts(accumulation) == each
