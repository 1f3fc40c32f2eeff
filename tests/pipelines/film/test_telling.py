"""What a model is asked for each scene, what is taken of its answer, and what its picture shows."""

from pathlib import Path

import pytest

from pipelines.film.prompting import Names, read_names
from pipelines.film.telling import beginnings, scene_request, scene_text


@pytest.fixture(scope="module")
def names() -> Names:
    return read_names(Path(__file__).parents[3] / "assets" / "recipes" / "openmoji-captions.json")


@pytest.mark.parametrize("count", [1, 2, 3, 4, 12])
def test_a_story_has_an_opening_trouble_and_an_end(count: int) -> None:
    for theme, opening, trouble, ending in (
        ("Foxes", "Once upon", "But then", "At last"),
        ("狐狸", "从前", "可是", "最后"),
    ):
        begins = beginnings(count, theme)
        assert len(begins) == count and begins[0].startswith(opening)
        assert (count == 1) or begins[-1].startswith(ending)
        assert (count < 4) or begins[-2].startswith(trouble)


@pytest.mark.parametrize(
    ("theme", "opening"),
    [
        ("A fox who wants to fly.", "Once upon a time, there was a fox who wants to fly."),
        ("the old  lighthouse", "Once upon a time, there was an old lighthouse."),
        ("a dragon and a cake", "Once upon a time, there was a dragon and a cake."),
        ("A robot learns to cook", "Once upon a time, there was"),
        ("How the elephant got a phone", "Once upon a time, there was"),
        ("A cat and a dog. They go to the sea.", "Once upon a time, there was"),
        ("A fox who " + "walks and walks " * 12, "Once upon a time, there was"),
    ],
)
def test_a_theme_that_names_its_hero_is_the_first_sentence(theme: str, opening: str) -> None:
    assert beginnings(4, theme)[0] == opening


@pytest.mark.parametrize(
    "theme", ["A cat and a dog. They go to the sea.", "a fox who " + "walks in the wood " * 7, "a fox"]
)
def test_whatever_the_theme_what_is_written_becomes_the_scene(theme: str) -> None:
    assert scene_text(beginnings(4, theme)[0], " a fox. It slept. It ran.").endswith((" a fox.", "It slept."))


def test_each_scene_goes_on_from_the_story_so_far() -> None:
    asked = scene_request("m", " a fox. ", "Once there was a fox.", "One day,", 7)
    assert asked.answer_prefix == "Once there was a fox. One day," and asked.sampling.seed == 7
    assert asked.messages[-1].text.endswith("about a fox.") and asked.messages[1].role == "assistant"
    assert scene_request("m", "一只狐狸", "从前有狐狸。", "有一天，", 7).answer_prefix == "从前有狐狸。有一天，"


def test_the_first_two_sentences_are_the_scene() -> None:
    assert scene_text("One day,", " it ran.\n\nIt fell! Then it slept. Really.") == "One day, it ran. It fell!"
    assert scene_text("有一天，", "它跑了。它摔倒了！然后睡着了。") == "有一天，它跑了。它摔倒了！"
    assert scene_text("One day,", "") == "" and scene_text("One day,", " …") == ""
    assert len(scene_text("So", " word" * 500)) < 600


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Once upon a time, there was a fox with many friends.", "fox"),
        ("The foxes saw a rocket.", "fox"),
        ("A kind duck gave Mia a ride.", "duck"),
        ("The robot was happy.", "robot"),
        ("They baked a birthday cake.", "birthday cake"),
        ("从前，有一只小狐狸想去看火箭。", "狐狸"),
        ("And so it was.", ""),
    ],
)
def test_a_picture_shows_what_stands_in_the_text(names: Names, text: str, name: str) -> None:
    assert names.best(text) == name


def test_what_was_shown_gives_way_to_something_new(names: Names) -> None:
    assert names.best("The fox saw a rocket.", shown=["fox"]) == "rocket"
    assert names.best("And so it was.", "a fox") == "fox"
    assert names.best("The fox slept.", shown=["fox"]) == "fox"
