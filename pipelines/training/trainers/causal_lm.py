"""Teaches a language model that is there already, by one of three methods, over any causal model of transformers.

LoRA (Hu et al. 2021, arXiv 2106.09685): two thin matrices beside each linear layer are trained. Prefix tuning (Li & Liang 2021,
arXiv 2101.00190): keys and values of a few tokens that stand before every text. Full: all weights. The first two by peft, and
what is exported is a peft folder, which the Text tab lays over the base; of the last one it is a model of its own.

Of dialogues only the answers are learnt. With LoRA the first row of the curve is the base itself.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipelines.errors.training import BaseNotTrainable
from pipelines.training.answers import NOT_LEARNT, Answers, as_batch, read_answers
from pipelines.training.base_model import BaseModel
from pipelines.training.data import Dialogues, Kind, Texts
from pipelines.training.plan import Plan, ranged
from pipelines.training.size import check_room
from pipelines.training.tokens import Stream, draw_windows, held_out_windows, make_stream
from pipelines.training.trainer import Sample, Scores, adam, autocast, descend
from pipelines.types.model import Task

DATA: Kind = "texts"
METRIC = "perplexity"
IS_BETTER = "lower"
NEEDS_MODEL = True
BASES: tuple[Task, ...] = ("chat", "write", "continue")
METHODS = ("lora", "prefix", "full")
EVALUATED = 8  # windows, or dialogues; MEASURED when all is done, by which two runs can be told apart
MEASURED = 40
PROMPT_TOKENS, SHOWN_TOKENS = 16, 24


@dataclass(frozen=True)
class Settings:
    """`context` tokens at a time. LoRA: `rank` of the matrices, which are added `alpha` / `rank` times. Prefix: `prefix` tokens.
    `checkpointing` computes again what it does not keep in memory, where the base can, and not with a prefix, whose keys it would drop.
    """

    plan: Plan
    method: str = field(default="lora", metadata={"choices": METHODS})
    rank: int = ranged(1, 256, default=8)
    alpha: int = ranged(1, 512, default=16)
    dropout: float = ranged(0.0, 0.9, default=0.0)
    prefix: int = ranged(1, 512, default=16)
    context: int = ranged(8, 8192, default=96)
    batch: int = ranged(1, 512, default=2)
    checkpointing: bool = False


PRESETS = {
    "cpu": Settings(Plan(steps=20, learning_rate=0.001, warmup_steps=2, decay_steps=15, ema_decay=0.0)),
    "gpu": Settings(
        Plan(steps=1000, learning_rate=0.0002, warmup_steps=30, decay_steps=900, ema_decay=0.0, bf16=True),
        rank=16, alpha=32, dropout=0.05, context=1024, batch=8, checkpointing=True,
    ),
}  # fmt: skip


def baseline(data: Texts | Dialogues, settings: Settings) -> dict[str, float]:
    """Nothing: what needs no learning is the base, the first row of the curve."""
    return {}


def share(settings: Settings) -> float:
    """Of the weights of a base that are trained."""
    return 1.0 if settings.method == "full" else 0.0


def start(settings: Settings, data: Texts | Dialogues, device: str, base: BaseModel) -> "TuningCourse":
    return TuningCourse(settings, data, device, base)


class TuningCourse:
    def __init__(self, settings: Settings, data: Texts | Dialogues, device: str, base: BaseModel) -> None:
        """Raises BaseNotTrainable, NetworkTooLarge, and what loading the base raises."""
        import torch
        from transformers import AutoModelForCausalLM

        # 1 The base, and the data in its tokens
        self._settings, self._device, self._base = settings, device, base.spec.id
        model, self._tokenizer = base.load(AutoModelForCausalLM, device)
        self._data: Stream | Answers
        if isinstance(data, Dialogues):
            self._data = read_answers(data, self._tokenizer, base.spec.name, settings.context)
            self._share = self._data.share
            self._prompt = _question(data, self._tokenizer)
            self._asked = str(data.held_out[0][-2]["content"]) if len(data.held_out[0]) > 1 else ""
        else:
            self._data = make_stream(self._tokenizer, data)
            self._share = len(self._data.held_out) / self._data.characters
            self._prompt, self._asked = self._data.held_out[:PROMPT_TOKENS], ""

        # 2 What of it is trained
        torch.manual_seed(settings.plan.seed)
        self._network = _MADE[settings.method](model, settings, base, device)
        if settings.checkpointing and settings.method != "prefix" and model.supports_gradient_checkpointing:
            model.activation_checkpointing_enable({"use_reentrant": False})
        self.networks = {"language_model": self._network}
        self.optimisers = {"language_model": adam(self._network, settings.plan)}

    def step(self, number: int) -> dict[str, float]:
        task = self._settings
        with autocast(task.plan, self._device):
            loss = self._losses(*self._draw(task.batch)).mean()
        return descend(loss, self.optimisers["language_model"], task.plan, number)

    def evaluate(self) -> dict[str, float]:
        """Perplexity of a character, whatever the base's tokens are; of dialogues, of a character of an answer."""
        losses = self._held_out_losses(EVALUATED)
        loss = sum(losses) / len(losses)
        return {METRIC: math.exp(min(loss * self._share, 700.0)), "held_out_loss": loss}

    def held_out_scores(self) -> Scores:
        values = tuple(loss * self._share for loss in self._held_out_losses(MEASURED))
        return Scores(values, f"{MEASURED} by {self._settings.context} tokens of {self._base}", is_log=True)

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
        if not self._asked:
            return Sample(texts=(self._tokenizer.decode(made[0], skip_special_tokens=True),))
        said = self._tokenizer.decode(made[0, len(self._prompt) :], skip_special_tokens=True)
        return Sample(texts=(f"{self._asked}\n{said}",))

    def export(self, folder: Path) -> dict[str, Any]:
        if self._settings.method == "full":
            self._network.save_pretrained(folder)
            self._tokenizer.save_pretrained(folder)
            return {}
        self._network.save_pretrained(folder, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)  # peft's empty card; ours is written beside model.json
        return {"is_adapter": True}

    # ── batches ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _draw(self, count: int) -> Any:
        """(tokens, what follows, mask) of so many."""
        import torch

        if isinstance(self._data, Stream):
            tokens, following = draw_windows(self._data.train, count, self._settings.context)
            return tokens, following, torch.ones_like(tokens)
        chosen = torch.randint(len(self._data.train), (count,)).tolist()
        return as_batch([self._data.train[place] for place in chosen], self._padding)

    def _held_out_losses(self, count: int) -> list[float]:
        """The mean loss of each of at most so many held-out examples, always the same."""
        import torch

        if isinstance(self._data, Stream):
            tokens, following = held_out_windows(self._data, count, self._settings.context)
            masks = torch.ones_like(tokens).split(2)
            batches = list(zip(tokens.split(2), following.split(2), masks, strict=True))
        else:
            some = self._data.held_out[:count]
            batches = [as_batch(some[place : place + 2], self._padding) for place in range(0, len(some), 2)]
        return [loss for batch in batches for loss in self._losses(*batch).tolist()]

    def _losses(self, tokens: Any, following: Any, mask: Any) -> Any:
        """(n,): the mean over what is learnt of each."""
        import torch

        answer = self._network(input_ids=tokens.to(self._device), attention_mask=mask.to(self._device), use_cache=False)
        following = following.to(self._device)
        scores = answer.logits.float().transpose(1, 2)
        losses = torch.nn.functional.cross_entropy(scores, following, ignore_index=NOT_LEARNT, reduction="none")
        return losses.sum(1) / (following != NOT_LEARNT).sum(1).clamp(min=1)

    @property
    def _padding(self) -> int:
        known = self._tokenizer.pad_token_id
        return self._tokenizer.eos_token_id if known is None else known


def _question(data: Dialogues, tokenizer: Any) -> Any:
    """A held-out dialogue up to its last answer."""
    import torch

    asked = list(data.held_out[0][:-1])
    return torch.tensor(tokenizer.apply_chat_template(asked, add_generation_prompt=True, return_dict=False))


# ── methods ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _lora(model: Any, settings: Settings, base: BaseModel, device: str) -> Any:
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules="all-linear",
    )
    return _named(get_peft_model(model, config), base)


def _prefix(model: Any, settings: Settings, base: BaseModel, device: str) -> Any:
    """The prefix begins as what the model itself keeps of a text of as many tokens: noise would upset it."""
    import torch
    from peft import PrefixTuningConfig, get_peft_model

    if model._is_stateful or not model._supports_default_dynamic_cache():
        raise BaseNotTrainable(model=base.spec.name, reason="it keeps no keys and values, so it takes no prefix")
    begun = torch.full((1, settings.prefix), model.generation_config.bos_token_id or 0, device=device)
    with torch.no_grad():
        known = model(input_ids=begun, use_cache=True).past_key_values
    parts = [part[0].transpose(0, 1).flatten(1) for layer in known.layers for part in (layer.keys, layer.values)]
    config = PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=settings.prefix)
    network = get_peft_model(model, config)
    with torch.no_grad():
        network.prompt_encoder["default"].embedding.weight.copy_(torch.cat(parts, dim=1))
    return _named(network, base)


def _full(model: Any, settings: Settings, base: BaseModel, device: str) -> Any:
    check_room(model.num_parameters(), device, is_loaded=True)
    return model


def _named(network: Any, base: BaseModel) -> Any:
    """The adapter names its base as the catalog does, and no path of this machine."""
    network.peft_config["default"].base_model_name_or_path = base.spec.id
    return network


_MADE = {"lora": _lora, "prefix": _prefix, "full": _full}
