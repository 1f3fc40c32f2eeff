"""Pictures in words: what is asked about a picture, and what is said of it."""

from dataclasses import dataclass
from typing import Literal

from pipelines.errors.requests import EmptyPrompt, PromptTooLong, SettingOutOfRange
from pipelines.errors.seeing import NothingToLookAt, TalkTooLong
from pipelines.types.fields import one_line

CaptionTask = Literal["caption", "ask-picture", "read-picture"]
FinishReason = Literal["stop", "length", "cancelled"]
QUESTION_LIMIT_CHARACTERS = 4000
TALK_LIMIT_CHARACTERS = 16_000  # of all that was said before; how many tokens that is, the model counts
MOST_NAMES = 10


@dataclass(frozen=True)
class Exchange:
    """What was asked about a picture, "" for what is on it, and what was answered."""

    question: str
    answer: str


@dataclass(frozen=True)
class CaptionRequest:
    """A picture to be named or described, a question about it, or what is written on it where `reads`. `image` is a file.

    `earlier` is the talk about this picture so far, from its beginning, which the `question` goes on with. `language` is the code of the language to be told in, "" means English. A model that knows names gives `count` of them.
    """

    model: str
    image: str = ""
    question: str = ""
    language: str = ""
    count: int = 5
    reads: bool = False
    earlier: tuple[Exchange, ...] = ()

    kind = "caption"
    lane = "quick"
    adapters = ()
    FILES = ("image",)

    @property
    def task(self) -> CaptionTask:
        if self.reads:
            return "read-picture"
        return "ask-picture" if self.question.strip() else "caption"

    def check(self) -> None:
        """Raises NothingToLookAt, EmptyPrompt, PromptTooLong, TalkTooLong or SettingOutOfRange."""
        if not self.image:
            raise NothingToLookAt()
        if self.earlier and (self.reads or not self.question.strip()):
            raise EmptyPrompt()
        if len(self.question) > QUESTION_LIMIT_CHARACTERS:
            raise PromptTooLong(length=len(self.question), limit=QUESTION_LIMIT_CHARACTERS)
        said = sum(len(one.question) + len(one.answer) for one in self.earlier)
        if said > TALK_LIMIT_CHARACTERS:
            raise TalkTooLong(length=said, limit=TALK_LIMIT_CHARACTERS)
        if not 1 <= self.count <= MOST_NAMES:
            raise SettingOutOfRange(setting="count", value=self.count, low=1, high=MOST_NAMES)

    def title(self) -> str:
        return one_line(self.question)


@dataclass(frozen=True)
class Name:
    """What a picture may show, in each language that the model knows, by code; and how likely it is, 0 … 1."""

    texts: dict[str, str]
    probability: float


@dataclass(frozen=True)
class CaptionResult:
    """What is said of a picture: `text` in the language that was asked for, and `names`, the likeliest one first.

    A model that describes in sentences or answers has no names. `is_known` is False where a model of names saw nothing that it
    knows: then `text` is "", and the names are guesses.
    """

    model: str
    finish_reason: FinishReason
    text: str
    names: tuple[Name, ...] = ()
    is_known: bool = True
    seconds: float = 0.0
    seconds_load: float = 0.0

    kind = "caption"
