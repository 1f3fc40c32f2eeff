"""The starter that the search uses, as it is shipped: small, and English and Chinese names of one thing lie together."""

import numpy
import pytest

from pipelines.finding.fusion import PAIRS
from pipelines.loading.starter import StarterStore
from pipelines.recognition.embedding import EmbeddingPipeline
from pipelines.training.datasets.openmoji import read_entries
from pipelines.types.events import ignore
from pipelines.types.search import TOGETHER

BEST = 10


@pytest.fixture(scope="module")
def model():
    pipeline = EmbeddingPipeline.on_this_machine(device="cpu")
    with pipeline.lease(pipeline.catalog.find(TOGETHER), (), ignore) as model:
        yield model


def test_it_is_small_and_stands_with_its_card_and_licence():
    folder = StarterStore().place(TOGETHER)
    assert (folder / "model.safetensors").stat().st_size < 5_000_000
    assert "CC BY-SA 4.0" in (folder / "README.md").read_text() and (folder / "LICENSE").exists()


def test_a_chinese_name_finds_the_english_one_among_all(model):
    entries = read_entries()
    english = model.of_texts([entry.en for entry in entries])
    asked = range(0, len(entries), 10)
    likeness = model.of_texts([entries[place].zh for place in asked]) @ english.T
    nearest = numpy.argsort(-likeness, axis=1)[:, :BEST]
    found = [place in row for place, row in zip(asked, nearest, strict=True)]
    assert numpy.mean(found) > 0.9


def test_it_says_when_two_things_are_alike(model):
    assert set(model.likeness) == {"-".join(pair) for pair in PAIRS}
    low, high = model.likeness["words-words"]
    cat, katze, train = model.of_texts(["cat face", "猫脸", "locomotive"])
    assert cat @ katze > high > low > cat @ train
