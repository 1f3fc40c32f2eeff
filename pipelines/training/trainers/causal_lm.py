"""Teaches a language model that is there already: LoRA (Hu et al. 2021, arXiv 2106.09685) by peft over any causal model.

Only two thin matrices beside each linear layer are trained; the model itself stays as it is. What is exported is a peft
folder, which the Text tab lays over the base. Before the first step the adapter changes nothing, so the first row of the
curve is the base itself.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.training.base_model import BaseModel
from pipelines.training.data import Dialogues, Kind, Texts
from pipelines.training.plan import Plan, ranged
from pipelines.training.tokens import as_texts, draw_windows, held_out_windows, make_stream
from pipelines.training.trainer import Sample, adam, autocast, descend

DATA: Kind = "texts"
METRIC = "perplexity"
IS_BETTER = "lower"
NEEDS_MODEL = True
EVALUATED_WINDOWS = 8
PROMPT_TOKENS, SHOWN_TOKENS = 16, 24


@dataclass(frozen=True)
class Settings:
    """`rank` of the matrices, which are added `alpha` / `rank` times; `context` tokens at a time."""

    plan: Plan
    rank: int = ranged(1, 256, default=8)
    alpha: int = ranged(1, 512, default=16)
    dropout: float = ranged(0.0, 0.9, default=0.0)
    context: int = ranged(8, 8192, default=96)
    batch: int = ranged(1, 512, default=2)


PRESETS = {
    "cpu": Settings(Plan(steps=20, learning_rate=0.001, warmup_steps=2, decay_steps=15, ema_decay=0.0)),
    "gpu": Settings(
        Plan(steps=1000, learning_rate=0.0002, warmup_steps=30, decay_steps=900, ema_decay=0.0, bf16=True),
        rank=16, alpha=32, dropout=0.05, context=1024, batch=8,
    ),
}  # fmt: skip


def baseline(data: Texts | Dialogues, settings: Settings) -> dict[str, float]:
    """Nothing: what needs no learning is the base, the first row of the curve."""
    return {}


def start(settings: Settings, data: Texts | Dialogues, device: str, base: BaseModel) -> "LoraCourse":
    return LoraCourse(settings, data, device, base)


class LoraCourse:
    def __init__(self, settings: Settings, data: Texts | Dialogues, device: str, base: BaseModel) -> None:
        import torch
        from peft import LoraConfig, get_peft_model
        from transformers import AutoModelForCausalLM

        self._settings, self._device = settings, device
        model, self._tokenizer = base.load(AutoModelForCausalLM, device)
        self._stream = make_stream(self._tokenizer, as_texts(data, self._tokenizer, base.spec.name))
        self._prompt = self._begin(data)
        config = LoraConfig(
            base_model_name_or_path=base.spec.id,
            task_type="CAUSAL_LM",
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules="all-linear",
        )
        torch.manual_seed(settings.plan.seed)
        self._network = get_peft_model(model, config)
        self._network.peft_config["default"].base_model_name_or_path = base.spec.id  # not a path of this machine
        self.networks = {"language_model": self._network}
        self.optimisers = {"language_model": adam(self._network, settings.plan)}

    def step(self, number: int) -> dict[str, float]:
        task = self._settings
        tokens, following = draw_windows(self._stream.train, task.batch, task.context)
        with autocast(task.plan, self._device):
            loss = self._loss(tokens, following)
        return descend(loss, self.optimisers["language_model"], task.plan, number)

    def evaluate(self) -> dict[str, float]:
        """Perplexity of a token of the base's own tokenizer."""
        import math

        tokens, following = held_out_windows(self._stream, EVALUATED_WINDOWS, self._settings.context)
        pairs = zip(tokens.split(2), following.split(2), strict=True)
        loss = sum(self._loss(*pair).item() * len(pair[0]) for pair in pairs) / len(tokens)
        return {METRIC: math.exp(loss), "held_out_loss": loss}

    def sample(self) -> Sample:
        """How it goes on with a held-out text, or answers a held-out question: the likeliest token each time."""
        import torch

        prompt = self._prompt[None].to(self._device)
        made = self._network.generate(
            input_ids=prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=SHOWN_TOKENS,
            do_sample=False,
            pad_token_id=self._tokenizer.eos_token_id,
        )
        return Sample(texts=(self._tokenizer.decode(made[0], skip_special_tokens=True),))

    def _begin(self, data: Texts | Dialogues) -> Any:
        """The tokens of what it is to go on with."""
        import torch

        if isinstance(data, Texts):
            return self._stream.held_out[:PROMPT_TOKENS]
        asked = self._tokenizer.apply_chat_template(
            list(data.held_out[0][:-1]), add_generation_prompt=True, return_dict=False
        )
        return torch.tensor(asked[-self._settings.context :])

    def export(self, folder: Path) -> dict[str, Any]:
        self._network.save_pretrained(folder, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # peft's empty card; model.json says what there is to say
        return {"is_adapter": True}

    def _loss(self, tokens: Any, following: Any) -> Any:
        import torch

        scores = self._network(input_ids=tokens.to(self._device), use_cache=False).logits.float()
        return torch.nn.functional.cross_entropy(scores.flatten(0, 1), following.flatten().to(self._device))
