"""Trains a BertForMaskedLM from nothing to fill gaps (Devlin et al. 2018, arXiv 1810.04805), with a WordPiece tokenizer of its own.

Of the hidden tokens 80 % stand behind [MASK], 10 % behind another token, and 10 % are there to be seen. A small model with
little time learns more from more gaps (Wettig et al. 2022, arXiv 2202.08005).
"""

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.training.data import Kind, Texts
from pipelines.training.estimate import Size, transformer, words
from pipelines.training.plan import Plan, ranged
from pipelines.training.tokens import check_heads, draw_windows, held_out_windows, make_stream, make_word_pieces
from pipelines.training.trainer import Sample, adam, autocast, descend

if TYPE_CHECKING:
    import torch

DATA: Kind = "texts"
METRIC = "accuracy"
IS_BETTER = "higher"
NEEDS_MODEL = False
EVALUATED_WINDOWS = 96
SHOWN = 8


@dataclass(frozen=True)
class Settings:
    """`vocabulary` word pieces; `context` is how many of them it sees at a time; `hidden` is the share that it has to guess."""

    plan: Plan
    vocabulary: int = ranged(200, 100_000, default=1500)
    context: int = ranged(8, 2048, default=32)
    width: int = ranged(16, 4096, default=128)
    layers: int = ranged(1, 48, default=2)
    heads: int = ranged(1, 64, default=4)
    hidden: float = ranged(0.01, 0.9, default=0.3)
    batch: int = ranged(1, 4096, default=64)


PRESETS = {
    "cpu": Settings(Plan(steps=700, learning_rate=0.003, warmup_steps=100, decay_steps=700, weight_decay=0.01, ema_decay=0.98)),
    "gpu": Settings(
        Plan(steps=50_000, learning_rate=0.0003, warmup_steps=2000, decay_steps=45_000, weight_decay=0.01, bf16=True),
        vocabulary=8000, context=256, width=512, layers=8, heads=8, hidden=0.15, batch=128,
    ),
}  # fmt: skip


def baseline(data: Texts, settings: Settings) -> dict[str, float]:
    """Always the commonest token; and the one that most often follows the token before the gap, which is harder to beat."""
    stream = make_stream(make_word_pieces(data.texts, settings.vocabulary), data)
    learnt, asked = stream.train.tolist(), stream.held_out.tolist()
    follower: dict[int, int] = {}
    for (before, after), _ in Counter(pairwise(learnt)).most_common():
        follower.setdefault(before, after)
    ((commonest, _),) = Counter(learnt).most_common(1)
    return {
        METRIC: asked.count(commonest) / len(asked),
        "accuracy_from_the_token_before": sum(follower.get(a) == b for a, b in pairwise(asked)) / len(asked),
    }


def size(settings: Settings) -> Size:
    width, tokens = settings.width, settings.context
    layers = transformer(tokens, width, settings.layers, 4 * width) + Size(width**2 + tokens * width, 0)
    return (layers + words(settings.vocabulary, tokens, width, settings.hidden * tokens)).times(settings.batch)


def start(settings: Settings, data: Texts, device: str, base: None = None) -> "MaskedCourse":
    return MaskedCourse(settings, data, device)


class MaskedCourse:
    def __init__(self, settings: Settings, data: Texts, device: str) -> None:
        from transformers import BertConfig, BertForMaskedLM

        check_heads(settings.width, settings.heads)
        self._settings, self._device = settings, device
        self._tokenizer = make_word_pieces(data.texts, settings.vocabulary)
        self._tokenizer.model_max_length = settings.context
        self._stream = make_stream(self._tokenizer, data)
        config = BertConfig(
            vocab_size=len(self._tokenizer),
            hidden_size=settings.width,
            intermediate_size=settings.width * 4,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            max_position_embeddings=settings.context,
            initializer_range=0.5
            * settings.width**-0.5,  # the usual 0.02 suits a width of 768, and a small one learns nothing from it
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            pad_token_id=self._tokenizer.pad_token_id,
        )
        self._network = BertForMaskedLM(config).to(device)
        self.networks = {"language_model": self._network}
        self.optimisers = {"language_model": adam(self._network, settings.plan)}

    def step(self, number: int) -> dict[str, float]:
        import torch

        # 1 Texts with gaps
        task = self._settings
        tokens = self._framed(draw_windows(self._stream.train, task.batch, task.context - 2)[0])
        shown, is_hidden = self._hide(tokens)

        # 2 What stands in the gaps
        with autocast(task.plan, self._device):
            loss = torch.nn.functional.cross_entropy(self._guess(shown, is_hidden), tokens[is_hidden].to(self._device))
        return descend(loss, self.optimisers["language_model"], task.plan, number)

    def evaluate(self) -> dict[str, float]:
        """On the same gaps every time: the loop has seeded the generator."""
        import torch

        tokens = self._framed(held_out_windows(self._stream, EVALUATED_WINDOWS, self._settings.context - 2)[0])
        shown, is_hidden = self._hide(tokens)
        scores, right = self._guess(shown, is_hidden).cpu(), tokens[is_hidden]
        accuracy = (scores.argmax(1) == right).float().mean().item()
        return {METRIC: accuracy, "held_out_loss": torch.nn.functional.cross_entropy(scores, right).item()}

    def sample(self) -> Sample:
        """Held-out text with one gap, and the three likeliest words for it."""
        import torch

        tokens = self._framed(held_out_windows(self._stream, SHOWN, min(20, self._settings.context - 2))[0])
        lines = []
        for row in tokens:
            gap = len(row) // 2
            shown = row.clone()
            shown[gap] = self._tokenizer.mask_token_id
            is_gap = torch.arange(len(row))[None] == gap
            words = self._tokenizer.convert_ids_to_tokens(self._guess(shown[None], is_gap)[0].topk(3).indices.tolist())
            right = self._tokenizer.convert_ids_to_tokens(int(row[gap]))
            lines.append(f"{self._tokenizer.decode(shown[1:-1])} → {', '.join(words)} ({right})")
        return Sample(texts=tuple(lines))

    def export(self, folder: Path) -> dict[str, Any]:
        self._network.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)
        return {}

    def _framed(self, tokens: "torch.Tensor") -> "torch.Tensor":
        """[CLS] … [SEP], as the tokenizer frames what a person writes."""
        import torch

        def column(token: int) -> torch.Tensor:
            return torch.full((len(tokens), 1), token)

        return torch.cat([column(self._tokenizer.cls_token_id), tokens, column(self._tokenizer.sep_token_id)], dim=1)

    def _hide(self, tokens: "torch.Tensor") -> "tuple[torch.Tensor, torch.Tensor]":
        """(what is shown, where something is hidden), never the frame."""
        import torch

        is_hidden = torch.rand(tokens.shape) < self._settings.hidden
        is_hidden[:, 0] = is_hidden[:, -1] = False
        is_hidden[:, tokens.shape[1] // 2] = True  # one at least
        how = torch.rand(tokens.shape)
        shown = tokens.masked_fill(is_hidden & (how < 0.8), self._tokenizer.mask_token_id)
        other = torch.randint(len(self._tokenizer), tokens.shape)
        return torch.where(is_hidden & (how >= 0.9), other, shown), is_hidden

    def _guess(self, shown: "torch.Tensor", is_hidden: "torch.Tensor") -> "torch.Tensor":
        """(gaps, vocabulary) scores: only they go through the large last matrix."""
        hidden = self._network.bert(input_ids=shown.to(self._device)).last_hidden_state
        return self._network.cls(hidden[is_hidden.to(self._device)]).float()
