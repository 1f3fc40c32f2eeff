"""Causal language models by transformers: any AutoModelForCausalLM on CPU or GPU, with adapters, from safetensors or GGUF.

Draws its tokens with a generator of its own, so that a seed repeats whatever other threads do. This file knows token
ids and chat templates, and no pipeline.
"""

import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any, Literal

from pipelines.errors.memory import OutOfMemory
from pipelines.errors.models import AdapterMismatch, TemplateRefused
from pipelines.loading.inspection.weights import Weights, check_adapter
from pipelines.loading.memory.forecast import Forecast, Form
from pipelines.loading.placement import dispatch
from pipelines.loading.placement.devices import Place, is_out_of_memory
from pipelines.loading.placement.networks import Networks
from pipelines.loading.pretrained import forecast_bytes, forms_of, load_pretrained
from pipelines.types.adapter import Adapter
from pipelines.types.events import IsCancelled, OnEvent
from pipelines.types.model import ModelSpec, Task
from pipelines.types.text import Message, Piece, Sampling

TASKS: frozenset[Task] = frozenset({"chat", "write", "summarise", "rewrite", "translate", "continue"})
DEVICES = frozenset({"cpu", "cuda", "mps"})
BATCHES = False
ADAPTERS = True

GGUF_ARCHITECTURES = frozenset(
    [
        "llama",
        "mistral",
        "qwen2",
        "qwen2_moe",
        "qwen3",
        "qwen3_moe",
        "falcon",
        "phi3",
        "bloom",
        "stablelm",
        "gpt2",
        "starcoder2",
        "mamba",
        "nemotron",
        "gemma2",
        "gemma3",
        "gpt_oss",
        "lfm2",
    ]
)
Prefix = list[tuple[Any, Any]]  # of each layer keys and values, (1, heads, tokens, width)

PROMPT_TOKENS_PER_STEP = 256  # a long prompt is read in parts, so that Stop acts between them
UNKNOWN_CONTEXT_TOKENS = 2048


def serves(architectures: tuple[str, ...], file_format: str) -> bool:
    if file_format == "gguf":
        return bool(GGUF_ARCHITECTURES & set(architectures))
    return file_format == "safetensors" and any(name.endswith(("ForCausalLM", "LMHeadModel")) for name in architectures)


def forecast(weights: Weights, place: Place) -> Forecast:
    return forecast_bytes(weights, place)


def forms(weights: Weights) -> tuple[Form, ...]:
    return forms_of(weights)


def load(
    spec: ModelSpec, weights: Weights, place: Place, adapters: tuple[tuple[Adapter, Path], ...], on_event: OnEvent
) -> "CausalModel":
    """Raises UnsupportedModel, ModelDamaged, UnsafeModel, AdapterMismatch, or what says that memory ran out."""
    from transformers import AutoModelForCausalLM

    model, tokenizer = load_pretrained(AutoModelForCausalLM, spec, weights, place, on_event)
    prefixes: list[Prefix] = []
    for adapter, folder in adapters:
        kind, settings = check_adapter(folder, adapter.source)
        if kind == "LORA":
            model = merge_lora(model, spec.name, adapter, folder, settings)
        else:
            prefixes.append(_read_prefix(model, spec.name, adapter, folder, settings))
    context_tokens = spec.context_tokens or weights.context_tokens or UNKNOWN_CONTEXT_TOKENS
    return CausalModel(model, tokenizer, spec.name, context_tokens, place, prefixes)


def merge_lora(model: Any, name: str, adapter: Adapter, folder: Path, settings: dict) -> Any:
    """The model with weight · B·A added to its matrices (Hu et al. 2021, https://arxiv.org/abs/2106.09685).

    The adapter is part of the cache's key, so this model is nobody else's and merging costs nothing at run time. `settings`
    as `check_adapter` has them. Raises AdapterMismatch.
    """
    from peft import LoraConfig, get_peft_model, set_peft_model_state_dict
    from peft.tuners.lora import LoraLayer
    from safetensors.torch import load_file

    try:
        wrapped = get_peft_model(model, LoraConfig(**settings, inference_mode=True))
        outcome = set_peft_model_state_dict(wrapped, load_file(folder / "adapter_model.safetensors"))
        unset = [name for name in outcome.missing_keys if "lora_" in name]
        if unset or outcome.unexpected_keys:
            raise ValueError(f"it was made for other layers ({(unset or outcome.unexpected_keys)[0]})")
        for module in wrapped.modules():
            if isinstance(module, LoraLayer):
                module.scale_layer(adapter.weight)
        return wrapped.merge_and_unload(safe_merge=True)
    except (ValueError, RuntimeError, TypeError) as error:
        if is_out_of_memory(error):
            raise
        reason = str(error).strip().splitlines()[0][:160]
        raise AdapterMismatch(adapter=adapter.source, model=name, reason=reason) from error


def _read_prefix(model: Any, name: str, adapter: Adapter, folder: Path, settings: dict) -> Prefix:
    """Keys and values that stand before every text (Li & Liang 2021, https://arxiv.org/abs/2101.00190), as peft keeps them:
    (tokens, layers · 2 · heads · width). Raises AdapterMismatch."""
    from safetensors.torch import load_file

    def refuse(reason: str) -> AdapterMismatch:
        return AdapterMismatch(adapter=adapter.source, model=name, reason=reason)

    config = model.config.get_text_config(decoder=True)
    if model._is_stateful or not model._supports_default_dynamic_cache():
        raise refuse("it keeps no keys and values, so it takes no prefix")
    if adapter.weight != 1.0:
        raise refuse("it is a prefix, which stands before a text or does not: its weight must be 1")
    kept = load_file(folder / "adapter_model.safetensors").get("prompt_embeddings")
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    width = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    expected = (settings.get("num_virtual_tokens"), config.num_hidden_layers * 2 * heads * width)
    if kept is None or tuple(kept.shape) != expected:
        raise refuse("it was made for another shape of model")
    parts = kept.view(len(kept), config.num_hidden_layers, 2, heads, width).permute(1, 2, 3, 0, 4)
    parts = parts.to(dispatch.device_of(model), model.dtype)
    return [(layer[0][None], layer[1][None]) for layer in parts]


class CausalModel(Networks):
    """A loaded model. Its weights are only read, so `stream` may be called from several threads."""

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        name: str,
        context_tokens: int,
        place: Place,
        prefixes: Sequence[Prefix] = (),
    ) -> None:
        super().__init__(place, model)
        self._prefixes = prefixes
        self._prefix_tokens = sum(prefix[0][0].shape[2] for prefix in prefixes)
        self.context_tokens = context_tokens - self._prefix_tokens
        self.has_chat_template = bool(tokenizer.chat_template)
        self._model = model
        self._tokenizer = tokenizer
        self._name = name

    # ── text and tokens ───────────────────────────────────────────────────────────────────────────────────────────────

    def encode_chat(self, messages: Sequence[Message], answer_prefix: str) -> list[int]:
        """The conversation in the model's own chat template (sandboxed Jinja), up to where its answer goes on."""
        from jinja2 import TemplateError

        turns = [{"role": message.role, "content": message.text} for message in messages]
        try:
            prompt = self._tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        except TemplateError as error:
            raise TemplateRefused(model=self._name, reason=str(error)[:160]) from error
        return self._tokenizer(prompt + answer_prefix, add_special_tokens=False)["input_ids"]

    def encode(self, text: str) -> list[int]:
        """`text` as the beginning of a document."""
        return self._tokenizer(text)["input_ids"]

    def decode(self, token_ids: Sequence[int]) -> str:
        return self._tokenizer.decode(list(token_ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)

    # ── generation ────────────────────────────────────────────────────────────────────────────────────────────────────

    def stream(self, token_ids: Sequence[int], sampling: Sampling, is_cancelled: IsCancelled) -> Iterator[Piece]:
        """The tokens that follow `token_ids`, one at a time. `sampling.seed` must be set. Raises OutOfMemory.

        `generate` pushes its tokens, and this is pulled, so it runs in a thread that ends with this iterator.
        """
        pieces: SimpleQueue[Piece | Exception] = SimpleQueue()
        is_abandoned = Event()

        def should_stop() -> bool:
            return is_abandoned.is_set() or is_cancelled()

        def run() -> None:
            try:
                reason = self._generate(list(token_ids), sampling, should_stop, pieces)
                pieces.put(Piece((), time.perf_counter(), finish_reason=reason))
            except Exception as error:  # noqa: BLE001  carried over to the reader's thread, and raised there
                pieces.put(error)

        thread = Thread(target=run, name=f"generate {self._name}", daemon=True)
        thread.start()
        try:
            while True:
                piece = pieces.get()
                if isinstance(piece, Exception):
                    if is_out_of_memory(piece):
                        raise OutOfMemory(model=self._name, device=self._place.label) from piece
                    raise piece
                yield piece
                if piece.finish_reason:
                    return
        finally:
            is_abandoned.set()
            thread.join()

    def write(self, folder: Path) -> None:
        """The model, with the adapters that are merged into it, and its tokenizer. Raises AdapterMismatch of a prefix."""
        if self._prefixes:
            raise AdapterMismatch(
                adapter="", model=self._name, reason="it is a prefix, which changes no weights: it cannot be merged"
            )
        self._model.save_pretrained(folder)
        self._tokenizer.save_pretrained(folder)

    def _generate(
        self, token_ids: list[int], sampling: Sampling, should_stop: IsCancelled, pieces: SimpleQueue
    ) -> Literal["stop", "length", "cancelled"]:
        import torch

        # 1 The prompt, in parts; what stands for a prefix in it is never read, because its keys and values are known
        ids = token_ids[:1] * self._prefix_tokens + token_ids
        prompt = torch.tensor([ids], device=dispatch.device_of(self._model))
        kwargs: dict[str, Any] = {}
        if self._prefixes or (len(token_ids) > PROMPT_TOKENS_PER_STEP and self._can_read_in_parts()):
            kwargs["past_key_values"] = self._read(prompt[:, self._prefix_tokens :], should_stop)
        if should_stop():
            return "cancelled"

        # 2 The answer
        out = _Streamer(len(token_ids), pieces)
        end_ids = self._end_ids()
        self._model.generate(
            prompt,
            attention_mask=torch.ones_like(prompt),
            max_new_tokens=sampling.max_new_tokens,
            do_sample=False,  # `_Draw` leaves only the drawn token for the argmax
            num_beams=1,
            repetition_penalty=sampling.repetition_penalty,
            logits_processor=[_Draw(sampling, prompt.device)] if sampling.temperature > 0 else [],
            stopping_criteria=[_StopWhen(should_stop)],
            streamer=out,
            eos_token_id=end_ids or None,
            pad_token_id=end_ids[0] if end_ids else 0,
            **kwargs,
        )

        # 3 Why it ended
        if out.last_id in end_ids:
            return "stop"
        return "cancelled" if should_stop() and out.count < sampling.max_new_tokens else "length"

    def _can_read_in_parts(self) -> bool:
        """Models with a state of their own instead of a key-value cache (Mamba, RWKV) read a prompt in one go."""
        return not self._model._is_stateful and self._model._supports_default_dynamic_cache()

    def _read(self, prompt: Any, should_stop: IsCancelled) -> Any:
        """The key-value cache after the prefixes and all parts of the prompt but the last."""
        import torch
        from transformers import DynamicCache

        known = DynamicCache(config=self._model.config.get_text_config(decoder=True))
        for prefix in self._prefixes:
            for layer, (keys, values) in enumerate(prefix):
                known.update(keys.to(prompt.device), values.to(prompt.device), layer)
        with torch.no_grad():
            for part in prompt.split(PROMPT_TOKENS_PER_STEP, dim=1)[:-1]:
                if should_stop():
                    break
                self._model(input_ids=part, past_key_values=known, use_cache=True, logits_to_keep=1)
        return known

    def _end_ids(self) -> list[int]:
        """Every token that ends an answer: those of the generation config and the tokenizer's own."""
        named = self._model.generation_config.eos_token_id
        ids = [named] if isinstance(named, int) else list(named or ())
        own = self._tokenizer.eos_token_id
        return ids if own is None or own in ids else [*ids, own]


class _Streamer:
    """What `generate` hands its tokens to; the prompt comes first and is left out."""

    def __init__(self, prompt_tokens: int, pieces: SimpleQueue) -> None:
        self._is_prompt = True
        self._pieces = pieces
        self.count = 0
        self.last_id = -1

    def put(self, value: Any) -> None:
        if self._is_prompt:
            self._is_prompt = False
            return
        ids = tuple(value.flatten().tolist())
        self.count += len(ids)
        self.last_id = ids[-1]
        self._pieces.put(Piece(ids, time.perf_counter()))

    def end(self) -> None:
        """`generate` calls this; the end is told with its reason elsewhere."""


class _StopWhen:
    """A stopping criterion: one truth value for the one sequence of the batch."""

    def __init__(self, should_stop: IsCancelled) -> None:
        self._should_stop = should_stop

    def __call__(self, input_ids: Any, scores: Any, **kwargs: Any) -> Any:
        import torch

        return torch.full((input_ids.shape[0],), self._should_stop(), device=input_ids.device, dtype=torch.bool)


class _Draw:
    """A logits processor that draws the token itself: temperature, top-k, top-p (Holtzman et al. 2019), own generator."""

    def __init__(self, sampling: Sampling, device: Any) -> None:
        import torch
        from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

        self._warpers = LogitsProcessorList([TemperatureLogitsWarper(sampling.temperature)])
        if sampling.top_k:
            self._warpers.append(TopKLogitsWarper(sampling.top_k))
        if sampling.top_p < 1:
            self._warpers.append(TopPLogitsWarper(sampling.top_p))
        self._generator = torch.Generator(device).manual_seed(sampling.seed or 0)

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Scores (1, vocabulary) → −∞ everywhere but at the drawn token."""
        import torch

        probabilities = torch.softmax(self._warpers(input_ids, scores).float(), dim=-1)
        drawn = torch.multinomial(probabilities, 1, generator=self._generator)
        return torch.full_like(scores, -torch.inf).scatter_(1, drawn, 0.0)
