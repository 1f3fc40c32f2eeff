"""The Library tab: everything a person made, found again with its settings. Opening happens in their own tabs, by a wish.

    press → `turn` changes ┐
    filters change         ┴→ show: the page of the list that both ask for by then

One event shows the list, and one at a time, so that no older answer overwrites a newer one.
"""

import json
import secrets
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.provenance import recipe
from studio.identity import GUEST
from studio.library.conversations import Header
from studio.library.creations import PAGE_SIZE, SUFFIXES, Item
from studio.library.lineage import lineage
from studio.services import Services
from studio.ui import lists, sending
from studio.ui.components import items, pressed, quietly
from studio.ui.elsewhere import Elsewhere
from studio.ui.i18n import language, t
from studio.ui.lineage import graph
from studio.ui.newest import show_newest
from studio.ui.told import inform, told
from studio.ui.wishes import wish as make_wish
from studio.ui.words import say

Updates = dict[Any, Any]

FILE_TYPES = [".md", ".txt", ".json", ".png", ".webp", ".jpg", ".jpeg", ".flac", ".wav", ".mp3", ".ogg", ".mp4"]


@dataclass(frozen=True)
class Turn:
    """A page of the list as it is under these filters. `asked` is the creation whose deletion is to be confirmed, `traced` the
    one whose lineage is shown.

    The nonce makes the same turn twice two changes.
    """

    filters: tuple[str, str, bool] = ("", "all", False)
    number: int = 0
    asked: str = ""
    traced: str = ""
    nonce: str = ""


class LibraryTab:
    """The tab. `wish` is set when something is to be opened."""

    def __init__(self, services: Services, wish: gr.State) -> None:
        self._services = services
        self._wish = wish
        with gr.Tab(t("library"), id="library", elem_id="tab-library") as self._tab:
            # inside the Tab: another child of gr.Tabs would make gradio show the tab twice
            self._turn = gr.State(Turn())  # where the last press leads
            self._shown = gr.State(Turn())  # what stands in the list
            self._lay_out()
            self._wire()

    def _lay_out(self) -> None:
        with gr.Row(elem_classes="library-bar"):
            self._search = gr.Textbox(
                label=t("library_search"), placeholder=t("library_search_hint"), max_lines=1, scale=2, min_width=200,
                elem_id="library-search",
            )  # fmt: skip
            kinds = [(t(f"kind_{name}"), name) for name in ("all", "text", "conversation", "image", "sound", "film")]
            self._kind = gr.Radio(kinds, value="all", label=t("kind"), scale=5, min_width=240, elem_id="library-kind")
            self._starred = gr.Checkbox(
                False, label=t("only_starred"), scale=1, min_width=140, elem_id="library-starred"
            )
        self._items = items("library-items")
        with gr.Row(elem_classes="tight pager", visible=False) as self._pager:
            self._newer = gr.Button(t("newer"), size="sm", elem_id="library-newer", min_width=0, scale=0)
            self._place = gr.HTML("", elem_id="library-page", elem_classes="mono")
            self._older = gr.Button(t("older"), size="sm", elem_id="library-older", min_width=0, scale=0)
        self._drop = gr.File(label=t("library_drop"), file_types=FILE_TYPES, height=140, elem_id="library-drop")
        if not self._services.settings.is_public_demo:
            Elsewhere(self._services)

    def _wire(self) -> None:
        quiet = quietly()
        wanted = [self._search, self._kind, self._starred, self._turn, self._shown]
        shown = [self._items, self._pager, self._place, self._newer, self._older, self._shown]
        changes = [self._tab.select, self._search.change, self._kind.input, self._starred.input, self._turn.change]
        show_newest(changes, self._show, wanted, shown)
        self._newer.click(lambda shown: _turn(shown, shown.number - 1), self._shown, self._turn, **quiet)
        self._older.click(lambda shown: _turn(shown, shown.number + 1), self._shown, self._turn, **quiet)
        self._items.click(told(self._press), self._shown, [self._turn, self._wish], **quiet)
        dropped = self._drop.upload(told(self._take_file), [self._drop], [self._drop, self._wish], **quiet)
        dropped.failure(lambda: None, None, self._drop, **quiet)  # a refused file makes room for the next one

    # ── pages ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _show(self, query: str, kind: str, starred: bool, turn: Turn, shown: Turn, request: gr.Request) -> Updates:
        """The page where a new press leads, else the first one of what matches."""
        owner, lang, filters = self._services.identity.who(request), language(request), (query, kind, starred)
        is_pressed = turn.nonce != shown.nonce and turn.filters == filters
        at = turn if is_pressed else Turn(filters, nonce=turn.nonce)
        entries, number, pages = entries_of(self._services, owner, query, kind, starred, at.number)
        cards = self._cards(owner, entries, at, lang)
        narrowed = bool(query.strip()) or kind != "all" or starred
        if not cards and narrowed:
            html = lists.empty(say("library_none", lang))
        elif not cards:
            html = lists.empty(
                say("library_empty", lang)
                + lists.button("first", "", say("first_text", lang), classes="item-button strong")
            )
        else:
            html = f'<div class="cards">{"".join(cards)}</div>'
        return {
            self._items: html,
            self._pager: gr.update(visible=pages > 1),
            self._place: say("page", lang, k=number + 1, n=pages),
            self._newer: gr.update(interactive=number > 0),
            self._older: gr.update(interactive=number + 1 < pages),
            self._shown: replace(at, number=number),
        }

    def _cards(self, owner: str, entries: list[Header | Item], at: Turn, lang: str) -> list[str]:
        """Each with what is asked of it; a lineage stands below its card."""
        links = self._services.creations.links(owner) if owner != GUEST else {}
        related = {*links, *(parent for parents in links.values() for parent in parents)}
        cards = []
        for entry in entries:
            if isinstance(entry, Header):
                cards.append(lists.conversation_card(entry, lang))
                continue
            one = entry.creation.id
            cards.append(lists.creation_card(entry, lang, is_asked=one == at.asked, is_related=one in related))
            if one == at.traced:
                cards.append(graph(lineage(self._services.creations, owner, one), one, lang))
        return cards

    # ── one of them ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _press(self, event: gr.EventData, shown: Turn, request: gr.Request) -> Updates:
        """Open, star, delete. Raises NotFound for what is not this person's."""
        owner, creations = self._services.identity.who(request), self._services.creations
        asked = traced = ""
        match pressed(event):
            case ("open", creation_id):
                return {self._wish: make_wish("creation", creation_id)}
            case ("open-conversation", conversation_id):
                return {self._wish: make_wish("conversation", conversation_id)}
            case (str(action), creation_id) if action in sending.VERBS:
                return {self._wish: make_wish(action, creation_id)}
            case ("first", _):
                return {self._wish: make_wish("text", "")}
            case ("star", creation_id):
                creations.star(owner, creation_id, not creations.get(owner, creation_id).is_starred)
            case ("trace", creation_id):
                traced = creation_id if shown.traced != creation_id else ""
            case ("ask-delete", creation_id):
                asked = creation_id
            case ("delete", creation_id):
                creations.delete(owner, creation_id)
                inform("deleted", language(request))
        return {self._turn: _turn(shown, shown.number, asked, traced)}

    def _take_file(self, path: str | None, request: gr.Request) -> Updates:
        """The settings of a dropped file. Raises NoRecipe."""
        if not path:
            return {self._drop: None}
        found = recipe.read(Path(path))
        inform("settings_taken", language(request))
        return {self._drop: None, self._wish: make_wish("recipe", json.dumps(found))}


def _turn(shown: Turn, number: int, asked: str = "", traced: str = "") -> Turn:
    """A press on what is shown leads to a page of it."""
    return Turn(shown.filters, number, asked, traced, secrets.token_hex(4))


def entries_of(
    services: Services, owner: str, query: str = "", kind: str = "all", starred: bool = False, number: int = 0
) -> tuple[list[Header | Item], int, int]:
    """Conversations and creations together, the newest first: those of one page, its number, the number of pages.

    `kind` is "all", "text", "image", "sound" or "conversation"; a conversation carries no star. A page beyond the last is the last.
    """
    if owner == GUEST:
        return [], 0, 1
    # 1. The newest of each kind, as many as reach to the end of this page
    until = (max(number, 0) + 1) * PAGE_SIZE
    headers = [] if kind in SUFFIXES or starred else services.conversations.list(owner, query)
    one_kind = kind if kind in SUFFIXES else None
    page = services.creations.list(owner, query, kind=one_kind, only_starred=starred, size=until)
    items, total = ((), 0) if kind == "conversation" else (page.items, page.total)
    newest: list[Header | Item] = sorted([*headers[:until], *items], key=_time, reverse=True)
    # 2. Of them those of this page
    pages = max(1, -(-(len(headers) + total) // PAGE_SIZE))
    number = min(max(number, 0), pages - 1)
    return newest[number * PAGE_SIZE : (number + 1) * PAGE_SIZE], number, pages


def _time(entry: Header | Item) -> str:
    """ISO time in UTC, which sorts as it reads."""
    return entry.updated if isinstance(entry, Header) else entry.creation.created
