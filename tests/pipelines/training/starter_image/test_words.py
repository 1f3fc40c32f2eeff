"""What the captions and the lists of the evaluation promise about themselves."""

import json
import random
import re

from pipelines.training.datasets.openmoji import RECIPES, read_entries
from pipelines.training.starter_image.captions import SHARED_TAG_OWNERS, captions
from pipelines.training.starter_image.recipe import read_recipe
from pipelines.training.starter_image.stages import held_out_pattern, held_out_wordings

RECIPE = read_recipe(RECIPES / "starter-image.json")
LISTS = json.loads((RECIPES / RECIPE.evaluation).read_text(encoding="utf-8"))


def test_every_picture_has_one_name_in_each_language_and_no_two_share_one():
    entries = read_entries()
    assert len(entries) == 1550
    for names in (
        [entry.en for entry in entries],
        [entry.zh for entry in entries],
        [entry.picture for entry in entries],
    ):
        assert len(set(names)) == len(entries)
    assert all(re.search(r"[\u4e00-\u9fff]", entry.zh) for entry in entries[:100])


def test_flags_of_countries_keycaps_and_skin_tones_are_left_out():
    codes = {entry.picture for entry in read_entries()}
    assert not [code for code in codes if re.search(r"1F1E6|20E3|1F3F[B-F]", code)]
    assert {"1F34E", "1F680", "1F408"} <= codes  # red apple, rocket, cat


def test_the_hundred_names_are_the_draw_that_the_file_names():
    drawn = random.Random(2026).sample(read_entries(), 100)
    assert [row["pictures"] for row in LISTS["names"]] == [[entry.picture] for entry in drawn]
    expected = [entry.en if number % 2 == 0 else entry.zh for number, entry in enumerate(drawn)]
    assert [row["wording"] for row in LISTS["names"]] == expected


def test_a_hundred_held_out_wordings_half_of_them_chinese_name_pictures_of_the_catalog():
    rows = LISTS["held_out"]
    codes = {entry.picture for entry in read_entries()}
    assert [row["language"] for row in rows] == ["en"] * 50 + ["zh"] * 50
    assert len({row["wording"] for row in rows}) == 100
    assert all(set(row["pictures"]) <= codes for row in rows)


def test_no_caption_is_or_contains_a_held_out_wording():
    held_out = held_out_pattern(RECIPE)
    found = [caption.text for caption in captions(read_entries()) if held_out.search(caption.text.lower())]
    assert found == []
    assert all(held_out.search(wording) for wording in held_out_wordings(RECIPE))


def test_captions_speak_both_languages_and_leave_out_tags_of_many_pictures():
    entries = read_entries()
    made = captions(entries)
    apple = next(number for number, entry in enumerate(entries) if entry.en == "red apple")
    texts = {caption.text: caption for caption in made if caption.picture == apple}
    assert {"red apple", "红苹果", "a drawing of a red apple", "红苹果的图片"} <= set(texts)
    assert texts["红苹果的图片"].english == "a picture of red apple"
    shared = [
        tag for tag in entries[apple].tags_en if sum(tag in entry.tags_en for entry in entries) > SHARED_TAG_OWNERS
    ]
    assert shared
    assert not set(shared) & set(texts)
