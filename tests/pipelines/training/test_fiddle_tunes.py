"""Fiddle tunes out of the package: only the collections that may be, each tune once, and no variant of a held-out one."""

import io
import random
import zipfile
from dataclasses import replace

import pytest

from pipelines.music.score import METRES, Bar, ScoreNote, Tune, bars_of, tonic_pitch, words_of
from pipelines.sound.keys import MODES
from pipelines.training.datasets import fiddle_tunes
from pipelines.training.datasets.fiddle_tunes import phrases, split

REEL = (
    "M:C|\nL:1/8\nK:{key}\n|:G2|BGBd gdBd|cBAG FDEF|GABc dgfg|a2f2 g2:|\n|:ga|bagf gdBd|cBAG FDEF|GABc d2ef|{end}:|\n"
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A wheel of a few tunes in the place of the 20 MB one, the outermost edge."""

    def of(files: dict[str, str]):
        held = io.BytesIO()
        with zipfile.ZipFile(held, "w") as archive:
            for name, text in files.items():
                archive.writestr(f"music21/corpus/{name}", text)
        monkeypatch.setattr(fiddle_tunes, "open_wheel", lambda wheel, packages: zipfile.ZipFile(held))
        return tmp_path

    return of


def test_only_the_three_collections_are_opened_and_every_tune_comes_once(package):
    one = "X:1\nT:The Reel\n" + REEL.format(key="G", end="g4 G2")
    files = {"ryansMammoth/AReel.abc": one, "essenFolksong/b.abc": one.replace("BG", "AG"), "oneills1850/1.abc": one}
    data = fiddle_tunes.load(package(files))
    (tune,) = data.texts + data.held_out
    assert tune.startswith("K:major M:4/4 up 1/4 +0 bar8 1/8 +4 +0 +4 +7 +12")
    assert tune.endswith("bar1 1/4 +12 1/2 +0") or tune.endswith("bar1 1/2 +12 +0")


def test_the_tonic_is_the_note_on_which_a_tune_ends(package):
    dorian = "X:1\nT:A\n" + REEL.format(key="G", end="A4 A2").replace("G2|BGBd", "A2|ceae").replace("gdBd", "aece")
    nowhere = "X:2\nT:B\n" + REEL.format(key="G", end="c4 c2")
    data = fiddle_tunes.load(package({"airdsAirs/book1.abc": dorian + nowhere}))
    (tune,) = data.texts + data.held_out
    assert tune.startswith("K:dorian M:4/4 up 1/4 +0")


def made(number: int) -> Tune:
    """A tune of 16 bars that is like no other."""
    chance = random.Random(number)
    bars = [Bar(tuple(ScoreNote(62 + chance.choice((*MODES["major"], 12)), 24) for _ in range(4))) for _ in range(15)]
    return Tune(2, "major", "4/4", False, (*bars, Bar((ScoreNote(62, 96),))))


def test_what_is_held_out_never_changes_and_nothing_trained_on_gives_it_away():
    rows = [(f"tune {chr(97 + number % 26)}{chr(97 + number // 26)}", made(number)) for number in range(150)]
    train, held_out = split(rows)
    assert 3 <= len(held_out) <= 25 and len(train) + len(held_out) == 150

    # the same again, in another order and with variants: another key, another ending, another tune under the same name
    variants = [replace(tune, bars=(*tune.bars[:-2], *tune.bars[-1:])) for tune in held_out]
    names = {tune: name for name, tune in rows}
    namesakes = [(names[tune] + " -- Reel", made(1000 + number)) for number, tune in enumerate(held_out)]
    mixed = [*rows, *((f"x{number}y", tune) for number, tune in enumerate(variants)), *namesakes]
    again, held_out_again = split(random.Random(1).sample(mixed, len(mixed)))
    fresh = {tune for tune in held_out_again if tune not in held_out}
    assert set(held_out) <= set(held_out_again)
    assert not [tune for tune in again if tune in variants or tune in {row[1] for row in namesakes}]
    assert all(len(phrases(one) & phrases(other)) < 3 for one in again for other in held_out), fresh


def test_every_bar_adds_up_and_a_tune_comes_back_out_of_its_words():
    tune = made(5)
    assert all(bar.ticks == METRES[tune.metre] for bar in tune.bars)
    assert tuple(bars_of(words_of(tune), tonic_pitch(tune))) == tune.bars
