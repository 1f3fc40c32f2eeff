"""Which of many things are meant: by their words, by where they lie, and by both."""

import numpy
import pytest

from studio.library.ranking import Query, Shelf, Thing, terms

LIKENESS = {"picture-words": (0.2, 0.8), "picture-picture": (0.2, 0.8)}


def at(degrees: float) -> numpy.ndarray:
    """A direction in a plane."""
    return numpy.array([numpy.cos(numpy.radians(degrees)), numpy.sin(numpy.radians(degrees))], numpy.float32)


def shelf_of(*things: Thing) -> Shelf:
    shelf = Shelf()
    for thing in things:
        shelf.put(thing)
    return shelf


def ids(shelf: Shelf, query: Query, kind: str | None = None) -> list[str]:
    return [hit.id for hit in shelf.rank(query, kind)]


def test_a_plural_and_a_part_of_a_chinese_word_are_found():
    assert terms("Cats") == ["cat"] and terms("glass") == ["glass"]
    assert terms("苹果树") == ["苹果", "果树", "苹", "果", "树"]
    assert terms("苹果树", is_query=True) == ["苹果", "果树"]
    shelf = shelf_of(Thing("a", "text", "two cats"), Thing("b", "text", "一棵苹果树"), Thing("c", "text", "nothing"))
    assert ids(shelf, Query("cat")) == ["a"]
    assert ids(shelf, Query("苹果")) == ids(shelf, Query("树")) == ["b"]


def test_all_words_before_some_and_rare_ones_before_common_ones():
    shelf = shelf_of(
        Thing("both", "text", "the quick fox"),
        Thing("rare", "text", "a fox"),
        *(Thing(f"common-{n}", "text", "the quick day") for n in range(5)),
    )
    assert ids(shelf, Query("quick fox"))[:2] == ["both", "rare"]


def test_words_find_a_picture_that_has_none():
    shelf = shelf_of(
        Thing("near", "image", vectors={"picture": at(0)}),
        Thing("far", "image", vectors={"picture": at(90)}),
        Thing("named", "image", "apple"),
    )
    query = Query("apple", {"words": at(10)}, LIKENESS)
    assert sorted(ids(shelf, query)) == ["named", "near"]
    (hit,) = [hit for hit in shelf.rank(query) if hit.id == "near"]
    assert hit.found_by == ("words-picture",) and 0.8 < hit.weight <= 1


def test_what_two_ways_find_comes_before_what_one_finds():
    one = {"sentence": at(0)}
    shelf = shelf_of(
        Thing("meant", "text", "kitten", one), Thing("written", "text", "kitten"), Thing("x", "text", "", one)
    )
    hits = shelf.rank(Query("kitten", {"sentence": at(0)}))
    assert hits[0].id == "meant" and hits[0].found_by[0] in ("text", "sentence") and len(hits[0].found_by) == 2
    assert hits[0].weight > hits[1].weight


def test_a_kind_narrows_and_what_was_removed_is_gone():
    shelf = shelf_of(Thing("a", "text", "cat"), Thing("b", "image", "cat"))
    assert ids(shelf, Query("cat"), "image") == ["b"]
    shelf.remove("b")
    shelf.remove("b")
    shelf.put(Thing("a", "text", "dog"))
    assert ids(shelf, Query("cat")) == [] and ids(shelf, Query("dog")) == ["a"] and len(shelf) == 1


def test_of_a_long_text_the_end_is_found_too_and_what_is_gone_leaves_no_word_behind():
    shelf = shelf_of(Thing("long", "text", "word " * 790 + "lighthouse"), Thing("x", "text", "other"))
    assert ids(shelf, Query("lighthouse")) == ["long"]
    shelf.remove("long")
    assert set(shelf._terms) == {"other"}
    shelf.remove("x")
    assert not shelf._terms and ids(shelf, Query("other")) == []


def test_vectors_of_another_model_are_passed_over():
    shelf = shelf_of(Thing("a", "image", vectors={"picture": numpy.ones(3, numpy.float32)}))
    assert ids(shelf, Query("", {"picture": at(0)}, LIKENESS)) == []


@pytest.mark.parametrize("text", ["", "  ", "?!", "\0"])
def test_a_query_without_words_finds_nothing(text):
    assert ids(shelf_of(Thing("a", "text", "cat")), Query(text)) == [] == ids(Shelf(), Query("cat"))
