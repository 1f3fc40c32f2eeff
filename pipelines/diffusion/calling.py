"""A pipeline of diffusers for one call, over components that all calls share. Knows no task and no kind of denoiser."""

import inspect
from typing import Any

from pipelines.diffusion.reading import Reading, is_tokenizer


def assemble(shared: Any, cls: Any, reading: Reading, scheduler: Any = None) -> Any:
    """A pipeline of class `cls` over the components of `shared`, with schedulers (or the one that is given) and tokenizers of its own."""
    from diffusers import SchedulerMixin

    parts: dict[str, Any] = {}
    for name in inspect.signature(cls.__init__).parameters:
        if name in shared.components:
            part = shared.components[name]
            parts[name] = type(part).from_config(part.config) if isinstance(part, SchedulerMixin) else part
            if is_tokenizer(part):
                parts[name] = reading.heard(part)
        elif name in shared.config:
            parts[name] = shared.config[name]
    if scheduler is not None:
        parts["scheduler"] = scheduler
    pipe = cls(**parts)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def is_refusal(error: ValueError) -> bool:
    """Whether diffusers raised it: so pipelines and schedulers say what they do not take. Any other is a mistake."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return trace is not None and str(trace.tb_frame.f_globals.get("__name__", "")).startswith("diffusers.")
