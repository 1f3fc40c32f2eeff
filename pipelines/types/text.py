"""Text: what is asked, what a model hands to its pipeline, what comes out."""

from dataclasses import dataclass, field
from typing import Literal

from pipelines.errors.requests import EmptyPrompt, NoMask, PromptTooLong, SettingOutOfRange
from pipelines.types.adapter import Adapter
from pipelines.types.fields import PROMPT_LIMIT_CHARACTERS, one_line
from pipelines.types.poem import check_poem

TextTask = Literal["chat", "write", "summarise", "rewrite", "translate", "continue", "fill-mask", "poem"]
Role = Literal["system", "user", "assistant"]
MASK = "[MASK]"


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Role
    text: str


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
    `rewrite`. `fill-mask` reads a `text` with one [MASK] and ignores the sampling. `poem` writes Chinese verse of the form
    `option` about `text`, beginning with the line `answer_prefix`, its lines with the characters `heads`: any one will do.
    """

    model: str
    task: TextTask = "chat"
    messages: tuple[Message, ...] = ()
    text: str = ""
    option: str = ""
    answer_prefix: str = ""
    heads: str = ""
    adapters: tuple[Adapter, ...] = ()
    sampling: Sampling = field(default_factory=Sampling)

    kind = "text"
    lane = "quick"  # the worker's lane: "quick" answers within seconds, "sound" and "long" take minutes
    FILES = ()  # the fields that hold files: paths in a script, names within the job's folder in a job

    def check(self) -> None:
        """Raises EmptyPrompt, PromptTooLong, NoMask, SettingOutOfRange, or what is wrong with the wish for a poem."""
        if not self._asked().strip():
            raise EmptyPrompt()
        texts = (self.text, self.option, self.answer_prefix, self.heads, *(message.text for message in self.messages))
        length = sum(len(text) for text in texts)
        if length > PROMPT_LIMIT_CHARACTERS:
            raise PromptTooLong(length=length, limit=PROMPT_LIMIT_CHARACTERS)
        if self.task == "fill-mask" and MASK not in self.text:
            raise NoMask()
        if self.task == "poem":
            check_poem(self.option, self.text.strip(), self.answer_prefix, self.heads)
        self.sampling.check()
        for adapter in self.adapters:
            adapter.check()

    def title(self) -> str:
        """One line by which a person knows this request again."""
        return one_line(self._asked())

    def _asked(self) -> str:
        if self.task == "chat" and self.messages:
            return self.messages[-1].text
        return self.text or (self.answer_prefix or self.heads if self.task == "poem" else "")


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
