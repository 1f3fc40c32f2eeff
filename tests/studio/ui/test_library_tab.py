"""The pages of the library: conversations and creations together, a bounded number at a time."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.provenance import recipe
from pipelines.types.text import TextRequest
from studio.identity import GUEST
from studio.library.conversations import Header
from studio.library.creations import Item
from studio.services import Services
from studio.settings import Settings
from studio.ui.tabs.library import entries_of

ANN = "visitor:" + "a" * 32
RECIPE = recipe.make(TextRequest(model="m", task="write", text="Write."))


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    """Ann has 30 conversations and 30 texts, made in turn."""
    home: Path = tmp_path_factory.mktemp("home")
    services = Services(Settings(home=home, cache=home / "cache"))
    for n in range(30):
        services.conversations.new(ANN, title=f"talk {n}")
        made = services.creations.save(ANN, "text", f"text {n}", RECIPE, f"text {n}", "0" * 32)
        services.creations.index(ANN, made)
    yield services
    services.close()


def titles(entries: list[Header | Item]) -> list[str]:
    return [entry.title if isinstance(entry, Header) else entry.creation.title for entry in entries]


def test_a_page_holds_24_of_both_kinds_the_newest_first(services: Services) -> None:
    made = [f"{kind} {n}" for n in reversed(range(30)) for kind in ("text", "talk")]
    shown = []
    for number, length in ((0, 24), (1, 24), (2, 12)):
        entries, here, pages = entries_of(services, ANN, number=number)
        assert (len(entries), here, pages) == (length, number, 3)
        shown += titles(entries)
    assert shown == made


@pytest.mark.parametrize(("kind", "name"), [("text", "text"), ("conversation", "talk")])
def test_one_kind_is_paged_by_itself(services: Services, kind: str, name: str) -> None:
    entries, number, pages = entries_of(services, ANN, kind=kind, number=1)
    assert (titles(entries), number, pages) == ([f"{name} {n}" for n in reversed(range(6))], 1, 2)


def test_a_page_beyond_the_last_is_the_last(services: Services) -> None:
    assert entries_of(services, ANN, number=99) == entries_of(services, ANN, number=2)
    assert entries_of(services, ANN, number=-5) == entries_of(services, ANN, number=0)


def test_words_and_stars_narrow_it(services: Services) -> None:
    entries, _, pages = entries_of(services, ANN, "29")
    assert (titles(entries), pages) == (["text 29", "talk 29"], 1)
    assert entries_of(services, ANN, starred=True) == ([], 0, 1)


def test_a_guest_has_none(services: Services) -> None:
    assert entries_of(services, GUEST) == ([], 0, 1)
