"""Trains a language model from nothing: a LlamaForCausalLM (Touvron et al. 2023, arXiv 2302.13971) of characters or byte pairs.

What is exported is an ordinary transformers folder, so the Text tab runs it like any other model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.training.data import Kind, Texts
from pipelines.training.estimate import USUAL_CHARACTERS, Size, transformer, words
from pipelines.training.language_course import LanguageCourse, counting
from pipelines.training.plan import Plan, ranged
from pipelines.training.tokens import check_heads
from pipelines.training.trainer import Sample

DATA: Kind = "texts"
METRIC = "perplexity"
IS_BETTER = "lower"
NEEDS_MODEL = False
SHOWN, SHOWN_TOKENS = 3, 160


@dataclass(frozen=True)
class Settings:
    """`vocabulary` 0: the tokens are characters, else so many byte pairs. `context` is how many tokens it sees at a time."""

    plan: Plan
    vocabulary: int = ranged(0, 100_000, default=0)
    context: int = ranged(8, 8192, default=128)
    width: int = ranged(16, 8192, default=128)
    layers: int = ranged(1, 64, default=3)
    heads: int = ranged(1, 64, default=4)
    batch: int = ranged(1, 4096, default=16)


PRESETS = {
    "cpu": Settings(Plan(steps=500, learning_rate=0.003, warmup_steps=40, decay_steps=400, weight_decay=0.01, ema_decay=0.98)),
    "gpu": Settings(
        Plan(steps=20_000, learning_rate=0.0006, warmup_steps=500, decay_steps=15_000, weight_decay=0.1, betas=(0.9, 0.95), bf16=True),
        context=512, width=512, layers=8, heads=8, batch=64,
    ),
}  # fmt: skip


def baseline(data: Texts, settings: Settings) -> dict[str, float]:
    """What counting pairs of characters predicts, and what counting single ones does."""
    return counting(data)


def size(settings: Settings) -> Size:
    vocabulary = settings.vocabulary or USUAL_CHARACTERS
    layers = transformer(settings.context, settings.width, settings.layers, settings.width * 8 // 3, gates=1)
    return (layers + words(vocabulary, settings.context, settings.width, settings.context)).times(settings.batch)


def start(settings: Settings, data: Texts, device: str, base: None = None) -> "CausalCourse":
    return CausalCourse(settings, data, device)


class CausalCourse(LanguageCourse):
    def __init__(self, settings: Settings, data: Texts, device: str) -> None:
        from transformers import LlamaConfig, LlamaForCausalLM

        check_heads(settings.width, settings.heads)
        super().__init__(settings, data, device)
        config = LlamaConfig(
            vocab_size=len(self._tokenizer),
            hidden_size=settings.width,
            intermediate_size=settings.width * 8 // 3,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            max_position_embeddings=settings.context,
            tie_word_embeddings=True,
            bos_token_id=self._tokenizer.eos_token_id,
            eos_token_id=self._tokenizer.eos_token_id,
            pad_token_id=self._tokenizer.eos_token_id,
        )
        self._network = LlamaForCausalLM(config).to(device)
        self._learn(self._network)

    def _scores(self, tokens: Any) -> Any:
        return self._network(input_ids=tokens, use_cache=False).logits

    def sample(self) -> Sample:
        """What it writes at the beginning of a document."""
        import torch

        prompt = torch.full((SHOWN, 1), self._tokenizer.eos_token_id, device=self._device)
        made = self._network.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=min(SHOWN_TOKENS, self._task.context - 1),
            do_sample=True,
            temperature=0.8,
            top_k=0,
        )
        return Sample(texts=tuple(self._tokenizer.decode(row, skip_special_tokens=True) for row in made))

    def export(self, folder: Path) -> dict[str, Any]:
        self._network.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)
        return {}
