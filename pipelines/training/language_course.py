"""What the LSTM and the Transformer that read on have in common: texts as one stream of tokens, of which each is guessed from those
before it. Which network guesses, and how it writes, their trainers say.
"""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.training.data import Texts
from pipelines.training.plan import Plan
from pipelines.training.tokens import (
    character_perplexity,
    character_scores,
    counted,
    draw_windows,
    held_out_windows,
    make_stream,
    make_tokenizer,
)
from pipelines.training.trainer import Scores, adam, autocast, descend

if TYPE_CHECKING:
    import torch

METRIC = "perplexity"
EVALUATED_WINDOWS = 64
EVALUATED_AT_ONCE = 16


class Settings(Protocol):
    """`vocabulary` 0: the tokens are characters, else so many byte pairs. `context` tokens are read at a time."""

    @property
    def plan(self) -> Plan: ...
    @property
    def vocabulary(self) -> int: ...
    @property
    def context(self) -> int: ...
    @property
    def batch(self) -> int: ...


def counting(data: Texts) -> dict[str, float]:
    """What counting pairs of characters predicts, and what counting single ones does."""
    return {METRIC: counted(data, 2), "perplexity_of_single_characters": counted(data, 1)}


class LanguageCourse(ABC):
    """Whoever derives from it hands its network to `_learn` and has `_scores`, `sample` and `export`."""

    def __init__(self, settings: Settings, data: Texts, device: str) -> None:
        self._task, self._device = settings, device
        self._tokenizer = make_tokenizer(data.texts, settings.vocabulary)
        self._stream = make_stream(self._tokenizer, data)

    def _learn(self, network: "torch.nn.Module") -> None:
        self.networks = {"language_model": network}
        self.optimisers = {"language_model": adam(network, self._task.plan)}

    @abstractmethod
    def _scores(self, tokens: "torch.Tensor") -> Any:
        """(windows, tokens, vocabulary) of windows on the device."""

    def step(self, number: int) -> dict[str, float]:
        task = self._task
        tokens, following = draw_windows(self._stream.train, task.batch, task.context)
        with autocast(task.plan, self._device):
            loss = self._loss(tokens, following)
        return descend(loss, self.optimisers["language_model"], task.plan, number)

    def evaluate(self) -> dict[str, float]:
        """Perplexity of a character, whatever the tokens are."""
        tokens, following = held_out_windows(self._stream, EVALUATED_WINDOWS, self._task.context)
        parts = zip(tokens.split(EVALUATED_AT_ONCE), following.split(EVALUATED_AT_ONCE), strict=True)
        loss = sum(self._loss(*part).item() * len(part[0]) for part in parts) / len(tokens)
        return {METRIC: character_perplexity(loss, self._stream), "held_out_loss": loss}

    def held_out_scores(self) -> Scores:
        tokens, following = held_out_windows(self._stream, EVALUATED_WINDOWS, self._task.context)
        pairs = zip(tokens.split(1), following.split(1), strict=True)
        return character_scores([self._loss(*pair).item() for pair in pairs], self._stream, self._task.context)

    def _loss(self, tokens: Any, following: Any) -> Any:
        import torch

        scores = self._scores(tokens.to(self._device)).float()
        return torch.nn.functional.cross_entropy(scores.flatten(0, 1), following.flatten().to(self._device))
