"""A text in, classes out: the probabilities, and the words that spoke for the likeliest one; with each family of classifiers."""

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors.models import WrongTask
from pipelines.errors.requests import EmptyPrompt, PromptTooLong
from pipelines.networks.attribution import Spoke, log_odds
from pipelines.recognition.text_classification import TextClassificationPipeline, in_pieces
from pipelines.training.data import LabelledTexts
from pipelines.training.loop import train
from pipelines.training.trainer import changed, find_trainers
from pipelines.types.classification import TEXT_LIMIT_CHARACTERS, ClassifyTextRequest
from tests.pipelines.training.tiny_course import Notes, Wishes

pytestmark = pytest.mark.usefixtures("one_thread")
SMALL = {
    "plan.steps": 120,
    "plan.learning_rate": 0.003,
    "plan.ema_decay": 0.8,
    "context": 24,
    "width": 32,
    "vocabulary": 200,
}
TRAINERS = ["bert_classifier", "lstm_classifier"]
FILLERS = [
    "we",
    "saw",
    "it",
    "in",
    "the",
    "old",
    "garden",
    "by",
    "day",
    "and",
    "nobody",
    "likes",
    "them",
    "as",
    "much",
    "she",
    "does",
    "while",
    "what",
    "is",
    "so",
    "goes",
    "on",
]


def texts(count: int, seed: int) -> tuple[str, ...]:
    """Words at random, and among them one that tells the class: rain in the first half of them, sun in the second."""
    chance, made = random.Random(seed), []
    for number in range(count):
        words = chance.choices(FILLERS, k=7)
        words[chance.randrange(7)] = "rain" if number < count // 2 else "sun"
        made.append(" ".join(words))
    return tuple(made)


DATA = LabelledTexts(
    texts(400, 1), texts(40, 2), (0,) * 200 + (1,) * 200, (0,) * 20 + (1,) * 20, ("wet day", "dry day")
)


@pytest.fixture(scope="module")
def home(one_thread: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home with one small trained classifier of each kind."""
    import torch

    home = tmp_path_factory.mktemp("classifiers")
    for name in TRAINERS:
        trainer = find_trainers()[name]
        settings = changed(name, trainer.PRESETS["cpu"], SMALL)
        torch.manual_seed(0)
        course = trainer.start(settings, DATA, "cpu")
        train(course, settings.plan, home / "runs" / name, Notes(), Wishes())
        folder = home / "models" / name
        folder.mkdir(parents=True)
        facts = course.export(folder)
        assert [sum(row) for row in facts["confusion"]] == [DATA.held_out_labels.count(label) for label in (0, 1)]
    yield home


@pytest.fixture(scope="module")
def pipeline(home: Path) -> TextClassificationPipeline:
    return TextClassificationPipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")


@pytest.mark.parametrize("model", TRAINERS)
def test_a_text_is_told_and_comes_back_as_it_was_written(pipeline: TextClassificationPipeline, model: str) -> None:
    text = "nobody  likes Rain as much\nas she does"
    result = pipeline.generate(ClassifyTextRequest(model, text))
    assert result.likelihoods[0].label == "wet day"
    assert result.likelihoods[0].probability > 0.8
    assert math.isclose(sum(one.probability for one in result.likelihoods), 1.0, abs_tol=1e-4)

    assert "".join(span.text for span in result.spans) == text


@pytest.mark.parametrize("model", TRAINERS)
def test_the_word_that_tells_the_class_speaks_most_for_it(pipeline: TextClassificationPipeline, model: str) -> None:
    """In the class that an empty text is not taken for: in the other one nothing has to speak."""
    found = {"rain": 0, "sun": 0}
    for text in DATA.held_out:
        spans = pipeline.generate(ClassifyTextRequest(model, text)).spans
        most = max(spans, key=lambda span: span.weight or 0.0).text
        found[most] = found.get(most, 0) + 1
    assert max(found["rain"], found["sun"]) >= 18, found  # of 20; by chance 3


def test_the_parts_add_up_to_what_the_text_changed(pipeline: TextClassificationPipeline) -> None:
    """Completeness of integrated gradients: against a text of mean embeddings, as the family has it."""
    import torch

    text = "what the sun does in the garden"
    spoken = sum(span.weight or 0.0 for span in pipeline.generate(ClassifyTextRequest("bert_classifier", text)).spans)
    spec = pipeline.catalog.find("bert_classifier")
    with pipeline.lease(spec, (), lambda event: None) as model, torch.no_grad():
        embed = model._model.get_input_embeddings()
        read = embed(model._tokenizer(text, return_tensors="pt")["input_ids"])
        empty = read.clone()
        empty[0, 1:-1] = embed.weight.mean(0)
        with_text, without = (model._model(inputs_embeds=one).logits for one in (read, empty))
    label = int(with_text.argmax())
    changed_by = float(log_odds(with_text, label) - log_odds(without, label))
    assert spoken == pytest.approx(changed_by, rel=0.05, abs=0.02)


def test_what_is_not_read_of_a_long_text_comes_back_without_a_weight(pipeline: TextClassificationPipeline) -> None:
    text = "the rain goes on and on while " * 20
    result = pipeline.generate(ClassifyTextRequest("lstm_classifier", text))
    assert "".join(span.text for span in result.spans) == text
    assert result.spans[-1].weight is None
    assert len(result.spans[-1].text) > 200


def test_pieces_hold_gaps_overlaps_and_ends() -> None:
    assert in_pieces("ab cd", []) == in_pieces("ab cd", [Spoke(0, 0, 1.0)])
    spans = in_pieces("ab cd!", [Spoke(0, 2, 0.5), Spoke(3, 5, -0.5), Spoke(4, 5, 9.0)])
    assert [(span.text, span.weight) for span in spans] == [("ab", 0.5), (" ", None), ("cd", -0.5), ("!", None)]


def test_what_cannot_be_told_is_refused(pipeline: TextClassificationPipeline) -> None:
    with pytest.raises(EmptyPrompt):
        pipeline.generate(ClassifyTextRequest("bert_classifier", " \n"))
    with pytest.raises(PromptTooLong):
        pipeline.generate(ClassifyTextRequest("bert_classifier", "x" * (TEXT_LIMIT_CHARACTERS + 1)))
    with pytest.raises(WrongTask):
        pipeline.generate(ClassifyTextRequest("openmoji-128", "a text"))


def test_a_classifier_goes_on_from_a_masked_language_model(tmp_path: Path) -> None:
    """Everything but the new classifier comes from the base; a base that tells no classes is refused."""
    import torch
    from transformers import BertConfig, BertForMaskedLM

    from pipelines.errors.training import BaseNotTrainable
    from pipelines.training.base_model import find_base
    from pipelines.training.tokens import make_word_pieces

    models = tmp_path / "models"
    tokenizer = make_word_pieces(DATA.texts, 200)
    tokenizer.save_pretrained(models / "gaps")
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    base = BertForMaskedLM(BertConfig(vocab_size=len(tokenizer), max_position_embeddings=6, **sizes))
    base.save_pretrained(models / "gaps")
    trainer = find_trainers()["bert_classifier"]
    settings = changed("bert_classifier", trainer.PRESETS["cpu"], SMALL)
    course = trainer.start(settings, DATA, "cpu", find_base("gaps", models, lambda event: None))
    read = course.networks["classifier"].bert.embeddings.word_embeddings.weight
    assert torch.equal(read, base.bert.embeddings.word_embeddings.weight)
    assert course.networks["classifier"].config.id2label == {0: "wet day", 1: "dry day"}
    assert course.step(0)["loss"] > 0  # the texts are longer than the base can read
    assert course.evaluate()["accuracy"] >= 0
    course.export(tmp_path / "exported")
    assert json.loads((tmp_path / "exported" / "tokenizer_config.json").read_text())["model_max_length"] == 6
    with pytest.raises(BaseNotTrainable):
        find_base("lanczos", models, lambda event: None)
