"""Where a result can go on: one table of which kind goes where, and the menu below every result. Knows no gradio.

A press on the menu becomes the page's wish ("to-<place>", which result); the tab of that place takes it. To add a place is a
word here and a case there. `which` is a creation, or a job whose result is none: an answer of a conversation. What is private
stays where it is.
"""

from collections.abc import Mapping
from contextlib import suppress

from pipelines.errors.access import NotFound
from pipelines.types.text import TextResult
from studio.services import Services
from studio.ui.safe import escape, split_thinking
from studio.ui.wishes import Wish, wish
from studio.ui.words import say

PLACES: Mapping[str, tuple[str, ...]] = {
    "text": ("say", "prompt", "chat", "write", "talk", "story", "shot", "find"),
    "image": ("picture", "look", "story", "motion", "clip", "find"),
    "film": ("frames", "find"),
    "sound": ("hear", "bench", "tune", "find"),
}
VERBS = frozenset(f"to-{place}" for places in PLACES.values() for place in places)


def menu(kind: str, which: str, language: str, *, but: str = "", also: tuple[str, str] = ("", "")) -> str:
    """ "Send to …", opened by a press; `but` is the place where the result stands already. "" where nothing takes its kind.

    `also` is the (kind, which) of what stands with it: the places that take only that follow.
    """
    places = dict.fromkeys(PLACES.get(kind, ()), which)
    places |= {place: also[1] for place in PLACES.get(also[0], ()) if place not in places}
    buttons = "".join(
        f'<button type="button" class="item-button" data-action="to-{place}" data-id="{escape(one)}">'
        f"{escape(say(f'send_to-{place}', language))}</button>"
        for place, one in places.items()
        if place != but
    )
    if not buttons:
        return ""
    title = escape(say("send_to", language))
    return f'<details class="send-menu" name="send-menu"><summary class="item-button">{title}</summary><div>{buttons}</div></details>'


def sent(action: str, which: str) -> Wish | None:
    """The wish that a press on the menu is; None for a press on anything else."""
    return wish(action, which) if action in VERBS else None


def text_of(services: Services, owner: str, which: str) -> str:
    """The words of what was sent. Raises NotFound for what is no text, or is gone."""
    with suppress(NotFound):
        if services.creations.get(owner, which).kind == "text":
            return services.creations.text(owner, which).strip()
    job = services.jobs.get(owner, which)
    if job.conversation_id and job.node_id:
        with suppress(NotFound):  # with what it goes on from
            return split_thinking(services.conversations.get(owner, job.conversation_id).node(job.node_id).text).answer
    if not isinstance(job.result, TextResult):
        raise NotFound(thing="result")
    return split_thinking(job.result.text).answer.strip()
