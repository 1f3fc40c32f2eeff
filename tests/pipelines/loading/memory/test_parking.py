"""Models of the real classes that are parked and come back. Without a GPU both places are RAM: that nothing is read anew, what is
moved, and that the answer is the same can be seen here; how long a copy over the bus takes, only there."""

import inspect

import pytest

from pipelines.base import find_families
from pipelines.image import ImagePipeline
from pipelines.loading.memory import measure
from pipelines.loading.memory.cache import ModelCache
from pipelines.loading.memory.ledger import OwnLedger
from pipelines.loading.placement.devices import CPU
from pipelines.text import TextPipeline
from pipelines.types.events import Loading, Plan
from pipelines.types.image import ImageRequest
from pipelines.types.text import Sampling, TextRequest
from tests.pipelines import tiny_images


@pytest.mark.parametrize("name", sorted(find_families()))
def test_every_model_can_be_parked_unparked_and_closed(name):
    family = find_families()[name]
    made = [cls for _, cls in inspect.getmembers(family, inspect.isclass) if cls.__module__ == family.__name__]
    models = [cls for cls in made if hasattr(cls, "close")]
    assert models
    for cls in models:
        assert callable(getattr(cls, "park", None)) and callable(getattr(cls, "unpark", None)), cls


@pytest.fixture
def moved(monkeypatch) -> list[str]:
    """Where torch modules were moved. What lies on a GPU, which is not here, counts as nothing."""
    import torch

    to, places = torch.nn.Module.to, []

    def record(module, *args, **kwargs):
        places.extend(str(place) for place in args[:1])
        return to(module, *args, **kwargs)

    monkeypatch.setattr(torch.nn.Module, "to", record)
    monkeypatch.setattr(measure, "held_bytes", lambda store: 0)
    return places


def parking(pipeline: TextPipeline, budget_bytes: int) -> TextPipeline:
    """A pipeline whose models lie as if on a GPU, with room for others in RAM."""
    cache = ModelCache(OwnLedger(budget_bytes), "cuda", OwnLedger(10**9))
    return TextPipeline(pipeline.catalog, cache, pipeline.starters, CPU)


def test_parked_models_answer_as_before_and_are_not_read_again(make_causal, pipeline, tmp_path, moved):
    tiny_images.sd(tmp_path / "sd")
    texts = parking(pipeline, 10**9)
    images = ImagePipeline.beside(texts)
    models = (str(make_causal("Llama")), str(make_causal("Qwen2")), str(tmp_path / "sd"))

    def answer(model: str, events: list) -> object:
        if model.endswith("sd"):
            request = ImageRequest(model, prompt="a cat", width=64, height=64, steps=2, seed=1)
            return images.generate(request, events.append).images[0]
        sampling = Sampling(max_new_tokens=6, temperature=0.0, seed=1)
        return texts.generate(TextRequest(model, text="hello", sampling=sampling), events.append).text

    first = {model: answer(model, []) for model in models}
    texts.cache.give_way(10**9)  # as when another process asks
    assert [row["device"] for row in texts.loaded()] == ["ram"] * 3
    for model in models:
        events: list = []
        moved.clear()
        assert answer(model, events) == first[model]
        assert "cpu" in moved
        assert not [event for event in events if isinstance(event, Loading) and event.stage == "weights"]


def test_a_warm_switch_parks_one_and_brings_the_other_back(make_causal, pipeline, moved):
    models = [str(make_causal(kind)) for kind in ("Llama", "Llama")]
    wide = parking(pipeline, 10**9)
    request = TextRequest(models[0], text="hello", sampling=Sampling(max_new_tokens=2, seed=1))
    wide.generate(request)
    (row,) = wide.cache.loaded()
    narrow = parking(pipeline, int(1.5 * row.size_bytes) + row.about.forecast.working_bytes)
    events: list = []
    for model in (*models, *models):
        narrow.generate(TextRequest(model, text="hello", sampling=request.sampling), events.append)
    assert [event.action for event in events if isinstance(event, Plan)] == ["parks"] * 3
    assert len([event for event in events if isinstance(event, Loading) and event.stage == "ready"]) == 4
    assert {row["is_parked"] for row in narrow.loaded()} == {True, False}
