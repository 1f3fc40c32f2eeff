"""What came from what: everything before and after a creation, each to the right of what it came from."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors.access import NotFound
from pipelines.provenance import recipe
from pipelines.types.text import TextRequest
from studio.library.creations import Creations
from studio.library.lineage import MOST, Lineage, lineage
from studio.ui.lineage import graph

ANN, BO = "visitor:" + "a" * 32, "visitor:" + "b" * 32
MADE = recipe.make(TextRequest("m", task="write", text="x"))
EVIL = "\"><img src=x onerror=alert(1)>'"


@pytest.fixture
def creations(tmp_path: Path) -> Iterator[Creations]:
    creations = Creations(tmp_path / "library", tmp_path / "studio.db")
    yield creations
    creations.close()


def make(creations: Creations, title: str, *parents: str, owner: str = ANN) -> str:
    made = creations.save(owner, "text", title, MADE, title, "j" * 32, parents)
    creations.index(owner, made)
    return made


def columns(found: Lineage) -> dict[str, int]:
    return {step.creation.title: step.column for step in found.steps}


def test_a_film_shows_all_that_it_came_from_and_a_prompt_all_that_came_of_it(creations: Creations) -> None:
    prompt = make(creations, "prompt")
    picture = make(creations, "picture", prompt)
    caption = make(creations, "caption", picture)
    speech = make(creations, "speech", caption)
    film = make(creations, "film", picture, speech)
    other = make(creations, "another picture", prompt)
    whole = {"prompt": 0, "picture": 1, "caption": 2, "speech": 3, "film": 4}
    assert columns(lineage(creations, ANN, film)) == whole
    assert columns(lineage(creations, ANN, prompt)) == {**whole, "another picture": 1}
    assert columns(lineage(creations, ANN, other)) == {"prompt": 0, "another picture": 1}
    found = lineage(creations, ANN, prompt)
    assert set(found.edges) == {
        (prompt, picture), (prompt, other), (picture, caption), (caption, speech), (picture, film), (speech, film),
    }  # fmt: skip
    places = [(step.column, step.row) for step in found.steps]
    assert len(set(places)) == len(places), "no two in one place"
    html = graph(found, film, "en")
    assert html.count("<path") == 6 and html.count('data-action="open"') == 6 and html.count("aria-current") == 1


def test_what_is_gone_or_of_others_or_a_circle_is_left_out(creations: Creations, tmp_path: Path) -> None:
    hers = make(creations, "hers", owner=BO)
    gone = make(creations, "gone")
    one = make(creations, "one", gone, hers, "../x")
    two = make(creations, "two", one)
    creations.delete(ANN, gone)
    assert columns(lineage(creations, ANN, two)) == {"one": 0, "two": 1}
    sidecar = creations.path(ANN, one).with_suffix(".json")
    sidecar.write_text(json.dumps({**json.loads(sidecar.read_text()), "parents": [two, one]}))
    creations.refresh()
    assert sorted(columns(lineage(creations, ANN, two))) == ["one", "two"]
    with pytest.raises(NotFound):
        lineage(creations, BO, two)
    assert creations.links(BO) == {}


def test_only_the_nearest_of_very_many_are_shown(creations: Creations) -> None:
    first = make(creations, "first")
    for number in range(MOST + 5):
        make(creations, f"number {number}", first)
    found = lineage(creations, ANN, first)
    assert len(found.steps) == MOST and found.is_cut
    assert f"The {MOST} nearest" in graph(found, first, "en")


def test_names_are_only_characters(creations: Creations) -> None:
    one = make(creations, EVIL)
    assert "<img" not in graph(lineage(creations, ANN, one), one, "zh")
