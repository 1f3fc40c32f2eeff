"""Trains LSTM layers that read a text both ways (Hochreiter & Schmidhuber 1997; Graves & Schmidhuber 2005) to tell texts apart: the
field before Transformers, on the same word pieces as bert_classifier."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.networks import recurrent_classifier
from pipelines.networks.recurrent_classifier import LstmClassConfig
from pipelines.training.augmentation.texts import TextChanges
from pipelines.training.data import Kind, LabelledTexts
from pipelines.training.estimate import Size, recurring, words
from pipelines.training.plan import Plan, ranged
from pipelines.training.text_classes import TextClassCourse, commonest_class
from pipelines.training.tokens import make_word_pieces

if TYPE_CHECKING:
    import torch

DATA: Kind = "labelled texts"
METRIC = "accuracy"
IS_BETTER = "higher"
NEEDS_MODEL = False


@dataclass(frozen=True)
class Settings:
    """`vocabulary` word pieces; `context` is how many of them of a text it reads; `width` units a way."""

    plan: Plan
    vocabulary: int = ranged(200, 100_000, default=3000)
    context: int = ranged(8, 4096, default=80)
    width: int = ranged(8, 4096, default=96)
    layers: int = ranged(1, 16, default=1)
    dropout: float = ranged(0.0, 0.9, default=0.2)
    batch: int = ranged(1, 4096, default=24)
    augment: TextChanges = field(default_factory=TextChanges)


PRESETS = {
    "cpu": Settings(Plan(steps=300, learning_rate=0.004, warmup_steps=20, decay_steps=250, weight_decay=0.01, ema_decay=0.98)),
    "gpu": Settings(
        Plan(steps=5000, learning_rate=0.002, warmup_steps=200, decay_steps=4500, weight_decay=0.01),
        vocabulary=8000, context=256, width=512, layers=2, dropout=0.3, batch=128,
    ),
}  # fmt: skip


def baseline(data: LabelledTexts, settings: Settings) -> dict[str, float]:
    """Always the commonest class."""
    return commonest_class(data)


def size(settings: Settings) -> Size:
    layers = recurring(settings.context, settings.width, settings.layers, ways=2)
    return (layers + words(settings.vocabulary, settings.context, settings.width, 0)).times(settings.batch)


def start(settings: Settings, data: LabelledTexts, device: str, base: None = None) -> "LstmClassCourse":
    tokenizer = make_word_pieces(data.texts, settings.vocabulary)
    tokenizer.model_max_length = settings.context
    config = LstmClassConfig(len(tokenizer), settings.width, settings.layers, data.names)
    network = recurrent_classifier.build(config, settings.dropout)
    return LstmClassCourse(settings, data, device, network, tokenizer)


class LstmClassCourse(TextClassCourse):
    def _scores(self, tokens: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        return recurrent_classifier.scores_of(self._network, self._network["embedding"](tokens), mask)

    def _write(self, folder: Path) -> None:
        shape = self._settings
        config = LstmClassConfig(len(self._tokenizer), shape.width, shape.layers, self._data.names)
        recurrent_classifier.write(self._network, config, folder)
