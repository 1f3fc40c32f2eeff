"""Shows the answer to the newest of several events, in whichever order they arrive and are answered.

Gradio 6.31's trigger_mode="always_last" lets two events through that come within a few milliseconds, and then the older
answer may be the last one to be shown: what stands below a search box is about another word than what stands in it.
"""

import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from studio.ui.components import quietly
from studio.ui.told import told
from studio.ui.watchers import Watchers

# The first input becomes the time at which the event came, by the clock of the page.
_CAME_AT = "(_, ...rest) => [performance.now().toFixed(3).padStart(20, '0'), ...rest]"


def show_newest(events: Sequence[Any], handler: Callable[..., Any], inputs: Sequence[Any], outputs: Any) -> None:
    """Wire `handler`, no generator, to `events`; it must take a `request`. Call it inside the tab they are on."""
    came_at, watchers = gr.Textbox(visible=False), gr.State(Watchers())
    quiet = quietly(trigger_mode="multiple", js=_CAME_AT)
    gr.on(list(events), told(_if_newest(handler)), [came_at, watchers, *inputs], outputs, **quiet)


def _if_newest(handler: Callable[..., Any]) -> Callable[..., Any]:
    """`handler` with the time of its event and the page's watchers before its own arguments."""

    @functools.wraps(handler)
    def call(came_at: str, watchers: Watchers, *args: Any) -> Any:
        if not watchers.begin(came_at):
            return gr.skip()
        answer = handler(*args)
        return answer if watchers.is_newest(came_at) else gr.skip()

    signature = inspect.signature(handler)
    own = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in ("came_at", "watchers")]
    call.__signature__ = signature.replace(parameters=[*own, *signature.parameters.values()])  # type: ignore[attr-defined]
    return call
