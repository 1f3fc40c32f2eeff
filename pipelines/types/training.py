"""Training: what is asked, what a run says on its way, what comes out."""

import re
from dataclasses import dataclass, field
from typing import Literal

from pipelines.errors.requests import MalformedRequest, PromptTooLong
from pipelines.types.fields import one_line

Setting = str | int | float | bool
Preset = Literal["cpu", "gpu", ""]
NAME_LIMIT_CHARACTERS = 100
RUN_ID = re.compile(r"[0-9a-f]{32}")
_MODULE = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True)
class TrainRequest:
    """One go at a training run: a trainer on a data set.

    `trainer` and `dataset` are the names of their files. `preset` is where the settings start from ("": what suits the
    device) and `settings` holds only what differs from it, a field of the plan as "plan.<field>". `model` is the base,
    where the trainer needs one. `name` is what the person calls the run. `run` is the id of the run to go on with, or
    "" for a new one. A trial of a study keeps no model: only what it came to is asked.
    """

    trainer: str
    dataset: str = ""
    settings: dict[str, Setting] = field(default_factory=dict)
    preset: Preset = ""
    model: str = ""
    name: str = ""
    run: str = ""
    keeps_model: bool = True

    kind = "train"
    lane = "training"
    FILES = ()

    def check(self) -> None:
        """Raises MalformedRequest or PromptTooLong. Whether there is such a trainer and such settings only training knows."""
        for what in (self.trainer, self.dataset):
            if what and not _MODULE.fullmatch(what):
                raise MalformedRequest(reason=f"no name of a trainer or a data set: {what[:100]!r}")
        if self.preset not in ("", "cpu", "gpu"):
            raise MalformedRequest(reason="a preset is cpu or gpu")
        if not self.trainer:
            raise MalformedRequest(reason="no trainer is named")
        if self.run and not RUN_ID.fullmatch(self.run):
            raise MalformedRequest(reason="no id of a run")
        for text in (self.name, self.model, *self.settings, *map(str, self.settings.values())):
            if len(text) > NAME_LIMIT_CHARACTERS:
                raise PromptTooLong(length=len(text), limit=NAME_LIMIT_CHARACTERS)

    def title(self) -> str:
        """One line by which a person knows this run again."""
        return one_line(self.name) or f"{self.trainer} · {self.dataset}"


@dataclass(frozen=True)
class Metrics:
    """What was measured after `step` of `total` optimiser steps, by name: loss, learning_rate, gradient_norm, seconds …"""

    step: int
    total: int
    values: dict[str, float]

    kind = "metrics"


@dataclass(frozen=True)
class Sampled:
    """What the model makes after `step` steps: a PNG named `file` in the run's folder `samples`, or lines of text."""

    step: int
    file: str = ""
    texts: tuple[str, ...] = ()

    kind = "sampled"


@dataclass(frozen=True)
class TrainResult:
    """How far the run `run` has come. `metrics` are the last ones on held-out data, the baseline's as "baseline_<name>".

    `model` is the id under which the finished model stands in the catalog, "" while there is none. `seconds` counts
    the work over all goes at the run. `finish_reason` is "stop" (all steps are done), "saved" (stopped, a checkpoint
    stands) or "cancelled" (stopped, what came after the last checkpoint is gone).
    """

    trainer: str
    name: str
    run: str
    step: int
    seconds: float
    finish_reason: Literal["stop", "saved", "cancelled"]
    model: str = ""
    metrics: dict[str, float] = field(default_factory=dict)

    kind = "train"
