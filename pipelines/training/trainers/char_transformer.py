"""Trains a language model from nothing: a LlamaForCausalLM (Touvron et al. 2023, arXiv 2302.13971) of characters or byte pairs.

What is exported is an ordinary transformers folder, so the Text tab runs it like any other model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.training.data import Kind, Texts
from pipelines.training.plan import Plan, ranged
from pipelines.training.tokens import (
    character_perplexity,
    character_scores,
    check_heads,
    counted,
    draw_windows,
    held_out_windows,
    make_stream,
    make_tokenizer,
)
from pipelines.training.trainer import Sample, Scores, adam, autocast, descend

DATA: Kind = "texts"
METRIC = "perplexity"
IS_BETTER = "lower"
NEEDS_MODEL = False
EVALUATED_WINDOWS = 64
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
    return {METRIC: counted(data, 2), "perplexity_of_single_characters": counted(data, 1)}


def start(settings: Settings, data: Texts, device: str, base: None = None) -> "CausalCourse":
    return CausalCourse(settings, data, device)


class CausalCourse:
    def __init__(self, settings: Settings, data: Texts, device: str) -> None:
        from transformers import LlamaConfig, LlamaForCausalLM

        check_heads(settings.width, settings.heads)
        self._settings, self._device = settings, device
        self._tokenizer = make_tokenizer(data.texts, settings.vocabulary)
        self._stream = make_stream(self._tokenizer, data)
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
        self.networks = {"language_model": self._network}
        self.optimisers = {"language_model": adam(self._network, settings.plan)}

    def step(self, number: int) -> dict[str, float]:
        task = self._settings
        tokens, following = draw_windows(self._stream.train, task.batch, task.context)
        with autocast(task.plan, self._device):
            loss = self._loss(tokens, following)
        return descend(loss, self.optimisers["language_model"], task.plan, number)

    def evaluate(self) -> dict[str, float]:
        """Perplexity of a character, whatever the tokens are."""
        tokens, following = held_out_windows(self._stream, EVALUATED_WINDOWS, self._settings.context)
        parts = zip(tokens.split(16), following.split(16), strict=True)
        loss = sum(self._loss(*part).item() * len(part[0]) for part in parts) / len(tokens)
        return {METRIC: character_perplexity(loss, self._stream), "held_out_loss": loss}

    def held_out_scores(self) -> Scores:
        tokens, following = held_out_windows(self._stream, EVALUATED_WINDOWS, self._settings.context)
        pairs = zip(tokens.split(1), following.split(1), strict=True)
        return character_scores([self._loss(*pair).item() for pair in pairs], self._stream, self._settings.context)

    def sample(self) -> Sample:
        """What it writes at the beginning of a document."""
        import torch

        prompt = torch.full((SHOWN, 1), self._tokenizer.eos_token_id, device=self._device)
        made = self._network.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=min(SHOWN_TOKENS, self._settings.context - 1),
            do_sample=True,
            temperature=0.8,
            top_k=0,
        )
        return Sample(texts=tuple(self._tokenizer.decode(row, skip_special_tokens=True) for row in made))

    def export(self, folder: Path) -> dict[str, Any]:
        self._network.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)
        return {}

    def _loss(self, tokens: Any, following: Any) -> Any:
        import torch

        scores = self._network(input_ids=tokens.to(self._device), use_cache=False).logits.float()
        return torch.nn.functional.cross_entropy(scores.flatten(0, 1), following.flatten().to(self._device))
