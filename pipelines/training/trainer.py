"""What a trainer is, which there are, and how the settings of one are read from a request. It knows no network.

A file of trainers/ has the same shape as the others:

    DATA: Kind                      what it learns from
    METRIC: str                     the key of `evaluate()` by which it is judged;  IS_BETTER: "higher" or "lower"
    NEEDS_MODEL: bool               whether it goes on from a model that is there already
    BASES: tuple[Task, ...]         what such a model can do; where NEEDS_MODEL is false and BASES are named, one may be chosen
    MOST_SIDE: int                  of a person's own pictures, where it reads more than the usual 128 pixels of a side; else left out
    ACCUMULATES: bool               false where a step is more than one `descend` of an optimiser; without it true
    Settings                        a frozen dataclass of plain fields and a `plan: Plan`; ranges by `plan.ranged`. One that learns
                                    from pictures, texts or sounds has an `augment` of augmentation/ and obeys it
    PRESETS: {"cpu": …, "gpu": …}   "cpu" visibly learns within two minutes on two slow cores
    baseline(data, settings) -> dict    what needs no learning: METRIC, and whatever else is worth knowing ({}: see the first step)
    size(settings) -> Size          of its networks, see estimate.py; share(settings) of a base's weights that are trained
    start(settings, data, device, base) -> Course       `base` is a BaseModel where one was chosen, else None

A Course whose METRIC is a mean over held-out examples may also have `held_out_scores() -> Scores`: then two runs can be compared
with a confidence interval.

One that learns something else first has `judged_from`, the step from which METRIC says something: no earlier one ends a run.

To add a trainer, add a file. It imports its libraries when it starts, so that a page can show its settings.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

import pipelines.training.trainers
from pipelines.errors.requests import SettingOutOfRange
from pipelines.errors.training import UnknownSetting, WrongSetting
from pipelines.training.plan import Plan
from pipelines.training.ranks import average_gradients
from pipelines.types.training import Setting

if TYPE_CHECKING:
    import torch
    from PIL import Image


@dataclass(frozen=True)
class Sample:
    """What a network makes now: a PIL picture, or lines of text."""

    picture: "Image.Image | None" = None
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Scores:
    """What METRIC is made of: one value for each held-out example. METRIC is their mean, or its exponential (`is_log`).

    `examples` says how the data were cut into them: where it is the same, of the same data, they are the same ones in the same order.
    `unit` says in whose terms a value is, where these are a base's own (its latents): values in others cannot be held against it.
    """

    values: tuple[float, ...]
    examples: str
    is_log: bool = False
    unit: str = ""


class Course(Protocol):
    """What the loop is handed. `networks` and `optimisers` are all that changes, and so all that a checkpoint carries.

    While it evaluates, samples and exports, the networks are in evaluation mode and hold their averaged weights.
    """

    networks: "dict[str, torch.nn.Module]"
    optimisers: "dict[str, torch.optim.Optimizer]"

    def step(self, number: int) -> dict[str, float]:
        """Step number 0, 1, …, on a batch drawn from torch's global generator, which the loop has seeded: `loss` and others."""
        ...

    def evaluate(self) -> dict[str, float]:
        """On held-out data. The same weights give the same numbers."""
        ...

    def sample(self) -> Sample:
        """Always from the same noise, so that only the weights make the difference."""
        ...

    def export(self, folder: Path) -> dict[str, Any]:
        """Writes a model folder that a family serves, into the empty `folder`; what is worth knowing about it besides."""
        ...


def find_trainers() -> dict[str, ModuleType]:
    """Every module of trainers/ by name."""
    names = [module.name for module in pkgutil.iter_modules(pipelines.training.trainers.__path__)]
    return {name: importlib.import_module(f"pipelines.training.trainers.{name}") for name in names}


def accumulates(trainer: ModuleType) -> bool:
    """Whether gradients of several batches may make one step."""
    return bool(getattr(trainer, "ACCUMULATES", True))


def takes_model(trainer: ModuleType) -> bool:
    """Whether it goes on from a model that is there, always or where one is chosen."""
    return bool(trainer.NEEDS_MODEL or getattr(trainer, "BASES", ()))


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def flat(settings: Any) -> dict[str, Setting]:
    """The plain fields of a Settings by name, those of its plan as "plan.<name>"."""
    found: dict[str, Setting] = {}
    for one in fields(settings):
        value = getattr(settings, one.name)
        if is_dataclass(value):
            found |= {f"{one.name}.{name}": inner for name, inner in flat(value).items()}
        elif isinstance(value, str | int | float | bool):
            found[one.name] = value
    return found


def ranges(settings: Any) -> dict[str, tuple[float, float]]:
    """(lowest, highest) of the fields that have them, by the same names."""
    return _told(settings, "range")


def choices(settings: Any) -> dict[str, tuple[str, ...]]:
    """What a text field may be, by name."""
    return _told(settings, "choices")


def _told(settings: Any, what: str) -> dict[str, Any]:
    """What the fields that have it say under `what`, also of the parts that a Settings is made of."""
    found = {}
    for one in fields(settings):
        if what in one.metadata:
            found[one.name] = one.metadata[what]
        elif is_dataclass(value := getattr(settings, one.name)):
            found |= {f"{one.name}.{name}": told for name, told in _told(value, what).items()}
    return found


def changed(trainer: str, settings: Any, wanted: Mapping[str, Setting]) -> Any:
    """`settings` with what `wanted` says. Raises UnknownSetting, WrongSetting, SettingOutOfRange."""
    known, bounds, options = flat(settings), ranges(settings), choices(settings)
    parts: dict[str, dict[str, Setting]] = {}
    for name, value in wanted.items():
        # 1 Is there such a setting, and is that a value for it?
        if name not in known:
            raise UnknownSetting(trainer=trainer, setting=name, known=", ".join(known))
        value = _as(type(known[name]), name, value)
        if name in bounds and not bounds[name][0] <= value <= bounds[name][1]:  # type: ignore[operator]
            raise SettingOutOfRange(setting=name, value=value, low=bounds[name][0], high=bounds[name][1])
        if name in options and value not in options[name]:
            raise WrongSetting(setting=name, value=value, wanted=" / ".join(options[name]))

        # 2 Its own, or one of a part: of the plan, of how the data are changed
        where, _, inner = name.rpartition(".")
        parts.setdefault(where, {})[inner] = value
    own = parts.pop("", {})
    return replace(settings, **own, **{name: replace(getattr(settings, name), **new) for name, new in parts.items()})


def _as(kind: type, name: str, value: Setting) -> Setting:
    """A whole number stands for a fraction too; nothing else is turned into anything else."""
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        words = {int: "a whole number", float: "a number", bool: "true / false", str: "text"}
        raise WrongSetting(setting=name, value=value, wanted=words[kind])
    return value


# ── what the steps of most trainers have in common ────────────────────────────────────────────────────────────────────


def autocast(plan: Plan, device: str) -> Any:
    """Where losses are computed: in bfloat16 where the plan says so. Needs no scaling of gradients."""
    import torch

    return torch.autocast(device, torch.bfloat16, enabled=plan.bf16)


def adam(network: "torch.nn.Module", plan: Plan) -> "torch.optim.Optimizer":
    """AdamW over what of `network` is trained (Loshchilov & Hutter 2017, arXiv 1711.05101)."""
    import torch

    trained = [parameter for parameter in network.parameters() if parameter.requires_grad]
    return torch.optim.AdamW(
        trained, lr=plan.learning_rate, betas=plan.betas, weight_decay=plan.weight_decay, fused=True
    )


def descend(loss: "torch.Tensor", optimiser: "torch.optim.Optimizer", plan: Plan, number: int) -> dict[str, float]:
    """One step of `optimiser` down the gradient of `loss`, with the learning rate and the clipping of the plan.

    With `plan.accumulation` it is the last of so many calls that steps; those before only add their gradients. Under
    `accelerate launch` the gradient is the mean of all processes' (ranks.py).
    """
    import torch

    # 1 Gradients, of this batch and those before it
    first = optimiser.param_groups[0]
    if plan.accumulation > 1:
        first["parts"] = first.get("parts", 0) % plan.accumulation + 1
        loss = loss / plan.accumulation
    loss.backward()
    told = {"loss": loss.item() * plan.accumulation, "learning_rate": plan.learning_rate_at(number)}
    if plan.accumulation > 1 and first["parts"] < plan.accumulation:
        return told

    # 2 A step
    for group in optimiser.param_groups:
        group["lr"] = plan.learning_rate_at(number)
    trained = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    average_gradients(trained)
    norm = torch.nn.utils.clip_grad_norm_(trained, plan.gradient_norm)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return {**told, "gradient_norm": norm.item()}
