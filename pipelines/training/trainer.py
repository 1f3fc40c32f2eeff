"""What a trainer is, which there are, and how the settings of one are read from a request. It knows no network.

A file of trainers/ has the same shape as the others:

    DATA: Kind                      what it learns from
    METRIC: str                     the key of `evaluate()` by which it is judged;  IS_BETTER: "higher" or "lower"
    NEEDS_MODEL: bool               whether it goes on from a model that is there already
    Settings                        a frozen dataclass of plain fields and a `plan: Plan`; ranges by `plan.ranged`
    PRESETS: {"cpu": …, "gpu": …}   "cpu" visibly learns within two minutes on two slow cores
    baseline(data, settings) -> dict    what needs no learning: METRIC, and whatever else is worth knowing ({}: see the first step)
    start(settings, data, device, base) -> Course       `base` is a BaseModel where NEEDS_MODEL, else None

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
from pipelines.types.training import Setting

if TYPE_CHECKING:
    import torch
    from PIL import Image


@dataclass(frozen=True)
class Sample:
    """What a network makes now: a PIL picture, or lines of text."""

    picture: "Image.Image | None" = None
    texts: tuple[str, ...] = ()


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
    found = {one.name: one.metadata["range"] for one in fields(settings) if "range" in one.metadata}
    return found | {f"plan.{one.name}": one.metadata["range"] for one in fields(Plan) if "range" in one.metadata}


def choices(settings: Any) -> dict[str, tuple[str, ...]]:
    """What a text field may be, by name."""
    return {one.name: one.metadata["choices"] for one in fields(settings) if "choices" in one.metadata}


def changed(trainer: str, settings: Any, wanted: Mapping[str, Setting]) -> Any:
    """`settings` with what `wanted` says. Raises UnknownSetting, WrongSetting, SettingOutOfRange."""
    known, bounds, options = flat(settings), ranges(settings), choices(settings)
    in_plan: dict[str, Setting] = {}
    own: dict[str, Setting] = {}
    for name, value in wanted.items():
        # 1 Is there such a setting, and is that a value for it?
        if name not in known:
            raise UnknownSetting(trainer=trainer, setting=name, known=", ".join(known))
        value = _as(type(known[name]), name, value)
        if name in bounds and not bounds[name][0] <= value <= bounds[name][1]:  # type: ignore[operator]
            raise SettingOutOfRange(setting=name, value=value, low=bounds[name][0], high=bounds[name][1])
        if name in options and value not in options[name]:
            raise WrongSetting(setting=name, value=value, wanted=" / ".join(options[name]))

        # 2 The plan's, or its own
        where, _, inner = name.rpartition(".")
        (in_plan if where else own)[inner] = value
    return replace(settings, **own, plan=replace(settings.plan, **in_plan))


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
    """One step of `optimiser` down the gradient of `loss`, with the learning rate and the clipping of the plan."""
    import torch

    for group in optimiser.param_groups:
        group["lr"] = plan.learning_rate_at(number)
    loss.backward()
    trained = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    norm = torch.nn.utils.clip_grad_norm_(trained, plan.gradient_norm)
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return {"loss": loss.item(), "learning_rate": plan.learning_rate_at(number), "gradient_norm": norm.item()}
