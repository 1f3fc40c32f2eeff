"""Ends what a network works on in the middle of a pass: libraries offer Stop at most between passes, and some not at all.

It knows modules of torch, and no family.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from pipelines.types.events import IsCancelled


class Interrupted(Exception):
    """Stop was pressed. Whoever is `interruptible` catches it."""


@contextmanager
def interruptible(modules: Sequence[Any], is_cancelled: IsCancelled) -> Iterator[None]:
    """Raises Interrupted as soon as one of `modules`, or one of the layers inside, begins to work after Stop.

    Not for two threads at once on the same modules: each would end the other's work.
    """
    from torch.nn import ModuleList

    def look(*_: Any) -> None:
        if is_cancelled():
            raise Interrupted

    inside = [part for module in modules for part in module.modules()]
    layers = [layer for part in inside if isinstance(part, ModuleList) for layer in part]
    hooks = [part.register_forward_pre_hook(look) for part in (*modules, *layers)]
    try:
        look()
        yield
    finally:
        for hook in hooks:
            hook.remove()
