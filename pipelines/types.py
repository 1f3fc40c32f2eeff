"""What goes into a pipeline, what it says on the way, and what comes out: frozen dataclasses, no behaviour but checks.

A request is complete: the same request with the same seed on the same engine, alone, gives the same result.
`to_json` and `from_json` carry requests, events and results across processes. This file knows no model.
"""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from pipelines.errors import EmptyPrompt, NoMask, PromptTooLong, SettingOutOfRange

Task = Literal["chat", "write", "summarise", "rewrite", "translate", "continue", "fill-mask"]
Role = Literal["system", "user", "assistant"]

PROMPT_LIMIT_CHARACTERS = 400_000
MASK = "[MASK]"


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter: a hub id or a local folder, and its weight in the sum (0 … 2)."""

    source: str
    weight: float = 1.0


@dataclass(frozen=True)
class Sampling:
    """How the next token is drawn. `seed=None` draws a seed; the result names the one that was used."""

    max_new_tokens: int = 512
    temperature: float = 0.7
    top_p: float = 0.9
    top_k: int = 40
    repetition_penalty: float = 1.1
    seed: int | None = None

    RANGES = {
        "max_new_tokens": (1, 8192),
        "temperature": (0.0, 2.0),
        "top_p": (0.01, 1.0),
        "top_k": (0, 1000),
        "repetition_penalty": (0.5, 2.0),
        "seed": (0, 2**32 - 1),
    }

    def check(self) -> None:
        """Raises SettingOutOfRange. A temperature of 0 is greedy, a top_k of 0 means no limit."""
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if value is not None and not low <= value <= high:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)


@dataclass(frozen=True)
class TextRequest:
    """Text out of text.

    `chat` reads `messages` (the whole conversation, last one by the user) and may start its answer with
    `answer_prefix`; every other task reads `text`. `option` is the target language of `translate` or the tone of
    `rewrite`. `fill-mask` reads a `text` with one [MASK] and ignores the sampling.
    """

    model: str
    task: Task = "chat"
    messages: tuple[Message, ...] = ()
    text: str = ""
    option: str = ""
    answer_prefix: str = ""
    adapters: tuple[Adapter, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)

    kind = "text"
    lane = "quick"  # the worker's lane: "quick" answers within seconds, "long" takes minutes

    def check(self) -> None:
        """Raises EmptyPrompt, PromptTooLong, NoMask or SettingOutOfRange."""
        asked = self.messages[-1].text if self.task == "chat" and self.messages else self.text
        if not asked.strip():
            raise EmptyPrompt()
        texts = (self.text, self.option, self.answer_prefix, *(message.text for message in self.messages))
        length = sum(len(text) for text in texts)
        if length > PROMPT_LIMIT_CHARACTERS:
            raise PromptTooLong(length=length, limit=PROMPT_LIMIT_CHARACTERS)
        if self.task == "fill-mask" and MASK not in self.text:
            raise NoMask()
        self.sampling.check()

    def title(self) -> str:
        """One line by which a person knows this request again."""
        asked = self.messages[-1].text if self.task == "chat" and self.messages else self.text
        line = " ".join(asked.split())
        return line if len(line) <= 60 else line[:59] + "…"


Request = TextRequest


# ── what a pipeline says on its way ───────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Loading:
    """A stage of bringing the model in: `done` of `total` (bytes when downloading, tensors for weights; 0 unknown)."""

    stage: Literal["download", "convert", "weights", "ready"]
    model: str
    done: int = 0
    total: int = 0

    kind = "loading"


@dataclass(frozen=True)
class Progress:
    """`done` of `total` units of the work itself, such as prompt tokens read."""

    done: int
    total: int
    unit: str

    kind = "progress"


@dataclass(frozen=True)
class Token:
    """More text of the answer; joined in order the tokens are the answer."""

    text: str

    kind = "token"


Event = Loading | Progress | Token


@dataclass(frozen=True)
class Piece:
    """What a text model hands to its pipeline: the tokens since the last piece. It knows no text.

    `at_seconds` is the reading of `time.perf_counter` when its newest token was made. Of the prompt,
    `prompt_tokens_reused` were still known from an earlier request. The last piece has a `finish_reason`.
    """

    token_ids: tuple[int, ...]
    at_seconds: float
    prompt_tokens_reused: int = 0
    finish_reason: Literal["stop", "length", "cancelled"] | None = None


@dataclass(frozen=True)
class Candidate:
    """One way to fill the gap: the word, its probability (0 … 1), and the whole sentence."""

    word: str
    probability: float
    sentence: str


@dataclass(frozen=True)
class TextResult:
    """What came out, with what is needed to make it again and honest figures of how it went.

    `seconds_prefill` runs from the start of the computation to the first token, `seconds_decode` from the first token
    to the last; loading is in neither. Of the `prompt_tokens`, `prompt_tokens_reused` were known from an earlier request
    with the same beginning and were not computed again. `finish_reason` is "stop", "length" (max_new_tokens reached) or "cancelled".
    """

    text: str
    model: str
    seed: int
    finish_reason: Literal["stop", "length", "cancelled"]
    prompt_tokens: int
    new_tokens: int
    seconds_prefill: float
    seconds_decode: float
    seconds_load: float = 0.0
    prompt_tokens_reused: int = 0
    candidates: tuple[Candidate, ...] = ()

    kind = "text"

    @property
    def decode_tokens_per_second(self) -> float:
        """New tokens after the first, over the time from the first to the last; 0 when there is no such time."""
        return (self.new_tokens - 1) / self.seconds_decode if self.new_tokens > 1 and self.seconds_decode > 0 else 0.0

    @property
    def prefill_tokens_per_second(self) -> float:
        """Prompt tokens really computed, over the time to the first token; 0 when there is no such time."""
        computed = self.prompt_tokens - self.prompt_tokens_reused
        return computed / self.seconds_prefill if self.seconds_prefill > 0 else 0.0


Result = TextResult

OnEvent = Callable[[Event], None]
IsCancelled = Callable[[], bool]


def ignore(event: Event) -> None:
    """The `on_event` of a caller who only wants the result."""


def never() -> bool:
    """The `is_cancelled` of a caller who waits for the end."""
    return False


# ── models ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ModelSpec:
    """One row of the catalog, or what was found out about a pasted hub id or folder.

    `source` is "starter" (a packaged model, see `pipelines/loading/starter.py`), "hub" or "folder"; `location` is the
    starter's name, the hub id, or the folder or file. `size_bytes` is the size on disk, 0 where it is not known.
    """

    id: str
    name: str
    family: str
    tasks: tuple[Task, ...]
    source: Literal["starter", "hub", "folder"]
    location: str
    revision: str = "main"
    size_bytes: int = 0
    parameters: int = 0
    licence: str = ""
    licence_url: str = ""
    languages: tuple[str, ...] = ()
    context_tokens: int = 0
    is_gated: bool = False
    note_en: str = ""
    note_zh: str = ""


# ── across processes ──────────────────────────────────────────────────────────────────────────────────────────────────

_CROSSING: dict[str, dict[str, type]] = {
    "request": {cls.kind: cls for cls in (TextRequest,)},
    "event": {cls.kind: cls for cls in (Loading, Progress, Token)},
    "result": {cls.kind: cls for cls in (TextResult,)},
}


def to_json(value: Any) -> dict:
    """A request, event or result as JSON-ready data; `from_json` reads it back."""
    return {"kind": value.kind, **asdict(value)}


def from_json(what: Literal["request", "event", "result"], data: dict) -> Any:
    """Read what `to_json` wrote. Raises ValueError on an unknown kind, a missing field or a wrong type.

    Strict, as JSON is: "5" and 5.0 are no whole number, 1 is a fraction too, a list is a tuple.
    """
    fields = dict(data)
    kind = fields.pop("kind", None)
    cls = _CROSSING[what].get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ValueError(f"unknown {what}: {kind!r}")
    try:
        return _adapter(cls).validate_json(json.dumps(fields), strict=True)
    except (ValidationError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


@cache
def _adapter(cls: type) -> TypeAdapter:
    return TypeAdapter(cls)
