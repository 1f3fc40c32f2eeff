"""ABC notation: every sign that carries pitch or time, and tunes that would have to be guessed are refused."""

import pytest

from pipelines.music.score import METRES, notes_of
from pipelines.training.abc_notation import NotRead, read_tune, read_tunes


def tune(music: str, key: str = "C", metre: str = "4/4", unit: str = "1/8"):
    return read_tune(f"1\nT:Test\nM:{metre}\nL:{unit}\nK:{key}\n{music}\n")


def heard(music: str, **fields: str) -> list[tuple[int, float]]:
    """(MIDI number, quarters)"""
    return [(note.pitch, note.beats) for note in notes_of(tune(music, **fields).bars)]


@pytest.mark.parametrize(
    "music, expected",
    [
        ("C2 c2 c'2 C,2|", [(60, 1), (72, 1), (84, 1), (48, 1)]),
        ("c4 c/c/ c3/2 c/ c|", [(72, 2), (72, 0.25), (72, 0.25), (72, 0.75), (72, 0.25), (72, 0.5)]),
        ("(3ccc c6|", [(72, 1 / 3), (72, 1 / 3), (72, 1 / 3), (72, 3)]),
        ("(3:2:2c2c c6|", [(72, 2 / 3), (72, 1 / 3), (72, 3)]),
        ("c>d c<d e4|", [(72, 0.75), (74, 0.25), (72, 0.25), (74, 0.75), (76, 2)]),
        ('c"4">d c>>d e4|', [(72, 0.75), (74, 0.25), (72, 0.875), (74, 0.125), (76, 2)]),
        ("c4- c4|", [(72, 4)]),
        ("c8- | c4 d4|", [(72, 6), (74, 2)]),
        ("c4-d4|", [(72, 2), (74, 2)]),  # a slur that somebody wrote as a tie
        ("{gab}c4 [EGc]4|", [(72, 2), (72, 2)]),
        ('"Am"u(c2 .c2) !trill!c2 ~c2|', [(72, 1), (72, 1), (72, 1), (72, 1)]),
        ("!c4 d4|!e4 !fermata!f4|!", [(72, 2), (74, 2), (76, 2), (77, 2)]),  # ! where a printed line ended
        ("^c2 c2 =c2 c2|", [(73, 1), (73, 1), (72, 1), (72, 1)]),
        ("^c2 C2 c2 d2|c8|", [(73, 1), (61, 1), (73, 1), (74, 1), (72, 4)]),
        ("z4 c4|c7 z|", [(72, 2), (72, 3.5)]),
    ],
)
def test_what_signs_mean(music, expected):
    found = heard(music)
    assert [pitch for pitch, _ in found] == [pitch for pitch, _ in expected]
    assert [beats for _, beats in found] == pytest.approx([beats for _, beats in expected])


@pytest.mark.parametrize(
    "key, tonic, mode, raised_f",
    [("G", 7, "major", 1), ("Em", 4, "minor", 1), ("A Dorian", 9, "dorian", 1), ("Dmix", 2, "mixolydian", 1),
     ("F", 5, "major", 0), ("Bb", 10, "major", 0), ("E Minor % really", 4, "minor", 1)],
)  # fmt: skip
def test_keys_raise_and_lower_what_their_signature_says(key, tonic, mode, raised_f):
    read = tune("f8|", key=key)
    assert (read.tonic, read.mode) == (tonic, mode)
    assert read.notes[0].pitch == 77 + raised_f
    assert tune("b8|", key="F").notes[0].pitch == 82


def test_halves_of_a_bar_on_both_sides_of_a_repeat_sign_are_one_and_of_two_endings_the_second_is_played():
    read = tune("G2|c8|c6:|e2|1 d8:|2 g8|c6|]")
    assert read.has_upbeat and [bar.ticks for bar in read.bars] == [24, 96, 96, 96, 96]
    assert [note.pitch for note in read.notes] == [67, 72, 72, 76, 79, 72]
    assert read.bars[-1].notes[0].ticks == 96, "the last note is held over the room for an upbeat"


@pytest.mark.parametrize(
    "music, fields",
    [("c8|c7|c8|", {}), ("c8|[K:G]c8|", {}), ("c8 & e8|", {}), ("c8|", {"key": "Hp"}), ("c8|", {"metre": "none"}),
     ("c8|\nM:3/4\nc6|", {}), ("Z2|", {}), ("", {}), ("c8|", {"unit": "1/0"}), ("(9ccc|", {})],
)  # fmt: skip
def test_what_would_have_to_be_guessed_is_refused(music, fields):
    with pytest.raises(NotRead):
        tune(music, **fields)


def test_a_file_of_tunes_is_read_one_by_one():
    text = "X:1\nT:One\nM:C|\nL:1/8\nK:D\nd8|d8|\n\nX:2\nT:Two\nM:6/8\nK:G\n|:g3 g2z:|\nX:3\nT:Bad\nM:4/4\nK:C\nc8|c9|c8|\n"
    found = dict(read_tunes(text))
    assert found["One"].metre == "4/4" and found["Two"].metre == "6/8"
    assert all(bar.ticks == METRES[found[name].metre] for name in ("One", "Two") for bar in found[name].bars)
    assert isinstance(found["Bad"], NotRead)
