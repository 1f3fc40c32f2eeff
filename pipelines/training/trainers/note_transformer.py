"""Trains a composer of tunes: a LlamaForCausalLM (Touvron et al. 2023, arXiv 2302.13971) over the words of `pipelines/music/score.py`.

After Huang et al. 2018 (Music Transformer, arXiv 1809.04281) and Sturm et al. 2016 (folk-rnn, arXiv 1604.08723), who composed
with a Transformer and from tunes like these. A tune is always read from its beginning, so its mode and metre are before it.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.evaluation.ngram_perplexity import NgramModel
from pipelines.music import score_model
from pipelines.music.known_runs import write_runs
from pipelines.music.piano_roll import draw_roll
from pipelines.music.score import END, VOCABULARY, bars_of, notes_of
from pipelines.music.score_model import ScoreConfig
from pipelines.training.data import Kind, Texts
from pipelines.training.estimate import Size, transformer, words
from pipelines.training.plan import Plan, ranged
from pipelines.training.tokens import check_heads
from pipelines.training.trainer import Sample, adam, autocast, descend

if TYPE_CHECKING:
    import torch

DATA: Kind = "scores"
METRIC = "perplexity"
IS_BETTER = "lower"
NEEDS_MODEL = False
SHOWN_WORDS = 250
TONIC = 62  # of the tune that is shown: D
EVALUATED_AT_ONCE = 32
OVERFLOWS = 700.0  # nats; the loop ends a run that comes there
IGNORED = -100  # what no loss is computed of

_IDS = {word: place for place, word in enumerate(VOCABULARY)}


@dataclass(frozen=True)
class Settings:
    """`context`: what of a tune is beyond so many words is left out. `dropout` is of the attention."""

    plan: Plan
    context: int = ranged(8, 8192, default=384)
    width: int = ranged(16, 8192, default=96)
    layers: int = ranged(1, 64, default=3)
    heads: int = ranged(1, 64, default=4)
    dropout: float = ranged(0.0, 0.9, default=0.0)
    batch: int = ranged(1, 4096, default=16)


PRESETS = {
    "cpu": Settings(Plan(steps=400, learning_rate=0.004, warmup_steps=30, decay_steps=300, weight_decay=0.05, ema_decay=0.98)),
    "gpu": Settings(
        Plan(steps=4000, learning_rate=0.001, warmup_steps=200, decay_steps=3000, weight_decay=0.2, betas=(0.9, 0.95), bf16=True),
        context=512, width=256, layers=6, heads=8, dropout=0.1, batch=64,
    ),
}  # fmt: skip


def baseline(data: Texts, settings: Settings) -> dict[str, float]:
    """What a Markov chain predicts that has counted which word follows which two, and one that knows only how common each is."""
    tunes, held_out = ([tuple(tune.split()) for tune in part] for part in (data.texts, data.held_out))
    counted = {order: NgramModel(tunes, order, len(VOCABULARY)).perplexity(held_out) for order in (3, 1)}
    return {METRIC: counted[3], "perplexity_of_single_words": counted[1]}


def size(settings: Settings) -> Size:
    layers = transformer(settings.context, settings.width, settings.layers, settings.width * 8 // 3, gates=1)
    return (layers + words(len(VOCABULARY), settings.context, settings.width, settings.context)).times(settings.batch)


def start(settings: Settings, data: Texts, device: str, base: None = None) -> "ScoreCourse":
    return ScoreCourse(settings, data, device)


class ScoreCourse:
    def __init__(self, settings: Settings, data: Texts, device: str) -> None:
        check_heads(settings.width, settings.heads)
        self._settings, self._device, self._texts = settings, device, data.texts
        self._tunes, self._held_out = (
            [_ids(tune, settings.context) for tune in part] for part in (data.texts, data.held_out)
        )
        config = ScoreConfig(settings.width, settings.layers, settings.heads, settings.context)
        self._network = score_model.build(config, settings.dropout).to(device)
        self.networks = {"composer": self._network}
        self.optimisers = {"composer": adam(self._network, settings.plan)}

    def step(self, number: int) -> dict[str, float]:
        with autocast(self._settings.plan, self._device):
            loss, _ = self._loss([self._draw_row() for _ in range(self._settings.batch)])
        return descend(loss, self.optimisers["composer"], self._settings.plan, number)

    def evaluate(self) -> dict[str, float]:
        """Perplexity of a word of a held-out tune."""
        total, words = 0.0, 0
        for place in range(0, len(self._held_out), EVALUATED_AT_ONCE):
            loss, count = self._loss(self._held_out[place : place + EVALUATED_AT_ONCE])
            total, words = total + loss.item() * count, words + count
        mean = total / words
        return {METRIC: math.exp(mean) if mean < OVERFLOWS else math.inf, "held_out_loss": mean}

    def sample(self) -> Sample:
        """A tune that it writes by itself, as a piano roll and as words."""
        import torch

        begin = torch.full((1, 1), _IDS[END], device=self._device)
        most = min(SHOWN_WORDS, self._settings.context - 1)
        made = self._network.generate(
            begin, attention_mask=torch.ones_like(begin), max_new_tokens=most, do_sample=True, top_k=0
        )
        words = [VOCABULARY[place] for place in made[0].tolist() if VOCABULARY[place] != END]
        return Sample(draw_roll(notes_of(bars_of(words, TONIC))), (" ".join(words),))

    def export(self, folder: Path) -> dict[str, Any]:
        score_model.write(self._network, folder)
        write_runs((tune.split() for tune in self._texts), folder)
        return {}

    def _draw_row(self) -> "torch.Tensor":
        """Tune after tune, each from its beginning, until the context is full: so no place is wasted on filling up."""
        import torch

        row: list[torch.Tensor] = []
        while sum(map(len, row)) <= self._settings.context:
            tune = self._tunes[int(torch.randint(len(self._tunes), (1,)))]
            row.append(tune[1:] if row else tune)  # the END of a tune stands for the one before the next, too
        return torch.cat(row)[: self._settings.context + 1]

    def _loss(self, tunes: "list[torch.Tensor]") -> "tuple[torch.Tensor, int]":
        """The mean over every word but the first, and how many those are. What fills up the shorter tunes counts nothing."""
        import torch

        padded = torch.nn.utils.rnn.pad_sequence(tunes, batch_first=True, padding_value=IGNORED).to(self._device)
        words, following = padded[:, :-1].clamp(min=0), padded[:, 1:]
        scores = self._network(input_ids=words, use_cache=False).logits.float()
        loss = torch.nn.functional.cross_entropy(scores.flatten(0, 1), following.flatten(), ignore_index=IGNORED)
        return loss, int((following != IGNORED).sum())


def _ids(tune: str, context: int) -> "torch.Tensor":
    """From the END of the tune before up to its own."""
    import torch

    return torch.tensor([_IDS[word] for word in (END, *tune.split(), END)][: context + 1])
