"""The command by which several processes train what is chosen, on one machine and on two, to be copied. Knows no gradio."""

from pathlib import Path
from typing import Any

from pipelines.training.ranks import Ranks
from pipelines.types.training import TrainRequest
from studio.jobs.launching import command
from studio.ui.safe import escape
from studio.ui.words import say

ADDRESS = "ADDRESS"  # of the first machine; only the person knows it


def shown_commands(request: TrainRequest, home: Path, processes: int, settings: Any, language: str) -> str:
    """`settings` are those of the trainer, as asked for; by them it is told how large a batch comes of it."""
    parts = []
    for words, count, machines in (("launch_one", processes, 1), ("launch_two", 2 * processes, 2)):
        examples = settings.batch * count * Ranks(size=count).parts(settings.plan.accumulation)
        told = say(words, language, n=count, batch=f"{examples:,}")
        parts.append(f'<p class="help">{escape(told)}</p>')
        for rank in range(machines):
            line = command(request, home, count, (rank, machines, ADDRESS))
            parts.append(
                f'<div class="command"><code>{escape(line)}</code><button type="button" class="item-button" '
                f'data-copy="{escape(say("launch_copied", language))}">{escape(say("launch_copy", language))}</button></div>'
            )
    return "".join(parts)
