"""Stands between a diffusers pipeline and its tokenizers, and so knows how much of a prompt its text encoders read.

CLIP reads 77 tokens, T5 as many as its pipeline asks for; what is beyond is cut without a word. A pipeline may have
several encoders: what one of them reads has been read. It knows no encoder and no picture.
"""

import copy
from collections.abc import Callable
from functools import partial
from typing import Any


class Reading:
    """One call's listening. `prompt` is what the person wrote."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._read_to = -1  # characters of the prompt that an encoder has read; -1: no tokenizer was asked

    @property
    def unread(self) -> str:
        """The end of the prompt that no text encoder has read."""
        return "" if self._read_to < 0 else self._prompt[self._read_to :].strip()

    def heard(self, tokenizer: Any) -> Any:
        """The same tokenizer, listened to. The shared one is left as it is."""
        listened = copy.copy(tokenizer)
        listened.__class__ = _listening(type(tokenizer), self)
        return listened

    def take_in(self, tokenize: Callable[..., Any], text: Any, settings: dict[str, Any]) -> None:
        """A call of a tokenizer: `text` a string or a list of them. What it is not to cut, it reads whole elsewhere."""
        if not settings.get("truncation"):
            return
        for one in {text} if isinstance(text, str) else set(text or ()):
            at = _find(self._prompt, one)
            if at is not None:
                cut = {"truncation": True, "max_length": settings.get("max_length"), "return_offsets_mapping": True}
                ends = [end for _, end in tokenize(one, **cut)["offset_mapping"]]
                self._read_to = max(self._read_to, min(max(ends, default=0) - at, len(self._prompt)), 0)


def is_tokenizer(part: Any) -> bool:
    """Whether a component is one that can say where each token stands in the text."""
    return bool(getattr(part, "is_fast", False))


def _find(prompt: str, text: str) -> int | None:
    """Where `prompt` stands in `text`, which may be a template around it; None where it does not, as in a negative prompt."""
    words = prompt.strip().casefold()
    at = text.casefold().find(words) if words else -1
    return None if at < 0 else at - (len(prompt) - len(prompt.lstrip()))


def _listening(cls: Any, reading: Reading) -> type:
    """A class like `cls`, under its name, whose calls are heard."""

    def call(self: Any, text: Any = None, *more: Any, **settings: Any) -> Any:
        if not more and isinstance(text, str | list | tuple):
            reading.take_in(partial(cls.__call__, self), text, settings)
        return cls.__call__(self, text, *more, **settings)

    return type(cls.__name__, (cls,), {"__call__": call, "__module__": cls.__module__})
