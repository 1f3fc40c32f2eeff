"""Scores as words, and the grammar that keeps a tune in order whatever is drawn."""

import random

import pytest

from pipelines.music.grammar import LONGEST_BARS, MOST_FOREIGN, Grammar
from pipelines.music.known_runs import RUN_NOTES, Trail, read_runs, write_runs
from pipelines.music.score import (
    END,
    METRES,
    MOST_BARS,
    PITCHES,
    TICKS_PER_BEAT,
    UP,
    VOCABULARY,
    Bar,
    ScoreNote,
    Tune,
    bars_of,
    notes_of,
    words_of,
)
from pipelines.sound.keys import MODES
from tests.pipelines.tiny_tunes import tiny_tunes


def test_every_word_is_there_once():
    assert len(set(VOCABULARY)) == len(VOCABULARY) < 150


def test_a_tune_comes_back_out_of_its_words():
    for tune in tiny_tunes(4):
        assert tuple(bars_of(words_of(tune, tonic=62), 62)) == tune.bars
    assert words_of(tiny_tunes(2)[1])[:5] == ["K:major", "M:2/4", UP, "1/8", "+7"]


def test_the_words_are_the_same_in_every_key():
    tune = tiny_tunes(1)[0]
    bars = tuple(Bar(tuple(ScoreNote(note.pitch + 5, note.ticks) for note in bar.notes)) for bar in tune.bars)
    assert words_of(Tune(7, "major", "2/4", False, bars)) == words_of(tune)


def test_what_has_no_word_is_refused():
    bar = Bar((ScoreNote(62, 48),))
    with pytest.raises(ValueError, match="bar33"):
        words_of(Tune(2, "major", "2/4", False, (bar,) * (MOST_BARS + 1)))
    with pytest.raises(ValueError, match="M:7/8"):
        words_of(Tune(2, "major", "7/8", False, (bar,)))
    with pytest.raises(ValueError, match="no word"):
        words_of(Tune(2, "major", "2/4", False, (Bar((ScoreNote(62, 47), ScoreNote(62, 1))),)))


def test_held_notes_sound_as_one_and_rests_not_at_all():
    bars = [
        Bar((ScoreNote(60, 24), ScoreNote(None, 24), ScoreNote(62, 48))),
        Bar((ScoreNote(62, 24, is_held=True), ScoreNote(62, 72))),
    ]
    assert [(note.pitch, note.start_beats, note.beats) for note in notes_of(bars)] == [
        (60, 0, 1),
        (62, 2, 3),
        (62, 5, 3),
    ]


@pytest.mark.parametrize("metre", METRES)
@pytest.mark.parametrize("mode", MODES)
def test_whatever_is_drawn_bars_add_up_the_key_is_kept_and_the_tonic_ends_it(metre, mode):
    for seed in range(12):
        chance = random.Random(seed)
        grammar, words = Grammar(mode, metre, bars=5, may_begin_early=seed % 2 == 0), list[str]()
        while not grammar.is_done:
            words.append(chance.choice(sorted(grammar.allowed())))
            grammar.follow(words[-1])
        bars = list(bars_of(words, 60))
        whole = bars[1:] if words[0] == UP else bars
        assert [bar.ticks for bar in whole] == [METRES[metre]] * 5
        assert words[0] != UP or (seed % 2 == 0 and bars[0].ticks <= METRES[metre] // 2)
        pitches = [PITCHES[word] for word in words if word in PITCHES]
        assert sum(pitch % 12 not in MODES[mode] for pitch in pitches) <= MOST_FOREIGN * len(pitches)
        assert whole[-1].notes[-1].pitch % 12 == 0 and whole[-1].notes[-1].ticks >= TICKS_PER_BEAT
        assert max(note.beats for note in notes_of(bars)) * TICKS_PER_BEAT <= LONGEST_BARS * METRES[metre]
        assert words[-1] == END


def test_runs_that_were_trained_on_are_known_in_every_key_and_others_are_not(tmp_path):
    words = words_of(tiny_tunes(1)[0])
    write_runs([words], tmp_path)
    known = read_runs(tmp_path)
    trail, found = Trail(), 0
    for word in words:
        found += word in PITCHES and known.holds(trail.run(word))
        trail.follow(word)
    notes = sum(word in PITCHES for word in words)
    assert found == notes - RUN_NOTES + 1
    run = trail.run()
    assert known.holds([(pitch + 3, ticks) for pitch, ticks in run])
    assert not known.holds([(pitch, ticks * 2) for pitch, ticks in run])
    assert not known.holds([*run[:-1], (run[-1][0] + 1, run[-1][1])])
    assert not read_runs(tmp_path / "nowhere").holds(run)
