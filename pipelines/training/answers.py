"""Dialogues as token ids in the words of a model's own chat template, and which of them are answers: only those are learnt.

What people and systems say is read, but nothing is learnt from it (as Ouyang et al. 2022, arXiv 2203.02155, train on
demonstrations). Knows no network.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.errors.training import BaseNotTrainable
from pipelines.training.data import Dialogues

if TYPE_CHECKING:
    import torch

NOT_LEARNT = -100  # what torch's cross entropy leaves out
Dialogue = tuple[dict[str, str], ...]


@dataclass(frozen=True)
class Answered:
    """Token ids of a dialogue, and of each whether it is part of an answer."""

    tokens: tuple[int, ...]
    is_answer: tuple[bool, ...]


@dataclass(frozen=True)
class Answers:
    """`share` is how many tokens a character of a held-out answer takes: by it models with other tokens can be compared."""

    train: tuple[Answered, ...]
    held_out: tuple[Answered, ...]
    share: float


def read_answers(data: Dialogues, tokenizer: Any, model: str, context: int) -> Answers:
    """Of a dialogue longer than `context` tokens its end. Raises BaseNotTrainable where the template does not serve for it."""
    from jinja2 import TemplateError

    if not tokenizer.chat_template:
        raise BaseNotTrainable(model=model, reason="it has no chat template, and the data are dialogues")

    def read(dialogues: Sequence[Dialogue], most: int) -> tuple[Answered, ...]:
        return tuple(_answered(_pieces(one, tokenizer, model), tokenizer, most) for one in dialogues)

    try:
        whole = read(data.held_out, sys.maxsize)
        tokens = sum(sum(one.is_answer) for one in whole)
        characters = sum(len(said["content"]) for one in data.held_out for said in one if said["role"] == "assistant")
        return Answers(read(data.dialogues, context), read(data.held_out, context), tokens / max(1, characters))
    except TemplateError as error:  # it knows no system message, as a rule
        raise BaseNotTrainable(model=model, reason=f"its chat template says: {str(error)[:120]}") from error


def _pieces(dialogue: Dialogue, tokenizer: Any, model: str) -> list[tuple[str, bool]]:
    """(text, whether it is an answer) one after the other: before each answer stands what the model is given to answer to."""
    pieces: list[tuple[str, bool]] = []
    done = ""
    for place, message in enumerate(dialogue):
        if message["role"] != "assistant":
            continue
        asked = tokenizer.apply_chat_template(list(dialogue[:place]), tokenize=False, add_generation_prompt=True)
        answered = tokenizer.apply_chat_template(list(dialogue[: place + 1]), tokenize=False)
        if not asked.startswith(done) or not answered.startswith(asked):
            raise BaseNotTrainable(model=model, reason="its chat template writes earlier messages otherwise later on")
        pieces += [(asked[len(done) :], False), (answered[len(asked) :], True)]
        done = answered
    return pieces


def _answered(pieces: list[tuple[str, bool]], tokenizer: Any, context: int) -> Answered:
    tokens: list[int] = []
    is_answer: list[bool] = []
    for text, is_one in pieces:
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        tokens += ids
        is_answer += [is_one] * len(ids)
    return Answered(tuple(tokens[-context:]), tuple(is_answer[-context:]))


def as_batch(chosen: Sequence[Answered], padding: int) -> "tuple[torch.Tensor, torch.Tensor, torch.Tensor]":
    """(n, longest − 1) each: token ids, the token that follows where it is learnt, else NOT_LEARNT, and 1 where there is no padding."""
    import torch

    length = max(len(one.tokens) for one in chosen) - 1
    tokens = torch.full((len(chosen), length), padding)
    following = torch.full((len(chosen), length), NOT_LEARNT)
    mask = torch.zeros((len(chosen), length), dtype=torch.long)
    for row, one in enumerate(chosen):
        ids, is_answer = torch.tensor(one.tokens), torch.tensor(one.is_answer)
        size = len(ids) - 1
        tokens[row, :size], mask[row, :size] = ids[:-1], 1
        following[row, :size] = ids[1:].masked_fill(~is_answer[1:], NOT_LEARNT)
    return tokens, following, mask
