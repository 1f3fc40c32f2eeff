"""The loop of the stages: one network, one optimiser, EMA, metrics, checkpoints, a clean stop.

Before each step the random generator is seeded with (seed, step), and the learning rate is a function of the step. So
the step is all there is to know about the order of the data, and a run that was stopped and resumed ends with the same
bits as one that was not. This file knows neither data nor loss: a stage hands it a network and `loss()`.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.training import checkpoints
from pipelines.training.metrics import append_metrics, forget_after
from pipelines.training.plan import Plan

if TYPE_CHECKING:
    import torch

METRICS_EVERY_STEPS = 20
EMA_EVERY_STEPS = 4  # averaging costs as much memory traffic as a third of the optimiser's step


def train(
    network: "torch.nn.Module",
    loss: Callable[[], "torch.Tensor"],
    plan: Plan,
    folder: Path,
    is_stopping: Callable[[], bool] = lambda: False,
) -> bool:
    """Train `network` in place up to `plan.steps`, resuming from `folder`; afterwards it holds the EMA weights.

    `loss()` draws a batch from torch's global generator and returns a scalar. Returns False when `is_stopping` ended it
    early: a checkpoint stands then, and the same call goes on from it. Metrics: one line of `folder/metrics.jsonl` every
    few steps, {step, loss, learning_rate, seconds}; lines after the checkpoint that a run resumes from are dropped.
    """
    import torch

    # 1 Where were we?
    parameters = [parameter for parameter in network.parameters() if parameter.requires_grad]
    ema = [parameter.detach().clone() for parameter in parameters]
    optimiser = torch.optim.AdamW(
        parameters, lr=plan.learning_rate, betas=plan.betas, weight_decay=plan.weight_decay, fused=True
    )
    step, seconds_before = 0, 0.0
    if (state := checkpoints.latest(folder)) is not None:
        step, seconds_before = state["step"], state["seconds"]
        with torch.no_grad():
            for place, value in zip([*parameters, *ema], [*state["parameters"], *state["ema"]], strict=True):
                place.copy_(value)
        optimiser.load_state_dict(state["optimiser"])
        del state
    folder.mkdir(parents=True, exist_ok=True)
    forget_after(folder / "metrics.jsonl", step)

    started = saved = time.monotonic()

    def save() -> None:
        seconds = seconds_before + time.monotonic() - started
        state = {"seconds": seconds, "parameters": [p.detach() for p in parameters], "ema": ema}
        checkpoints.save(folder, step, {**state, "optimiser": optimiser.state_dict()})

    # 2 The steps
    network.train()
    losses: list[float] = []
    while step < plan.steps and not is_stopping():
        torch.manual_seed(plan.seed_at(step))
        for group in optimiser.param_groups:
            group["lr"] = plan.learning_rate_at(step)
        with torch.autocast("cpu", torch.bfloat16, enabled=plan.bf16):
            value = loss()
        value.backward()
        torch.nn.utils.clip_grad_norm_(parameters, plan.gradient_norm)
        optimiser.step()
        optimiser.zero_grad(set_to_none=True)
        step += 1
        if step % EMA_EVERY_STEPS == 0 or step == plan.steps:
            decay = min(plan.ema_decay, (1 + step) / (10 + step)) ** EMA_EVERY_STEPS
            torch._foreach_lerp_(ema, [p.detach() for p in parameters], 1 - decay)

        losses.append(value.item())
        if step % METRICS_EVERY_STEPS == 0 or step == plan.steps:
            seconds = seconds_before + time.monotonic() - started
            line = {"step": step, "loss": sum(losses) / len(losses), "learning_rate": plan.learning_rate_at(step - 1)}
            append_metrics(folder / "metrics.jsonl", {**line, "seconds": round(seconds, 1)})
            losses.clear()
        if time.monotonic() - saved > plan.checkpoint_seconds:
            save()
            saved = time.monotonic()

    # 3 The last checkpoint; what goes on from here uses the averaged weights
    save()
    with torch.no_grad():
        for parameter, average in zip(parameters, ema, strict=True):
            parameter.copy_(average)
    network.eval()
    return step >= plan.steps


def load_average(network: "torch.nn.Module", folder: Path) -> int:
    """Put the averaged weights of the newest checkpoint in `folder` into `network`; the step they are of.

    Raises FileNotFoundError where there is no whole checkpoint.
    """
    import torch

    state = checkpoints.latest(folder)
    if state is None:
        raise FileNotFoundError(folder)
    with torch.no_grad():
        for parameter, average in zip((p for p in network.parameters() if p.requires_grad), state["ema"], strict=True):
            parameter.copy_(average)
    return int(state["step"])
