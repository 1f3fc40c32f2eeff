"""A latent diffusion model hears only what it has learnt from: held-out words change nothing about it."""

from dataclasses import replace

import torch

from pipelines.training.data import Pictures
from pipelines.training.datasets import digits
from pipelines.training.run import run
from pipelines.training.trainer import changed
from pipelines.training.trainers import latent_diffusion
from pipelines.types.training import TrainRequest

NOTHING = torch.empty(0, dtype=torch.long)


def test_held_out_words_make_no_other_model():
    noise = torch.randint(256, (4, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    said = ("a red cat", "a cat", "an apple", "")
    data = Pictures(noise, noise, NOTHING, NOTHING, (), 255, said, ("a purple zebra", "", "a cat", "an apple"))
    settings = changed("latent_diffusion", latent_diffusion.PRESETS["cpu"], {"side": "16", "width": 32, "batch": 2})
    course, other = (
        latent_diffusion.start(settings, one, "cpu")
        for one in (data, replace(data, held_out_captions=("a green 斑马", "", "", "")))
    )
    for name, network in other.networks.items():
        network.load_state_dict(course.networks[name].state_dict())
    torch.manual_seed(0)
    with torch.no_grad():
        assert other.evaluate()["frechet_distance"] > 0


def test_captioned_pictures_are_kept_for_the_end(tmp_path, monkeypatch):
    noise = torch.randint(256, (12, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    said = tuple(f"thing {number} {'xyz'[number % 3]}" for number in range(12))
    data = Pictures(noise[:9], noise[9:], NOTHING, NOTHING, (), 255, said[:9], said[9:])
    monkeypatch.setattr(digits, "load", lambda packages: data)
    settings = {"plan.steps": 2, "plan.test": 0.25, "side": "16", "width": 32, "batch": 2}
    result = run(TrainRequest("latent_diffusion", "digits", settings, run="0" * 32), tmp_path / "runs" / ("0" * 32))
    assert result.model
    assert result.metrics["test_frechet_distance"] > 0
