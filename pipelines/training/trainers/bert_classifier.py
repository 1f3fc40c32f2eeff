"""Trains a BertForSequenceClassification to tell texts apart (Devlin et al. 2018, arXiv 1810.04805): from nothing, with word pieces
of its own, or going on from a language model that is there, whose classifier alone is new.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.training.augmentation.texts import TextChanges
from pipelines.training.base_model import BaseModel
from pipelines.training.data import Kind, LabelledTexts
from pipelines.training.estimate import Size, transformer, words
from pipelines.training.plan import Plan, ranged
from pipelines.training.text_classes import TextClassCourse, commonest_class
from pipelines.training.tokens import check_heads, make_word_pieces

if TYPE_CHECKING:
    import torch

DATA: Kind = "labelled texts"
METRIC = "accuracy"
IS_BETTER = "higher"
NEEDS_MODEL = False
BASES = ("fill-mask", "classify-text", "chat", "continue")  # what a base can do, where one is chosen


@dataclass(frozen=True)
class Settings:
    """`context` is how many tokens of a text it reads. `vocabulary`, `width`, `layers` and `heads` are of a network from nothing."""

    plan: Plan
    vocabulary: int = ranged(200, 100_000, default=3000)
    context: int = ranged(8, 2048, default=80)
    width: int = ranged(16, 4096, default=96)
    layers: int = ranged(1, 48, default=2)
    heads: int = ranged(1, 64, default=4)
    dropout: float = ranged(0.0, 0.9, default=0.1)
    batch: int = ranged(1, 4096, default=24)
    augment: TextChanges = field(default_factory=TextChanges)


PRESETS = {
    "cpu": Settings(Plan(steps=300, learning_rate=0.001, warmup_steps=30, decay_steps=250, weight_decay=0.01, ema_decay=0.98)),
    "gpu": Settings(
        Plan(steps=5000, learning_rate=0.0001, warmup_steps=200, decay_steps=4500, weight_decay=0.01, bf16=True),
        vocabulary=8000, context=256, width=384, layers=6, heads=6, batch=64,
    ),
}  # fmt: skip


def baseline(data: LabelledTexts, settings: Settings) -> dict[str, float]:
    """Always the commonest class."""
    return commonest_class(data)


def size(settings: Settings) -> Size:
    """Of a network from nothing."""
    width, tokens = settings.width, settings.context
    layers = transformer(tokens, width, settings.layers, 4 * width) + Size(width**2 + tokens * width, 0)
    return (layers + words(settings.vocabulary, tokens, width, 0)).times(settings.batch)


def share(settings: Settings) -> float:
    """Of the weights of a base that are trained."""
    return 1.0


def start(settings: Settings, data: LabelledTexts, device: str, base: BaseModel | None = None) -> "BertClassCourse":
    if base is not None:
        network, tokenizer = base.load_for_classes(data.names, device)
    else:
        network, tokenizer = _from_nothing(settings, data)
    return BertClassCourse(settings, data, device, network, tokenizer)


def _from_nothing(settings: Settings, data: LabelledTexts) -> tuple[Any, Any]:
    from transformers import BertConfig, BertForSequenceClassification

    check_heads(settings.width, settings.heads)
    tokenizer = make_word_pieces(data.texts, settings.vocabulary)
    tokenizer.model_max_length = settings.context
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.width,
        intermediate_size=settings.width * 4,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        max_position_embeddings=settings.context,
        initializer_range=0.5 * settings.width**-0.5,  # as for bert_mlm
        hidden_dropout_prob=settings.dropout,
        attention_probs_dropout_prob=0.0,
        pad_token_id=tokenizer.pad_token_id,
        id2label=dict(enumerate(data.names)),
        label2id={name: label for label, name in enumerate(data.names)},
    )
    return BertForSequenceClassification(config), tokenizer


class BertClassCourse(TextClassCourse):
    def _scores(self, tokens: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        return self._network(input_ids=tokens, attention_mask=mask).logits

    def _write(self, folder: Path) -> None:
        self._network.save_pretrained(folder)
