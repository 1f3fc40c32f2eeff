"""What was found, as our own escaped HTML. Knows no gradio."""

from studio.library.creations import Creation
from studio.library.ranking import Hit
from studio.ui import sending
from studio.ui.facts import duration, error_line
from studio.ui.lists import ago, button, conversation_card, empty, title_of
from studio.ui.multimodal.looking_for import Found
from studio.ui.safe import escape
from studio.ui.words import say


def nothing_yet(language: str) -> str:
    return empty(say("find_empty", language))


def summary(found: Found, language: str) -> str:
    """ "12 found in 0.2 s · heard: red apple · 40 of 60 are in the index of meaning so far"."""
    count = len(found.hits) + len(found.conversations)
    parts = [say("find_count", language, n=count, duration=duration(found.seconds, language))]
    if found.heard:
        parts.append(say("find_heard", language, text=found.heard))
    if found.seen:
        parts.append(say("find_seen", language, text=found.seen))
    if found.error is not None:
        parts.append(say("find_only_words", language, reason=error_line(found.error, language)))
    elif found.ready < found.total:
        parts.append(say("find_behind", language, ready=found.ready, total=found.total))
    return escape(" · ".join(parts))


def cards(found: Found, language: str) -> str:
    if not (found.hits or found.conversations):
        return empty(escape(say("find_none", language)))
    made = [_card(hit, creation, excerpt, language) for hit, creation, excerpt in found.hits]
    made += [conversation_card(header, language) for header in found.conversations]
    return f'<div class="cards">{"".join(made)}</div>'


def _card(hit: Hit, creation: Creation, excerpt: str, language: str) -> str:
    """What it is, by what it was found, and a way to open it."""
    media = f"media/{escape(creation.id)}"
    title = escape(title_of(creation, language))
    ways = list(dict.fromkeys(say(f"find_by_{_way(one)}", language) for one in hit.found_by))
    note = " · ".join(
        [
            say(f"find_one_{creation.kind}", language),
            " + ".join(ways),
            ago(creation.created, language),
        ]
    )
    body = f'<p class="excerpt">{escape(excerpt)}</p>'
    if creation.kind in ("image", "film"):
        body = f'<img class="card-picture" loading="lazy" src="{media}/thumbnail" alt="{title}">'
    if creation.kind == "sound":
        body += f'<audio controls preload="none" src="{media}" aria-label="{title}"></audio>'
    opening = button("open", creation.id, say("open", language), classes="item-button strong")
    return (
        f'<article class="card"><div class="line-title">{title}</div><div class="mono">{escape(note)}</div>'
        f'{body}<div class="item-actions">{opening}{sending.menu(creation.kind, creation.id, language, but="find")}</div></article>'
    )


def _way(found_by: str) -> str:
    """By what of the thing: "text", "sentence", or of "words-picture" its picture."""
    return found_by.rpartition("-")[2]
