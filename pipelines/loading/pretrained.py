"""Brings a transformers model and its tokenizer into memory: the one call of `from_pretrained`, with everything unsafe off.

Only files on this machine, only safetensors or GGUF, never code of the model's own; a checkpoint that leaves a weight
unset is refused, because transformers would fill it with random numbers. It is handed the Auto class and knows no family.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from pipelines.errors import ModelDamaged, UnsupportedModel
from pipelines.loading.devices import Place, fit, is_out_of_memory
from pipelines.loading.weights import Weights
from pipelines.types import Loading, ModelSpec, OnEvent

WEIGHTS_BAR = "Loading weights"  # how transformers labels the bar that counts tensors


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
    source = {"gguf_file": weights.path.name} if weights.file_format == "gguf" else {}
    safe = {"local_files_only": True, "trust_remote_code": False, **source}
    place = fit(place, weights.parameters * 2)
    placed = {"dtype": getattr(torch, place.dtype), "device_map": place.device_map}
    if weights.file_format == "safetensors":
        placed["use_safetensors"] = True

    # 3 Tokenizer and weights
    with _in_plain_words(spec, weights), _weights_progress(spec.name, on_event):
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **safe)
        model, report = auto_class.from_pretrained(folder, output_loading_info=True, **safe, **placed)
    missing = sorted(report.get("missing_keys") or ())
    if missing:
        raise ModelDamaged(model=spec.name, reason=f"{len(missing)} weights are missing ({missing[0]})", path=folder)
    return model.eval(), tokenizer


def forecast_bytes(weights: Weights, place: Place) -> int:
    """What `load_pretrained` will need in memory: every number in the format that it is loaded in, GGUF unpacked."""
    bytes_each = 4 if fit(place, weights.parameters * 2).dtype == "float32" else 2
    return weights.parameters * bytes_each


def drop(model: Any) -> None:
    """Takes accelerate's hooks off a dispatched model, so that nothing keeps its weights alive."""
    from accelerate.hooks import remove_hook_from_module

    remove_hook_from_module(model, recurse=True)


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
def _in_plain_words(spec: ModelSpec, weights: Weights) -> Iterator[None]:
    """What transformers says about files that passed the checks and still do not make a model."""
    named = "/".join(weights.architectures)
    try:
        yield
    except ImportError as error:
        raise UnsupportedModel(model=spec.name, architecture=f"{named} ({_first_line(error)})") from error
    except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
        if is_out_of_memory(error):
            raise
        raise ModelDamaged(model=spec.name, reason=_first_line(error), path=weights.path) from error


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:160] if lines else type(error).__name__
