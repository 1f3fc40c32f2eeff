"""Dialogues as tokens: every answer of the assistant is learnt, with where it ends, and nothing else."""

import pytest

from pipelines.errors.training import BaseNotTrainable
from pipelines.training.answers import NOT_LEARNT, as_batch, read_answers
from pipelines.training.data import Dialogues
from tests.pipelines.tiny_texts import CHAT_TEMPLATE, byte_bpe


def said(*turns: str) -> tuple[dict[str, str], ...]:
    """Of "user: text" and the like."""
    return tuple({"role": turn.partition(": ")[0], "content": turn.partition(": ")[2]} for turn in turns)


SHORT = said("user: a cat", "assistant: sat")
LONG = said("system: be kind", "user: the sea", "assistant: is wide", "user: the river", "assistant: runs to it")


def learnt(tokens, following, tokenizer) -> str:
    return tokenizer.decode([token for token in following.tolist() if token != NOT_LEARNT])


def test_only_answers_are_learnt_and_where_they_end():
    tokenizer = byte_bpe(CHAT_TEMPLATE)
    answers = read_answers(Dialogues((SHORT, LONG), (SHORT,)), tokenizer, "tiny", 500)
    assert answers.share == (len(tokenizer("sat")["input_ids"]) + 2) / len("sat")  # and what ends it
    whole = tokenizer.apply_chat_template(list(LONG), tokenize=False)
    assert tokenizer.decode(answers.train[1].tokens) == whole
    tokens, following, mask = as_batch(answers.train, tokenizer.pad_token_id)
    assert learnt(tokens[0], following[0], tokenizer) == "sat<|im_end|>\n"
    assert learnt(tokens[1], following[1], tokenizer) == "is wide<|im_end|>\nruns to it<|im_end|>\n"
    assert mask.sum(1).tolist() == [len(one.tokens) - 1 for one in answers.train]
    assert (following[0][mask[0] == 0] == NOT_LEARNT).all()


def test_of_a_long_dialogue_the_end_is_kept():
    tokenizer = byte_bpe(CHAT_TEMPLATE)
    (one,) = read_answers(Dialogues((LONG,), ()), tokenizer, "tiny", 12).train
    assert len(one.tokens) == 12
    assert "it<|im_end|>" in tokenizer.decode(one.tokens)


def test_a_template_that_rewrites_what_was_said_is_refused():
    for template in (None, "{{ messages | length }}{% for m in messages %}{{ m['content'] }}{% endfor %}"):
        with pytest.raises(BaseNotTrainable):
            read_answers(Dialogues((LONG,), ()), byte_bpe(template), "tiny", 500)
