"""A study: which settings of a training are best, found by trying them."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from pipelines.errors.requests import MalformedRequest, PromptTooLong, SettingOutOfRange
from pipelines.types.fields import one_line
from pipelines.types.training import NAME_LIMIT_CHARACTERS, Preset, Setting, TrainRequest

Method = Literal["tpe", "random", "grid"]
TrialState = Literal["running", "done", "pruned", "cut", "failed"]
METHODS: tuple[Method, ...] = ("tpe", "random", "grid")
MOST_TRAINERS = 6


@dataclass(frozen=True)
class StudyRequest:
    """Trainings of `trainers` on `dataset`, each with other settings, judged by their metric on held-out data.

    `method` "tpe" learns from the trials before and ends hopeless ones early. `vary` are the settings that change, () for those
    that usually matter; `ranges` are bounds of one's own, (lowest, highest). `settings` hold for all trials, where a trainer has
    them. No trial begins after `trials` of them or after `minutes` of work (0: no limit); the one at work then is cut short.
    """

    trainers: tuple[str, ...]
    dataset: str = ""
    settings: dict[str, Setting] = field(default_factory=dict)
    preset: Preset = ""
    base: str = ""
    vary: tuple[str, ...] = ()
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    method: Method = "tpe"
    trials: int = 12
    minutes: float = 0.0
    seed: int = 0
    name: str = ""
    model: str = ""  # none is asked

    kind = "study"
    lane = "flow"
    FILES = ()
    RANGES: ClassVar = {"trials": (1, 200), "minutes": (0.0, 10_000.0), "seed": (0, 2**32 - 1)}

    def check(self) -> None:
        """Raises MalformedRequest, PromptTooLong or SettingOutOfRange. What trainers and settings there are only training knows."""
        if not 1 <= len(self.trainers) <= MOST_TRAINERS or len(set(self.trainers)) != len(self.trainers):
            raise MalformedRequest(reason=f"a study is of 1 to {MOST_TRAINERS} different trainers")
        if self.method not in METHODS:
            raise MalformedRequest(reason=f"a method is one of {', '.join(METHODS)}")
        for setting, (low, high) in self.RANGES.items():
            if not low <= getattr(self, setting) <= high:
                raise SettingOutOfRange(setting=setting, value=getattr(self, setting), low=low, high=high)
        for text in (*self.vary, *self.ranges):
            if len(text) > NAME_LIMIT_CHARACTERS:
                raise PromptTooLong(length=len(text), limit=NAME_LIMIT_CHARACTERS)
        for trainer in self.trainers:
            self.training(trainer, {}).check()

    def training(self, trainer: str, settings: dict[str, Setting], *, keeps_model: bool = False) -> TrainRequest:
        """One trial, or the training that follows the best one."""
        return TrainRequest(trainer, self.dataset, settings, self.preset, self.base, self.name, keeps_model=keeps_model)

    def title(self) -> str:
        return one_line(self.name) or f"{', '.join(self.trainers)} · {self.dataset}"


@dataclass(frozen=True)
class Trial:
    """One of them: `settings` are what differs from the preset. `value` is the metric that it came to, None before it has one.

    `state`: "done" with all its steps; "pruned": ended early, others were better by then; "cut": the time was over; "failed"
    with `error` in English. `seconds` of work.
    """

    number: int
    trainer: str
    settings: dict[str, Setting]
    state: TrialState = "running"
    value: float | None = None
    seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class StudyResult:
    """All trials, and the number of the `best` one, None where none has a value. `importance` says how much of the differences each
    setting explains, together 1; {} where there were too few trials to say.
    """

    metric: str
    is_better: Literal["higher", "lower"]
    trials: tuple[Trial, ...]
    best: int | None
    importance: dict[str, float]
    finish_reason: Literal["stop", "cancelled"]
    seconds: float
    model: str = ""

    kind = "study"
