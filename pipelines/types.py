"""What goes into a pipeline, what it says on the way, and what comes out: frozen dataclasses, no behaviour but checks.

A request is complete: the same request with the same seed on the same engine, alone, gives the same result.
`to_json` and `from_json` carry requests, events and results across processes. This file knows no model.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field, fields, is_dataclass
from functools import cache
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError

from pipelines.errors import EmptyPrompt, MissingPicture, NoMask, PromptTooLong, SettingOutOfRange

TextTask = Literal["chat", "write", "summarise", "rewrite", "translate", "continue", "fill-mask"]
ImageTask = Literal["text-to-image", "image-to-image", "inpaint", "outpaint", "edit", "upscale"]
Task = Literal[TextTask, ImageTask]
Role = Literal["system", "user", "assistant"]

PROMPT_LIMIT_CHARACTERS = 400_000
STAYS = {"stays": True}  # marks a field that does not cross to another process
MASK = "[MASK]"


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True)
class Adapter:
    """A LoRA adapter: a hub id or a local folder, and its weight in the sum; below 0 it does the opposite."""

    source: str
    weight: float = 1.0

    RANGE = (-2.0, 2.0)

    def check(self) -> None:
        """Raises SettingOutOfRange."""
        low, high = self.RANGE
        if not low <= self.weight <= high:
            raise SettingOutOfRange(setting="adapter weight", value=self.weight, low=low, high=high)


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
    task: TextTask = "chat"
    messages: tuple[Message, ...] = ()
    text: str = ""
    option: str = ""
    answer_prefix: str = ""
    adapters: tuple[Adapter, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)

    kind = "text"
    lane = "quick"  # the worker's lane: "quick" answers within seconds, "long" takes minutes
    FILES = ()  # the fields that hold files: paths in a script, names within the job's folder in a job

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
        for adapter in self.adapters:
            adapter.check()

    def title(self) -> str:
        """One line by which a person knows this request again."""
        asked = self.messages[-1].text if self.task == "chat" and self.messages else self.text
        return one_line(asked)


@dataclass(frozen=True)
class ImageRequest:
    """Pictures out of words, of a picture, or of both.

    What is None or "" is what suits the model: its own size, steps, guidance scale and scheduler. Picture number i of
    `count` is drawn from seed + i. `image` is needed by every task but text-to-image, `mask` (white: draw here) by
    inpaint. `strength` is how far image-to-image and inpaint may leave the picture; `margins` (left, top, right,
    bottom, in pixels) is what outpaint adds; `factor` is what upscale multiplies width and height by.
    """

    model: str
    task: ImageTask = "text-to-image"
    prompt: str = ""
    negative_prompt: str = ""
    image: str = ""
    mask: str = ""
    width: int | None = None
    height: int | None = None
    count: int = 1
    steps: int | None = None
    guidance_scale: float | None = None
    scheduler: str = ""
    strength: float = 0.75
    margins: tuple[int, int, int, int] = (0, 0, 0, 0)
    factor: int = 2
    seed: int | None = None
    adapters: tuple[Adapter, ...] = ()

    kind = "image"
    lane = "long"
    FILES = ("image", "mask")
    RANGES = {
        "width": (8, 4096),
        "height": (8, 4096),
        "count": (1, 64),
        "steps": (1, 500),
        "guidance_scale": (0.0, 50.0),
        "strength": (0.01, 1.0),
        "factor": (2, 8),
        "seed": (0, 2**32 - 1),
    }

    def check(self) -> None:
        """Raises PromptTooLong, MissingPicture or SettingOutOfRange. An empty prompt is for models without words."""
        length = len(self.prompt) + len(self.negative_prompt)
        if length > PROMPT_LIMIT_CHARACTERS:
            raise PromptTooLong(length=length, limit=PROMPT_LIMIT_CHARACTERS)
        if self.task != "text-to-image" and not self.image:
            raise MissingPicture(what="picture")
        if self.task == "inpaint" and not self.mask:
            raise MissingPicture(what="mask")
        for setting, (low, high) in self.RANGES.items():
            value = getattr(self, setting)
            if value is not None and not low <= value <= high:
                raise SettingOutOfRange(setting=setting, value=value, low=low, high=high)
        for value in self.margins:
            if not 0 <= value <= 2048:
                raise SettingOutOfRange(setting="margins", value=value, low=0, high=2048)
        for adapter in self.adapters:
            adapter.check()

    def title(self) -> str:
        """One line by which a person knows this request again."""
        return one_line(self.prompt)


@dataclass(frozen=True)
class DownloadRequest:
    """The files of a hub model onto this machine, as `revision`; with the part that an earlier try has left."""

    model: str
    revision: str = "main"

    kind = "download"
    lane = "download"
    FILES = ()

    def check(self) -> None:
        """Nothing can be wrong that the hub would not say better."""

    def title(self) -> str:
        return self.model


@dataclass(frozen=True)
class LoadRequest:
    """A model into memory before anybody asks it something; `is_pinned` keeps it there."""

    model: str
    is_pinned: bool = False

    kind = "load"
    lane = "long"
    FILES = ()

    def check(self) -> None:
        """Nothing can be wrong that loading would not say better."""

    def title(self) -> str:
        return self.model


Request = TextRequest | ImageRequest | DownloadRequest | LoadRequest


def one_line(text: str) -> str:
    """`text` on one line of at most 60 characters."""
    line = " ".join(text.split())
    return line if len(line) <= 60 else line[:59] + "…"


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
class Plan:
    """What is about to be done so that `model` fits, before it is done.

    `other` is the model that is dropped ("drops"), parked in RAM ("parks") or waited for ("waits"); or the form in which
    `model` itself is loaded ("shrinks": "half", "int8", "int4", "disk"). "asks" asks other processes to give memory
    back. `size_bytes` is what that frees, or what the form takes; `seconds` how long it will take, 0 where nobody knows.
    """

    model: str
    action: Literal["drops", "parks", "waits", "asks", "shrinks"]
    other: str = ""
    size_bytes: int = 0
    seconds: float = 0.0

    kind = "plan"


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


@dataclass(frozen=True)
class Preview:
    """How a picture looks after `step` of `total` steps, roughly. The JPEG stays in its process, `file` names where it went."""

    step: int
    total: int
    file: str = ""
    jpeg: bytes = field(default=b"", compare=False, metadata=STAYS)

    kind = "preview"


Event = Loading | Plan | Progress | Token | Preview


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
class Drawing:
    """What a pipeline hands to an image model: one batch, with every setting known.

    Picture number i comes from `seeds[i]`. `image` is a PIL picture in RGB and `mask` one in L (white: draw here), both
    of (request.width, request.height); to be upscaled it has its own size.
    """

    request: ImageRequest
    seeds: tuple[int, ...]
    image: Any = None
    mask: Any = None


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


@dataclass(frozen=True)
class ImageResult:
    """Pictures, each of (width, height), with every setting that was really used, so that they can be made again.

    `request` is the request with its blanks filled in. `images` are PIL pictures in RGB or RGBA and stay in their
    process. `seconds` is the work without loading, `steps_done` counts denoising steps over all batches.
    """

    model: str
    request: ImageRequest
    width: int
    height: int
    finish_reason: Literal["stop", "cancelled"]
    steps_done: int
    seconds: float
    seconds_load: float = 0.0
    images: tuple[Any, ...] = field(default=(), compare=False, metadata=STAYS)

    kind = "image"

    @property
    def steps_per_second(self) -> float:
        return self.steps_done / self.seconds if self.seconds > 0 else 0.0


@dataclass(frozen=True)
class DownloadResult:
    """The commit that is on this machine now, and how many bytes of it this download brought."""

    model: str
    revision: str
    size_bytes: int
    new_bytes: int
    seconds: float
    finish_reason: Literal["stop", "cancelled"] = "stop"

    kind = "download"


@dataclass(frozen=True)
class LoadResult:
    """A model is in memory."""

    model: str
    size_bytes: int
    seconds: float
    finish_reason: Literal["stop", "cancelled"] = "stop"

    kind = "load"


Result = TextResult | ImageResult | DownloadResult | LoadResult

OnEvent = Callable[[Event], None]
IsCancelled = Callable[[], bool]
Look = Callable[[], Any]  # a PIL picture of how far a drawing has come, or None; costs a few milliseconds
OnStep = Callable[[int, int, Look], None]  # steps done, steps of this batch (0: before the first); may raise to stop it


def ignore(event: Event) -> None:
    """The `on_event` of a caller who only wants the result."""


def never() -> bool:
    """The `is_cancelled` of a caller who waits for the end."""
    return False


# ── models ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ImageDefaults:
    """What suits an image model: pixels, denoising steps, guidance scale (1: none)."""

    width: int
    height: int
    steps: int
    guidance_scale: float


@dataclass(frozen=True)
class ModelSpec:
    """One row of the catalog, or what was found out about a pasted hub id or folder.

    `source` is "starter" (a packaged model, see `pipelines/loading/starter.py`), "hub", "folder", or "none" for a method
    without weights; `location` is the starter's name, the hub id, or the folder or file. `size_bytes` is the size on
    disk, 0 where it is not known. `attribution` is whom to name beside what the model makes, where its licence asks that.
    """

    id: str
    name: str
    family: str
    tasks: tuple[Task, ...]
    source: Literal["starter", "hub", "folder", "none"]
    location: str
    revision: str = "main"
    size_bytes: int = 0
    parameters: int = 0
    licence: str = ""
    licence_url: str = ""
    attribution: str = ""
    languages: tuple[str, ...] = ()
    context_tokens: int = 0
    defaults: ImageDefaults | None = None
    is_gated: bool = False
    note_en: str = ""
    note_zh: str = ""


# ── across processes ──────────────────────────────────────────────────────────────────────────────────────────────────

_CROSSING: dict[str, dict[str, type]] = {
    "request": {cls.kind: cls for cls in (TextRequest, ImageRequest, DownloadRequest, LoadRequest)},
    "event": {cls.kind: cls for cls in (Loading, Plan, Progress, Token, Preview)},
    "result": {cls.kind: cls for cls in (TextResult, ImageResult, DownloadResult, LoadResult)},
}


def to_json(value: Any) -> dict:
    """A request, event or result as JSON-ready data; `from_json` reads it back."""
    return {"kind": value.kind, **_plain(value)}


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


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, without the fields that stay in their process."""
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.metadata != STAYS}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


@cache
def _adapter(cls: type) -> TypeAdapter:
    return TypeAdapter(cls)
