"""Generators without words: noise in, pictures out, by seed; folders that make no network are refused."""

import json
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from pipelines.errors.models import AdapterMismatch, ModelDamaged
from pipelines.errors.requests import SettingOutOfRange
from pipelines.image import ImagePipeline
from pipelines.networks import generators, latent_map
from pipelines.networks.generators import GeneratorConfig
from pipelines.types.adapter import Adapter
from pipelines.types.image import ImageRequest


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = GeneratorConfig(latent=6, side=16, channels=3, width=4)
    target = tmp_path / "models" / "tiny"
    target.mkdir(parents=True)
    network = generators.build(config)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter *= 10  # the weights that a training starts from make everything grey
    generators.write(network, config, target)
    return target


@pytest.fixture
def pipeline(tmp_path: Path) -> ImagePipeline:
    return ImagePipeline.on_this_machine(tmp_path / "models", cache_folder=tmp_path / "cache", device="cpu")


def test_picture_number_i_comes_from_seed_plus_i(folder, pipeline):
    drawn = pipeline.generate(ImageRequest("tiny", seed=1, count=5))
    assert [image.size for image in drawn.images] == [(16, 16)] * 5
    assert len({image.tobytes() for image in drawn.images}) == 5
    for number in range(5):
        (alone,) = pipeline.generate(ImageRequest("tiny", seed=1 + number)).images
        assert alone.tobytes() == drawn.images[number].tobytes()


def test_pictures_go_from_one_seed_to_another(pipeline, folder):
    walk = pipeline.generate(ImageRequest("tiny", seed=1, toward=9, count=5))
    first, last = (pipeline.generate(ImageRequest("tiny", seed=seed)).images[0] for seed in (1, 9))
    assert walk.images[0].tobytes() == first.tobytes()
    assert walk.images[4].tobytes() == last.tobytes()
    assert len({image.tobytes() for image in walk.images}) == 5
    again = pipeline.generate(ImageRequest("tiny", seed=1, toward=9, count=5))
    assert [image.tobytes() for image in again.images] == [image.tobytes() for image in walk.images]


def test_what_is_added_to_the_latent_changes_the_picture_as_far_as_there_are_numbers(pipeline, folder):
    (plain,) = pipeline.generate(ImageRequest("tiny", seed=1)).images
    (moved,) = pipeline.generate(ImageRequest("tiny", seed=1, latent=(0.0, 1.5))).images
    (same,) = pipeline.generate(ImageRequest("tiny", seed=1, latent=(0.0,) * 6 + (3.0, 3.0))).images  # it has only six
    assert moved.tobytes() != plain.tobytes()
    assert same.tobytes() == plain.tobytes()
    with pytest.raises(SettingOutOfRange):
        pipeline.generate(ImageRequest("tiny", latent=(5.0,)))


def test_what_is_written_is_read_again(folder):
    network, config = generators.read(folder)
    assert config == GeneratorConfig(6, 16, 3, 4)
    made = network(torch.randn(2, 6))
    assert made.shape == (2, 3, 16, 16)
    assert made.abs().max() <= 1


@pytest.mark.parametrize(
    "change",
    [
        {"side": 17},
        {"side": 4},
        {"channels": 2},
        {"width": 10**9},
        {"width": "4"},
        {"latent": 7},
        {"latent": -1},
        {"side": 32},
    ],
)
def test_a_config_that_makes_no_network_is_refused(folder, pipeline, change):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **change}))
    with pytest.raises(ModelDamaged):
        pipeline.generate(ImageRequest("tiny", seed=1))


def test_it_takes_no_adapter(folder, pipeline):
    with pytest.raises(AdapterMismatch):
        pipeline.generate(ImageRequest("tiny", seed=1, adapters=(Adapter("some/lora"),)))


def test_places_of_a_map_are_pictures_and_so_is_the_way_between_them(folder, pipeline):
    # 1 A plane of six latents on which two classes lie apart; the numbers beside it are small
    latents = torch.randn(200, 6, generator=torch.Generator().manual_seed(1)) * 0.01
    labels = [number % 2 for number in range(200)]
    latents[:, 2] += torch.tensor(labels) * 3.0
    latents[:, 4] += torch.linspace(-1, 1, 200)
    chart = latent_map.charted(latents, labels, ("left", "right"))
    assert {abs(round(value, 1)) for value in chart.axes[0]} == {0.0, 1.5}  # the strongest: from class to class
    sides = {kind: {x > 0 for x, _, one in chart.points if one == kind} for kind in (0, 1)}
    assert sides[0] != sides[1] and all(len(side) == 1 for side in sides.values())

    # 2 Written and read; what is in the way of reading is no map
    latent_map.write(chart, Image.new("RGB", (64, 64)), folder)
    assert latent_map.read(folder) == chart

    # 3 One place is one picture, whatever the seed; its own latents draw it. Two are a row
    place = pipeline.generate(ImageRequest("tiny", seed=5, place=(0.5, -1.0), count=4))
    again = pipeline.generate(ImageRequest("tiny", seed=77, place=(0.5, -1.0)))
    assert len(place.images) == 1 and place.images[0].tobytes() == again.images[0].tobytes()
    with torch.no_grad():
        drawn = generators.read(folder)[0](torch.tensor([chart.at(0.5, -1.0)]))[0]
    pixels = torch.tensor(numpy.array(place.images[0])).permute(2, 0, 1)
    assert (drawn.add(1).mul(127.5).round() - pixels).abs().max() <= 1
    walk = pipeline.generate(ImageRequest("tiny", seed=5, place=(0.5, -1.0, -2.0, 2.0), count=5)).images
    assert walk[0].tobytes() == place.images[0].tobytes() and len({one.tobytes() for one in walk}) == 5
    (there,) = pipeline.generate(ImageRequest("tiny", seed=5, place=(0.5, -1.0, -2.0, 2.0))).images
    assert there.tobytes() == walk[4].tobytes()
    for wrong in ((0.5,), (0.0, 9.0)):
        with pytest.raises(SettingOutOfRange):
            pipeline.generate(ImageRequest("tiny", place=wrong))


def test_a_map_of_another_network_is_none(folder, pipeline):
    (plain,) = pipeline.generate(ImageRequest("tiny", seed=1)).images
    chart = latent_map.charted(torch.eye(4)[:, :3], [], ())
    latent_map.write(chart, Image.new("RGB", (64, 64)), folder)
    for content in (None, "[]", '{"origin": [1], "axes": [[1], [2, 3]], "classes": [], "points": []}', "{"):
        if content is not None:
            (folder / "map.json").write_text(content)
            assert latent_map.read(folder) is None
        (same,) = pipeline.generate(ImageRequest("tiny", seed=1, place=(0.5, 0.5))).images
        assert same.tobytes() == plain.tobytes()
