"""Poems line by line: what is asked for is kept, whatever the one who draws the characters comes up with."""

import random

import pytest

from pipelines.errors.requests import EmptyPrompt, NoSuchForm, WrongFirstLine, WrongHeads
from pipelines.evaluation.rhyme import does_rhyme, rhyme_of
from pipelines.types.poem import FORMS
from pipelines.types.text import TextRequest
from pipelines.writing.poem import TRIES, compose, form_of, heading, lines_of

SKY = "天地玄黄宇宙洪荒日月盈昃辰宿列张寒来暑往秋收冬藏云腾致雨露结为霜光长堂香阳"


def writer(prompt: str, length: int, seed: int) -> str:
    """Characters at random: it knows neither forms nor rhymes."""
    return "".join(random.Random(f"{prompt}{seed}").choices(SKY, k=length))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_poem_has_its_form_and_the_same_seed_gives_it_again(form, seed):
    poem = "".join(compose(writer, form, "春", "", "", seed))
    assert form_of(lines_of(poem)) == form
    assert poem.count("\n") == FORMS[form][0] // 2 and poem.endswith("。\n")
    assert "".join(compose(writer, form, "春", "", "", seed)) == poem
    assert "".join(compose(writer, form, "春", "", "", seed + 100)) != poem


def test_lines_begin_with_the_heads_and_the_first_line_stands():
    assert [line[0] for line in compose(writer, "七绝", "", "", "春夏秋冬", 1)] == list("春夏秋冬")
    assert next(compose(writer, "五绝", "", "床前明月光", "", 1)) == "床前明月光，"


def test_trying_again_makes_rhymes_where_there_are_any_to_find():
    rhyming = [does_rhyme(lines_of("".join(compose(writer, "五绝", "", "床前明月光", "", seed)))) for seed in range(40)]
    chance = sum(rhyme_of(one) == "江阳" for one in SKY) / len(SKY)
    assert chance < 0.5 and sum(rhyming) > 40 * chance * 2


def test_a_line_that_is_none_or_stands_there_already_is_drawn_again():
    asked: list[str] = []

    def stubborn(prompt: str, length: int, seed: int) -> str:
        asked.append(prompt)
        lines = ["天地，玄黄", "日月", "天地玄黄光", "宇宙洪荒霜", "日月盈昃长", "寒来暑往阳"]
        return lines[(len(asked) - 1) % 6][:length]  # with a first line the rhyme is not asked for

    lines = lines_of("".join(compose(stubborn, "五绝", "", "天地玄黄光", "", 0)))
    assert form_of(lines) == "五绝" and len(set(lines)) == 4


def test_who_never_writes_a_line_is_asked_so_often_and_no_more():
    asked: list[str] = []
    assert len(list(compose(lambda prompt, length, seed: asked.append(prompt) or "", "五绝", "月", "", "", 0))) == 4
    assert len(asked) == 1 + 4 * TRIES and asked[0] == "五绝 月 " and asked[1].startswith("五绝 月 ")


def test_the_heading_is_what_the_training_texts_have():
    assert heading("五绝", "静夜思", "江阳") == "五绝 静夜思 江阳\n"


@pytest.mark.parametrize(
    ("wish", "error"),
    [
        ({"option": "五绝"}, EmptyPrompt),
        ({"text": "月", "option": "俳句"}, NoSuchForm),
        ({"text": "月", "option": ""}, NoSuchForm),
        ({"option": "七绝", "answer_prefix": "床前明月光"}, WrongFirstLine),
        ({"option": "五绝", "answer_prefix": "床前，月光"}, WrongFirstLine),
        ({"option": "五绝", "heads": "春夏秋冬春"}, WrongHeads),
        ({"option": "五绝", "heads": "abcd"}, WrongHeads),
    ],
)
def test_a_wish_that_cannot_be_met_says_why(wish, error):
    with pytest.raises(error) as caught:
        TextRequest("m", task="poem", **wish).check()
    assert caught.value.say("en") != caught.value.say("zh")


@pytest.mark.parametrize(
    "wish", [{"text": "静夜思"}, {"answer_prefix": "床前明月光"}, {"heads": "春夏秋冬"}, {"heads": "我爱"}]
)
def test_a_title_a_first_line_or_heads_are_enough(wish):
    TextRequest("m", task="poem", option="五绝", **wish).check()
