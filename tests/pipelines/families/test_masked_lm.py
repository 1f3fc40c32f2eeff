"""Models of the BERT kind fill a gap."""

import pytest

from pipelines.errors.models import WrongTask
from pipelines.errors.requests import ContextOverflow, NoMask
from pipelines.text import TextPipeline
from pipelines.types.text import Message, TextRequest


@pytest.fixture(scope="module")
def pipeline() -> TextPipeline:
    return TextPipeline.on_this_machine(device="cpu")


def test_five_candidates_are_those_of_the_model_itself(bert_folder, pipeline):
    import torch
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    result = pipeline.generate(TextRequest(model=str(bert_folder), task="fill-mask", text="the [MASK] runs"))
    tokenizer = AutoTokenizer.from_pretrained(bert_folder)
    inputs = tokenizer("the <mask> runs", return_tensors="pt")
    gap = inputs["input_ids"][0].tolist().index(tokenizer.mask_token_id)
    with torch.no_grad():
        expected = AutoModelForMaskedLM.from_pretrained(bert_folder)(**inputs).logits[0, gap].softmax(-1).topk(5)
    assert [candidate.probability for candidate in result.candidates] == pytest.approx(expected.values.tolist())
    assert [c.word for c in result.candidates] == [tokenizer.decode([i]).strip() for i in expected.indices.tolist()]
    assert result.text == result.candidates[0].sentence
    assert all("[MASK]" not in candidate.sentence for candidate in result.candidates)


def test_a_part_of_a_word_joins_the_word_before_it(bert_folder, pipeline):
    spec = pipeline.catalog.find(str(bert_folder))
    with pipeline.lease(spec, (), lambda event: None) as model:
        vocabulary = model._tokenizer.get_vocab()
        part = next(word for word in vocabulary if word.startswith("##"))
        candidate = model._candidate("the ri [MASK] runs", vocabulary[part], 0.5)
    assert candidate.sentence == f"the ri{part[2:]} runs"


def test_a_sentence_without_a_gap_and_one_too_long(bert_folder, pipeline):
    with pytest.raises(NoMask):
        pipeline.generate(TextRequest(model=str(bert_folder), task="fill-mask", text="the river runs"))
    with pytest.raises(ContextOverflow):
        pipeline.generate(TextRequest(model=str(bert_folder), task="fill-mask", text="the [MASK] " + "sea " * 60))


def test_it_cannot_chat(bert_folder, pipeline):
    with pytest.raises(WrongTask):
        pipeline.generate(TextRequest(model=str(bert_folder), messages=(Message("user", "hello"),)))
