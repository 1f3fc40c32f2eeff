"""What the fusion model is given of words and of sounds."""

import numpy
import pytest

from pipelines.finding.hearing_features import FRAMES, MELS, MOST_WINDOWS, SILENCE, WINDOW_SAMPLES, windows
from pipelines.finding.wording import LIMIT_PIECES, pieces, places, words


def test_words_are_small_letters_and_stretches_of_chinese():
    assert words("Two RED-Apples，红苹果abc!") == ["two", "red", "apples", "红苹果", "abc"]
    assert pieces("红苹果") == ["红", "苹", "果", "红苹", "苹果"]
    assert "<cat>" in pieces("cat") and "cat" in pieces("cat") and "<ca" in pieces("cat")


def test_words_that_share_pieces_share_places():
    kitten, kittens, other = (set(places(word, 1 << 30)) for word in ("kitten", "kittens", "dawn"))
    assert len(kitten & kittens) > len(kitten) / 2
    assert not kitten & other


@pytest.mark.parametrize("text", ["", "!?", "😀"])
def test_nothing_to_read_has_a_place_too(text):
    assert places(text, 64) == [0]


def test_a_book_costs_no_more_than_its_beginning():
    assert len(pieces("word " * 100_000)) == LIMIT_PIECES
    assert max(places("any words at all", 7)) < 7


def test_a_short_sound_is_one_window_that_ends_in_silence():
    tone = numpy.sin(numpy.arange(8000) / 5).astype(numpy.float32)
    (window,) = windows(tone)
    assert window.shape == (MELS, FRAMES) and window.max() == pytest.approx(1.0, abs=0.2)
    assert (window[:, 30:] == SILENCE).all() and window[:, :24].max() > 0


def test_how_loud_it_is_makes_no_difference():
    tone = numpy.sin(numpy.arange(16_000) / 5).astype(numpy.float32)
    assert numpy.allclose(windows(tone), windows(tone * 0.25), atol=1e-3)


def test_of_a_long_sound_only_the_beginning_counts():
    noise = numpy.random.default_rng(0).normal(size=WINDOW_SAMPLES * 40).astype(numpy.float32)
    assert windows(noise).shape == (MOST_WINDOWS, MELS, FRAMES)
    assert windows(noise[: WINDOW_SAMPLES + 1]).shape[0] == 2
    assert numpy.isfinite(windows(numpy.zeros(1, numpy.float32))).all()
