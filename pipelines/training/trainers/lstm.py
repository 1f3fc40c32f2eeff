"""Trains a language model of LSTM layers (Hochreiter & Schmidhuber 1997), characters or byte pairs: the field before Transformers."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.networks import recurrent
from pipelines.networks.recurrent import LstmConfig
from pipelines.training.data import Kind, Texts
from pipelines.training.estimate import USUAL_CHARACTERS, Size, recurring, words
from pipelines.training.language_course import LanguageCourse, counting
from pipelines.training.plan import Plan, ranged
from pipelines.training.trainer import Sample

DATA: Kind = "texts"
METRIC = "perplexity"
IS_BETTER = "lower"
NEEDS_MODEL = False
SHOWN, SHOWN_TOKENS, TEMPERATURE = 3, 160, 0.8


@dataclass(frozen=True)
class Settings:
    """`vocabulary` 0: the tokens are characters, else so many byte pairs. `context`: how far back the gradient goes."""

    plan: Plan
    vocabulary: int = ranged(0, 100_000, default=0)
    context: int = ranged(8, 4096, default=96)
    width: int = ranged(16, 8192, default=256)
    layers: int = ranged(1, 16, default=1)
    dropout: float = ranged(0.0, 0.9, default=0.0)
    batch: int = ranged(1, 4096, default=32)


PRESETS = {
    "cpu": Settings(Plan(steps=700, learning_rate=0.006, warmup_steps=30, decay_steps=500, ema_decay=0.98)),
    "gpu": Settings(
        Plan(steps=20_000, learning_rate=0.002, warmup_steps=200, decay_steps=15_000, weight_decay=0.01),
        context=256, width=1024, layers=2, dropout=0.2, batch=128,
    ),
}  # fmt: skip


def baseline(data: Texts, settings: Settings) -> dict[str, float]:
    """What counting pairs of characters predicts, and what counting single ones does."""
    return counting(data)


def size(settings: Settings) -> Size:
    vocabulary, tokens = settings.vocabulary or USUAL_CHARACTERS, settings.context
    layers = recurring(tokens, settings.width, settings.layers)
    return (layers + words(vocabulary, tokens, settings.width, tokens)).times(settings.batch)


def start(settings: Settings, data: Texts, device: str, base: None = None) -> "RecurrentCourse":
    return RecurrentCourse(settings, data, device)


class RecurrentCourse(LanguageCourse):
    def __init__(self, settings: Settings, data: Texts, device: str) -> None:
        super().__init__(settings, data, device)
        self._config = LstmConfig(len(self._tokenizer), settings.width, settings.layers)
        self._network = recurrent.build(self._config, settings.dropout).to(device)
        self._learn(self._network)

    def _scores(self, tokens: Any) -> Any:
        return recurrent.read_on(self._network, tokens)[0]

    def sample(self) -> Sample:
        """What it writes at the beginning of a document."""
        import torch

        token = torch.full((SHOWN, 1), self._tokenizer.eos_token_id, device=self._device)
        state, written = None, []
        for _ in range(SHOWN_TOKENS):
            scores, state = recurrent.read_on(self._network, token, state)
            token = torch.softmax(scores[:, -1].float() / TEMPERATURE, dim=-1).multinomial(1)
            written.append(token)
        lines = torch.cat(written, dim=1).tolist()
        return Sample(texts=tuple(self._tokenizer.decode(line, skip_special_tokens=True) for line in lines))

    def export(self, folder: Path) -> dict[str, Any]:
        recurrent.write(self._network, self._config, folder)
        self._tokenizer.save_pretrained(folder)
        return {}
