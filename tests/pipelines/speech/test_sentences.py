"""Text cut for a voice: sentences, clauses of those that are too long, and runs of one language."""

import time

import pytest

from pipelines.speech.sentences import LONGEST_SENTENCE, pieces, runs


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        (
            "Dr. Smith went home. It was 3.5 km away! Really?",
            ["Dr. Smith went home.", "It was 3.5 km away!", "Really?"],
        ),
        ("J. R. R. Tolkien left at 5 p.m. on Monday.", ["J. R. R. Tolkien left at 5 p.m. on Monday."]),
        ("He said “yes.” Then he left.", ["He said “yes.”", "Then he left."]),
        ("One line\nanother line", ["One line", "another line"]),
        ("今天天气很好。我们去公园吧！“好。”走。", ["今天天气很好。", "我们去公园吧！", "“好。”", "走。"]),
        ("Hi 😀! 😀😀 !!! …", ["Hi 😀!"]),
        ("  ", []),
    ],
)
def test_sentences(text, sentences):
    assert [piece.text for piece in pieces(text)] == sentences


def test_where_a_piece_ends():
    assert [piece.ends for piece in pieces("One. Two.\n\nThree. Four")] == [
        "sentence",
        "paragraph",
        "sentence",
        "paragraph",
    ]


@pytest.mark.parametrize(
    "text", ["word, " * 200, "words " * 200, "a" * 1000, "字" * 300, "字，" * 300, "x" * 5 + ", " + "y" * 400]
)
def test_long_sentences_are_cut_and_nothing_is_lost(text):
    cut = list(pieces(text))
    assert all(len(piece.text) + 2 * piece.text.count("字") <= LONGEST_SENTENCE for piece in cut)
    assert "".join(piece.text for piece in cut).replace(" ", "") == text.replace(" ", "")
    assert [piece.ends for piece in cut] == ["clause"] * (len(cut) - 1) + ["paragraph"]


def test_the_first_sound_is_not_waited_for_long():
    text = "When the old clockmaker came down to the river in the morning, he counted the bridges, the boats, and the swallows over the water."
    assert [piece.text[-10:] for piece in pieces(text)] == ["the boats,", "the water."]
    assert [piece.text for piece in pieces(f"Oh. {text}")] == ["Oh.", text]


@pytest.mark.parametrize(
    ("sentence", "language", "expected"),
    [
        ("我用iPhone 15 Pro写代码。", "", [("zh", "我用"), ("en", "iPhone 15 Pro"), ("zh", "写代码。")]),
        ("今日はPythonを使います。", "", [("ja", "今日は"), ("en", "Python"), ("ja", "を使います。")]),
        ("東京大学", "ja", [("ja", "東京大学")]),
        ("東京大学", "", [("zh", "東京大学")]),
        ("123 + 5", "", [("en", "123 + 5")]),
        ("123 + 5", "zh", [("zh", "123 + 5")]),
    ],
)
def test_runs_of_one_language(sentence, language, expected):
    assert runs(sentence, language) == expected


@pytest.mark.parametrize("sign", [".", "!", "…", " ", "1", "，", "-", "a'", "a.", '."', " -", "字", "ー", "\n"])
def test_a_long_run_of_anything_is_cut_in_a_moment(sign):
    """A second is plenty; what looks at each sign of a run from each sign of it takes twenty."""
    began = time.perf_counter()
    for text in (sign * 20_000, sign * 20_000 + "x"):
        for piece in pieces(text):
            runs(piece.text, "")
    assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Wait... What?", ["Wait...", "What?"]),
        ("Ask Dr... Smith.", ["Ask Dr...", "Smith."]),
        ("Ask Dr. Smith.", ["Ask Dr. Smith."]),
        ("Well...no.", ["Well...no."]),
        ("(Yes...) No", ["(Yes...)", "No"]),
    ],
)
def test_runs_of_dots_end_a_sentence_and_one_of_an_abbreviation_does_not(text, sentences):
    assert [piece.text for piece in pieces(text)] == sentences
