"""What a training will take, counted from its settings: against real networks, and what is told to fit fits."""

import subprocess
import sys

import pytest

from pipelines.training.estimate import NUMBER_BYTES, PROCESS_BYTES, estimated_bytes, what_fits
from pipelines.training.trainer import changed, find_trainers
from tests.pipelines.training.short import data_of, settings_of

TRAINERS = find_trainers()
HUGE = {"width": 8192, "layers": 64}
MOST_BYTES = 8_000_000_000


@pytest.mark.parametrize(
    ("name", "wider"),
    [
        ("resnet", {"width": 32, "depth": "50"}),
        ("vae", {"width": 64, "side": "32"}),
        ("char_transformer", {"width": 256, "layers": 4}),
        ("lstm", {"width": 192, "layers": 3}),
    ],
)
def test_weights_are_counted_to_a_few_per_cent(name: str, wider: dict) -> None:
    settings = changed(name, settings_of(name), wider)
    course = TRAINERS[name].start(settings, data_of(TRAINERS[name].DATA), "cpu")
    tensors = {id(one): one.numel() for network in course.networks.values() for one in network.parameters()}
    assert TRAINERS[name].size(settings).weights == pytest.approx(sum(tensors.values()), rel=0.05)


def test_every_preset_for_a_cpu_takes_little_and_every_batch_more() -> None:
    for name, trainer in TRAINERS.items():
        settings = trainer.PRESETS["cpu"]
        taken = estimated_bytes(trainer, settings)
        if trainer.NEEDS_MODEL:
            assert taken is None, name
            continue
        doubled = estimated_bytes(trainer, changed(name, settings, {"batch": 2 * settings.batch}))
        assert taken is not None and doubled is not None
        assert PROCESS_BYTES < taken < 1_200_000_000 and doubled > taken, name


def test_what_is_told_to_fit_fits_and_one_more_does_not() -> None:
    trainer = TRAINERS["char_transformer"]
    huge = changed("char_transformer", trainer.PRESETS["cpu"], HUGE)
    weights = trainer.size(huge).weights
    assert weights == pytest.approx(64 * 12 * 8192**2, rel=0.01), "the usual rule of a transformer"
    assert (estimated_bytes(trainer, huge) or 0) > 6 * NUMBER_BYTES * weights
    fitting = what_fits("char_transformer", huge, MOST_BYTES, lambda one: estimated_bytes(trainer, one) or 0)
    assert set(fitting) == {"width"}, "one layer so wide is too much already, and no batch is small enough"
    width = fitting["width"]
    assert isinstance(width, int) and width % trainer.PRESETS["cpu"].heads == 0
    for value, is_enough in ((width, True), (width + 2 * trainer.PRESETS["cpu"].heads, False)):
        taken = estimated_bytes(trainer, changed("char_transformer", huge, {"width": value}))
        assert ((taken or 0) <= MOST_BYTES) is is_enough


def test_a_batch_that_is_too_large_is_told_apart_from_a_network_that_is() -> None:
    settings = changed("vae", TRAINERS["vae"].PRESETS["cpu"], {"side": "128", "width": 128, "batch": 4096})
    fitting = what_fits("vae", settings, MOST_BYTES, lambda one: estimated_bytes(TRAINERS["vae"], one) or 0)
    assert {"batch", "width"} <= set(fitting) and 2 <= fitting["batch"] < 4096


def test_counting_needs_no_torch() -> None:
    code = (
        "import sys; from pipelines.training.estimate import estimated_bytes; from pipelines.training.trainer import *;"
        "[estimated_bytes(one, one.PRESETS['cpu']) for one in find_trainers().values()]; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
