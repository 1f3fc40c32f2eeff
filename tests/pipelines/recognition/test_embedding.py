"""Pictures, words and sounds become vectors, by tiny models of the real classes."""

from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from pipelines.errors.models import ModelDamaged
from pipelines.errors.requests import MalformedRequest, UnreadablePicture, UnreadableSound
from pipelines.recognition.embedding import EmbeddingPipeline
from pipelines.sound.files import to_bytes
from pipelines.types.crossing import from_json, to_json
from pipelines.types.search import EmbedRequest, Vectors, packed
from pipelines.types.sound import Wave
from tests.pipelines.tiny_encoders import save_bert, save_fusion


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("encoders")
    return {"model": str(save_bert(folder / "sentences")), "together": str(save_fusion(folder / "fusion"))}


@pytest.fixture(scope="module")
def pipeline() -> EmbeddingPipeline:
    return EmbeddingPipeline.on_this_machine(device="cpu")


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    Image.new("RGB", (40, 20), "red").save(tmp_path / "red.png")
    tone = numpy.sin(numpy.arange(24_000) / 9).astype(numpy.float32)
    (tmp_path / "tone.wav").write_bytes(to_bytes(Wave(tone, 24_000)))
    (tmp_path / "no.bin").write_bytes(b"neither")
    return {name: str(tmp_path / file) for name, file in (("red", "red.png"), ("tone", "tone.wav"), ("no", "no.bin"))}


def test_each_thing_lies_where_it_has_something(models, pipeline, files):
    asked = EmbedRequest(
        **models,
        texts=("a small cat", "", "小猫", ""),
        images=("", files["red"], "", ""),
        sounds=("", "", "", files["tone"]),
    )
    result = pipeline.generate(asked)
    assert [sorted(one.arrays()) for one in result.vectors] == [
        ["sentence", "words"],
        ["picture"],
        ["words"],
        ["sound"],
    ]
    for vector in (array for one in result.vectors for array in one.arrays().values()):
        assert numpy.linalg.norm(vector) == pytest.approx(1.0, abs=1e-3)
    assert set(result.likeness) >= {"picture-words", "sound-words", "words-words"}
    assert from_json("result", to_json(result)) == result
    assert from_json("request", to_json(asked)) == asked


def test_a_sentence_is_the_mean_over_its_tokens_whatever_stands_beside_it(models, pipeline):
    from transformers import AutoModel, AutoTokenizer

    texts = ("a small cat sleeps", "apple")
    asked = EmbedRequest(**models, texts=texts, images=("", ""), sounds=("", ""))
    found = [one.arrays()["sentence"] for one in pipeline.generate(asked).vectors]
    tokenizer, model = AutoTokenizer.from_pretrained(models["model"]), AutoModel.from_pretrained(models["model"])
    for text, vector in zip(texts, found, strict=True):
        with torch.no_grad():
            mean = model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].mean(0)
        assert numpy.allclose(vector, torch.nn.functional.normalize(mean, dim=0).numpy(), atol=2e-3)


def test_where_one_was_cancelled_there_are_fewer(models, pipeline):
    asked = EmbedRequest(**models, texts=("a", "cat"), images=("", ""), sounds=("", ""))
    result = pipeline.generate(asked, is_cancelled=lambda: True)
    assert result.vectors == () and result.finish_reason == "cancelled"


def test_what_is_no_picture_and_no_sound_is_refused(models, pipeline, files):
    with pytest.raises(UnreadablePicture):
        pipeline.generate(EmbedRequest(**models, texts=("",), images=(files["no"],), sounds=("",)))
    with pytest.raises(UnreadableSound):
        pipeline.generate(EmbedRequest(**models, texts=("",), images=("",), sounds=(files["no"],)))


@pytest.mark.parametrize("texts", [(), ("a", "b"), ("a",) * 65])
def test_things_are_counted(texts):
    with pytest.raises(MalformedRequest):
        EmbedRequest(texts=texts, images=("",), sounds=("",)).check()


def test_a_fusion_model_with_other_weights_is_damaged(models, pipeline, tmp_path):
    folder = save_fusion(tmp_path / "fusion")
    config = folder / "config.json"
    config.write_text(config.read_text().replace('"rows": 64', '"rows": 65'))
    with pytest.raises(ModelDamaged):
        pipeline.generate(EmbedRequest(models["model"], str(folder), texts=("a",), images=("",), sounds=("",)))


def test_vectors_survive_being_packed():
    vector = numpy.random.default_rng(0).normal(size=384).astype(numpy.float32)
    vector /= numpy.linalg.norm(vector)
    arrays = Vectors(words=packed(vector), seen="fox").arrays()
    assert list(arrays) == ["words"] and arrays["words"].dtype == numpy.float32
    assert numpy.allclose(arrays["words"], vector, atol=1e-3) and Vectors().arrays() == {}


@pytest.mark.parametrize("size", [(4096, 20), (20, 4096), (1, 1), (3, 40_000)])
def test_a_picture_of_any_shape_lies_somewhere(models, pipeline, tmp_path, size):
    Image.new("RGB", size, "red").save(tmp_path / "thin.png")
    asked = EmbedRequest(**models, texts=("",), images=(str(tmp_path / "thin.png"),), sounds=("",))
    (made,) = pipeline.generate(asked).vectors
    assert numpy.linalg.norm(made.arrays()["picture"]) == pytest.approx(1.0, abs=1e-3)
