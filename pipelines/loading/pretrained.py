"""Brings a transformers model and its tokenizer into memory: the one call of `from_pretrained`, with everything unsafe off.

Only files on this machine, only safetensors or GGUF, never code of the model's own; a checkpoint that leaves a weight
unset is refused, because transformers would fill it with random numbers. It is handed the Auto class and knows no family.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipelines.errors.models import ModelDamaged, UnsupportedModel
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.memory.forecast import BYTES_OF, Forecast, Form, weights_bytes
from pipelines.loading.placement import dispatch
from pipelines.loading.placement.devices import Place, is_out_of_memory
from pipelines.types.events import Loading, OnEvent
from pipelines.types.model import ModelSpec

WEIGHTS_BAR = "Loading weights"  # how transformers labels the bar that counts tensors
WORKING_TOKENS = 2048
READ_AT_ONCE_TOKENS = 256


def load_pretrained(
    auto_class: Any, spec: ModelSpec, weights: Weights, place: Place, on_event: OnEvent
) -> tuple[Any, Any]:
    """(model in evaluation mode, tokenizer). Raises UnsupportedModel, ModelDamaged, or what says that memory ran out."""
    import torch
    import transformers

    # 1 Does this version of transformers have the class?
    for architecture in weights.architectures if weights.file_format == "safetensors" else ():
        if not hasattr(transformers, architecture):
            raise UnsupportedModel(model=spec.name, architecture=architecture)

    # 2 From where, and how
    folder = weights.path.parent if weights.path.is_file() else weights.path
    source = {"gguf_file": weights.path.name} if weights.file_format == "gguf" else {"use_safetensors": True}
    safe = {"local_files_only": True, "trust_remote_code": False}
    on_disk = dispatch.offload_folder(place)
    is_to_quantise = place.quantisation and place.device != "cuda"
    how = {
        "dtype": "auto" if is_to_quantise else getattr(torch, place.dtype),  # "auto": as in the file, without a copy
        **dispatch.placed(place, on_disk.name if on_disk else ""),
        **dispatch.quantised(place, transformers),
    }

    # 3 Tokenizer and weights
    with in_plain_words(spec, weights), _weights_progress(spec.name, on_event):
        gguf = {name: value for name, value in source.items() if name == "gguf_file"}
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **safe, **gguf)
        model, report = auto_class.from_pretrained(folder, output_loading_info=True, **safe, **source, **how)
    _check_complete(report, spec, folder)

    # 4 The weights out of the file
    if weights.file_format == "gguf":
        forget_gguf(model)
    if on_disk is None:
        dispatch.settle(model, place)
    model.offload_folder = on_disk  # cleaned up with the model
    return model.eval(), tokenizer


def load_network(auto_class: Any, spec: ModelSpec, weights: Weights, place: Place, on_event: OnEvent) -> Any:
    """A model that reads no text, in evaluation mode. Raises ModelDamaged, or what says that memory ran out."""
    import torch

    on_event(Loading("weights", spec.name, 0, weights.size_bytes))
    with in_plain_words(spec, weights):
        model, report = auto_class.from_pretrained(
            weights.path,
            local_files_only=True,
            use_safetensors=True,
            dtype=getattr(torch, place.dtype),
            output_loading_info=True,
        )
    _check_complete(report, spec, weights.path)
    dispatch.settle(model.eval(), place)
    return model


def _check_complete(report: dict[str, Any], spec: ModelSpec, path: Path) -> None:
    """Raises ModelDamaged for weights that transformers would fill with random numbers."""
    if missing := sorted(report.get("missing_keys") or ()):
        reason = f"{len(missing)} weights are missing ({missing[0]})"
        raise ModelDamaged(model=spec.name, reason=reason, path=path)


def forget_gguf(model: Any) -> None:
    """What was unpacked from GGUF is a model like any other, which can be written: transformers 5.23 goes on to call it quantised."""
    if not model.hf_quantizer.packed_modules:  # none stays packed where no kernels for it are installed
        model.hf_quantizer = None
        del model.config.quantization_config


def forecast_bytes(weights: Weights, place: Place) -> Forecast:
    """What `load_pretrained` will need: every number in the format that it is loaded in, GGUF unpacked; to work, a
    key-value cache and the activations of a part of a prompt."""
    return Forecast(weights_bytes(weights.parameters, place), _working_bytes(weights, place))


def forms_of(weights: Weights) -> tuple[Form, ...]:
    """What transformers unpacks from GGUF it can neither quantise nor leave on disk."""
    return ("half",) if weights.file_format == "gguf" else ("half", "int8", "int4", "offload")


def _working_bytes(weights: Weights, place: Place) -> int:
    """For one request of up to 2,048 tokens, by the sizes that config.json names."""
    share = weights.parameters // 10
    try:
        config = json.loads((weights.path / "config.json").read_bytes())
        layers, hidden = int(config["num_hidden_layers"]), int(config["hidden_size"])
        heads = int(config["num_attention_heads"])
        cached = int(config.get("num_key_value_heads") or heads) * int(config.get("head_dim") or hidden // heads)
        tokens = min(weights.context_tokens or WORKING_TOKENS, WORKING_TOKENS)
        numbers = 2 * layers * cached * tokens + READ_AT_ONCE_TOKENS * (8 * hidden + int(config["vocab_size"]))
    except (OSError, ValueError, KeyError, TypeError, ZeroDivisionError, AttributeError):  # names of another family
        numbers = share
    return int(numbers * BYTES_OF[place.dtype])


@contextmanager
def _weights_progress(model: str, on_event: OnEvent) -> Iterator[None]:
    """Reports transformers' own counting of tensors. Its hook is global: the cache loads one model at a time."""
    from transformers.utils import logging

    def hook(factory: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        bar = factory(*args, **{**kwargs, "disable": True})
        if kwargs.get("desc") != WEIGHTS_BAR or not args:
            return bar
        return _Counted(args[0], model, on_event)

    on_event(Loading("weights", model))
    previous = logging.set_tqdm_hook(hook)
    try:
        yield
    finally:
        logging.set_tqdm_hook(previous)


class _Counted:
    """Walks over the tensors as a progress bar would, and tells about every hundredth part."""

    def __init__(self, items: Any, model: str, on_event: OnEvent) -> None:
        self._items = items
        self._model = model
        self._on_event = on_event

    def __iter__(self) -> Iterator[Any]:
        total = len(self._items)
        every = max(total // 100, 1)
        for done, item in enumerate(self._items, start=1):
            yield item
            if done % every == 0 or done == total:
                self._on_event(Loading("weights", self._model, done, total))


@contextmanager
def in_plain_words(spec: ModelSpec, weights: Weights) -> Iterator[None]:
    """What is said about files that passed the checks and still do not make a model: ModelDamaged or UnsupportedModel."""
    named = "/".join(weights.architectures)
    try:
        yield
    except ImportError as error:
        raise UnsupportedModel(model=spec.name, architecture=f"{named} ({_first_line(error)})") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise ModelDamaged(model=spec.name, reason=_first_line(error), path=weights.path) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
