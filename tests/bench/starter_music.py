"""How good the tunes of the starter composer are, beside real ones and beside a Markov chain. `make prove`.

    python -m tests.bench.starter_music [--model DIR] [--packages DIR] [--rolls DIR]

Ten sets of 30 pieces of 30 seconds with the modes and metres of held-out tunes, in keys drawn by lot. A statistic of the notes is a
distribution; how far two are apart is their Jensen-Shannon distance (0 the same … 1 nothing in common). The Markov chain
has counted which note, pitch and duration, follows which two, from the heading (mode and metre) on, and plays as many. A second
one has counted the tunes of each heading apart, so that it never leaves its mode and its metre's durations.

Three figures of each statistic, which say different things:

- of the notes of 30 pieces in one heap: the mean of the ten sets, and the standard deviation among them. Much of such a distance is
  chance: 30 real tunes, of which each has habits of its own, are further off than 30 pieces of a chain, which are all like the mean.
- of the notes of all 300 pieces in one heap, in which chance counts less.
- as pieces, all 300. How far apart two pieces are is the distance of their own distributions; how far two sets of pieces are apart is
  the energy distance over that (Székely and Rizzo 2013, https://doi.org/10.1016/j.jspi.2013.03.018), without bias, so that
  real tunes lie about 0, on either side. That was settled against tunes of the training set, before a held-out one was looked at.
"""

import argparse
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import torch

from pipelines.evaluation.ngram_perplexity import NgramModel
from pipelines.families import score_transformer
from pipelines.loading.inspection.weights import check_model
from pipelines.loading.placement.devices import choose_place
from pipelines.loading.starter import ASSETS, default_cache_folder
from pipelines.music import score_model
from pipelines.music.composing import compose
from pipelines.music.piano_roll import draw_roll
from pipelines.music.score import METRES, TICKS_PER_BEAT, Tune, notes_of, tonic_pitch, words_of
from pipelines.music.synthesis.instruments import INSTRUMENTS
from pipelines.music.synthesis.render import render
from pipelines.sound.keys import MODES, TONICS, read_key
from pipelines.training.data import Texts
from pipelines.training.datasets.fiddle_tunes import read_all
from pipelines.training.trainers import note_transformer
from pipelines.types.events import ignore
from pipelines.types.model import ModelSpec
from pipelines.types.music import MusicRequest, MusicResult, Note
from tests.bench.record import record

COUNT, SETS, SECONDS = 30, 10, 30.0
CHAIN_ORDER = 3
COPIED_NOTES = 12
SPEC = ModelSpec("fiddle-tunes", "Fiddle tunes", "score_transformer", ("music",), "starter", "fiddle-tunes")


@dataclass(frozen=True)
class Line:
    """A melody as (semitones above the tonic, ticks) one after another; `starts`: ticks from the first bar line."""

    mode: str
    metre: str
    notes: tuple[tuple[int, int], ...]
    starts: tuple[int, ...]


STATISTICS: dict[str, Callable[[Line], Iterable[Hashable]]] = {
    "degrees of the scale": lambda line: ((line.mode, pitch % 12) for pitch, _ in line.notes),
    "intervals": lambda line: _steps(line.notes),
    "pairs of intervals": lambda line: _pairs(_steps(line.notes)),
    "durations": lambda line: ((line.metre, ticks) for _, ticks in line.notes),
    "pairs of durations": lambda line: ((line.metre, pair) for pair in _pairs([ticks for _, ticks in line.notes])),
    "places in the bar": lambda line: ((line.metre, start % METRES[line.metre]) for start in line.starts),
    "degrees on the bar line": lambda line: (
        (line.mode, pitch % 12)
        for (pitch, _), start in zip(line.notes, line.starts, strict=True)
        if start % METRES[line.metre] == 0
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", type=Path, default=ASSETS / "starters" / "fiddle-tunes")
    parser.add_argument("--packages", type=Path, default=default_cache_folder() / "packages")
    parser.add_argument("--rolls", type=Path, help="where to draw the pieces")
    options = parser.parse_args()
    train, held_out = read_all(options.packages)
    weights = check_model(options.model, SPEC.id)
    model = score_transformer.load(SPEC, weights, choose_place(), (), ignore)
    figures: dict[str, float | int] = {"parameters": weights.parameters, "tunes trained on": len(train)}
    figures |= predicted(options.model, train, held_out)

    # 1 The pieces, and how long they take
    chance = random.Random(0)
    asked = [tune for _ in range(SETS) for tune in chance.sample(held_out, COUNT)]
    keys = [f"{chance.choice(TONICS)} {tune.mode}" for tune in asked]
    started = time.perf_counter()
    pieces = [
        compose(model, SPEC, MusicRequest("fiddle-tunes", key=key, metre=tune.metre, seconds=SECONDS, seed=seed))
        for seed, (tune, key) in enumerate(zip(asked, keys, strict=True))
    ]
    figures["pieces"] = len(pieces)
    figures["seconds for a piece of 30 s"] = (time.perf_counter() - started) / len(pieces)
    lengths = [max(note.start_beats + note.beats for note in p.notes) * 60 / (p.request.tempo or 1) for p in pieces]
    figures["shortest piece, seconds to the end of its last note"] = min(lengths)
    figures["longest piece, seconds to the end of its last note"] = max(lengths)

    # 2 The rules: key, bars, ending
    shares = [np.mean([read_key(p.request.key).holds(note.pitch) for note in p.notes]) for p in pieces]
    figures["notes in the key that was asked for, %"] = 100 * float(np.mean(shares))
    figures["… in the worst piece, %"] = 100 * float(min(shares))
    figures["… in held-out tunes, %"] = 100 * float(
        np.mean([pitch % 12 in MODES[line.mode] for line in map(line_of, held_out) for pitch, _ in line.notes])
    )
    figures["pieces that end on the tonic, %"] = 100 * statistics.mean(
        (p.notes[-1].pitch - read_key(p.request.key).tonic) % 12 == 0 for p in pieces
    )

    # 3 The statistics, beside a Markov chain's and those of other real tunes
    made = [_line_of_piece(piece) for piece in pieces]
    lengths_in_notes = [len(line.notes) for line in made]
    played = list(chain(train, asked, lengths_in_notes, chance))
    apart_played = list(chain(train, asked, lengths_in_notes, random.Random(1), is_by_heading=True))
    alike = {heading: [tune for tune in train if (tune.mode, tune.metre) == heading] for heading in _headings(train)}
    other = [line_of(chance.choice(alike[tune.mode, tune.metre])) for tune in asked]
    target = [line_of(tune) for tune in held_out]
    compared = {
        "the model": made,
        "the Markov chain": played,
        "a Markov chain for each heading": apart_played,
        "tunes trained on, same headings": other,
    }
    for name, of in STATISTICS.items():
        for whose, lines in compared.items():
            sets = [distance(of, lines[place : place + COUNT], target) for place in range(0, len(lines), COUNT)]
            figures[f"{name}: distance of {whose}, mean of {SETS} sets of {COUNT}"] = statistics.mean(sets)
            figures[f"{name}: distance of {whose}, standard deviation"] = statistics.stdev(sets)
            figures[f"{name}: distance of {whose}, all {len(lines)}"] = distance(of, lines, target)
            apart, error = apart_as_pieces(of, lines, target)
            figures[f"{name}, as pieces: distance of {whose}"] = apart
            figures[f"{name}, as pieces: standard error of {whose}"] = error

    # 4 What is shared with the tunes that it was trained on
    known = [line_of(tune) for tune in train]
    figures |= shared("", made, known)
    figures |= shared(", held-out tunes", target[:COUNT], known)
    figures |= shared(", Markov chain", played, known)

    # 5 The sound
    figures |= heard(pieces)
    print(record("starter-music", figures))
    for number, piece in enumerate(pieces[:COUNT] if options.rolls else ()):
        options.rolls.mkdir(parents=True, exist_ok=True)
        beats = METRES[piece.request.metre] / TICKS_PER_BEAT
        draw_roll(piece.notes, beats, piece.upbeat_beats).save(options.rolls / f"{number:02d}.png")


def predicted(folder: Path, train: Sequence[Tune], held_out: Sequence[Tune]) -> dict[str, float | int]:
    """Perplexity of a held-out word, as in training."""
    texts = Texts(*(tuple(" ".join(words_of(tune)) for tune in part) for part in (train, held_out)))
    course = note_transformer.start(note_transformer.PRESETS["gpu"], texts, "cpu")
    network = score_model.read(folder)
    course.networks["composer"] = course._network = network
    with torch.no_grad():
        found = course.evaluate()[note_transformer.METRIC]
    counted = note_transformer.baseline(texts, note_transformer.PRESETS["gpu"])[note_transformer.METRIC]
    return {"held-out tunes": len(held_out), "perplexity of a word": found, "perplexity of a 3-gram model": counted}


def chain(
    train: Sequence[Tune],
    asked: Sequence[Tune],
    lengths: Sequence[int],
    chance: random.Random,
    *,
    is_by_heading: bool = False,
) -> Iterator[Line]:
    """What counting alone composes under the same headings."""
    lines = [line_of(tune) for tune in train]
    symbols = sorted({note for line in lines for note in line.notes})
    models: dict[tuple[str, str], NgramModel] = {}
    for tune, length in zip(asked, lengths, strict=True):
        heading = (tune.mode, tune.metre)
        if heading not in models:
            counted = [line for line in lines if not is_by_heading or (line.mode, line.metre) == heading]
            texts = [((line.mode, line.metre), *line.notes) for line in counted]
            models[heading] = NgramModel(texts, CHAIN_ORDER, len(symbols))
        text: list[Hashable] = [heading]
        while len(text) <= length:
            text += chance.choices(symbols, [models[heading].probability(text, symbol) for symbol in symbols])
        notes = tuple(text[1:])
        upbeat = tune.bars[0].ticks if tune.has_upbeat else 0
        starts = accumulate((ticks for _, ticks in notes[:-1]), initial=-upbeat)
        yield Line(tune.mode, tune.metre, notes, tuple(starts))


def distance(of: Callable[[Line], Iterable[Hashable]], some: Sequence[Line], others: Sequence[Line]) -> float:
    """Jensen-Shannon, with logarithms to base 2: the root of the divergence."""
    one, other = (Counter(value for line in lines for value in of(line)) for lines in (some, others))
    kinds = sorted({*one, *other}, key=repr)
    p, q = (np.array([counts[kind] for kind in kinds], float) / counts.total() for counts in (one, other))
    middle = (p + q) / 2
    with np.errstate(divide="ignore", invalid="ignore"):
        divergence = sum(np.nansum(part * np.log2(part / middle)) for part in (p, q)) / 2
    return float(np.sqrt(divergence))


def apart_as_pieces(
    of: Callable[[Line], Iterable[Hashable]], some: Sequence[Line], others: Sequence[Line]
) -> tuple[float, float]:
    """(energy distance of the two sets of pieces, its standard error by leaving out one of `some` after the other)."""
    # 1 Every piece as a distribution, and how far every two are apart
    counts = [Counter(of(line)) for line in (*some, *others)]
    places = {kind: place for place, kind in enumerate({kind for one in counts for kind in one})}
    shares = np.zeros((len(counts), len(places)))
    for row, one in zip(shares, counts, strict=True):
        for kind, count in one.items():
            row[places[kind]] = count / one.total()
    own, count = _entropy(shares), len(some)
    apart = np.array(
        [np.sqrt(np.maximum(_entropy((row + shares) / 2) - (_entropy(row) + own) / 2, 0)) for row in shares]
    )

    # 2 Between the sets, less what is within each: the mean over different pieces
    between, within, beyond = apart[:count, count:], apart[:count, :count], apart[count:, count:]
    other = beyond.sum() / (len(others) * (len(others) - 1))

    def energy(kept: np.ndarray) -> float:
        inside = within[np.ix_(kept, kept)].sum() / (len(kept) * (len(kept) - 1))
        return float(2 * between[kept].mean() - inside - other)

    every = np.arange(count)
    without = [energy(np.delete(every, place)) for place in every]
    return energy(every), float(np.sqrt((count - 1) * np.var(without)))


def _entropy(shares: np.ndarray) -> np.ndarray:
    """In bits, of distributions in the last axis."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return -np.nansum(shares * np.log2(shares), axis=-1)


def shared(whose: str, lines: Sequence[Line], known: Sequence[Line]) -> dict[str, float]:
    """The longest run of notes, by intervals and durations, that stands so in a tune that was trained on."""
    longest, length, is_found = [1] * len(lines), 2, True
    while is_found:
        runs = {run for line in known for run in _runs(line, length)}
        found = [any(run in runs for run in _runs(line, length)) for line in lines]
        longest = [length if is_shared else one for is_shared, one in zip(found, longest, strict=True)]
        is_found, length = any(found), length + 1
    return {
        f"longest run shared with the training set, median of notes{whose}": statistics.median(longest),
        f"longest run shared with the training set, under 12 notes{whose}, %": 100
        * statistics.mean(one < COPIED_NOTES for one in longest),
    }


def heard(pieces: Sequence[MusicResult]) -> dict[str, float]:
    """Levels of every instrument, so that nothing clips and nothing is silent."""
    peaks, levels, seconds = [], [], []
    for number, name in enumerate(INSTRUMENTS):
        piece = pieces[number % len(pieces)]
        started = time.perf_counter()
        samples = render(piece.notes, piece.request.tempo or 120, name).samples
        seconds.append(time.perf_counter() - started)
        peaks.append(float(np.abs(samples).max()))
        levels.append(20 * float(np.log10(np.sqrt(np.mean(samples**2)))))
    return {
        "highest peak of all instruments": max(peaks),
        "quietest instrument, dB RMS": min(levels),
        "loudest instrument, dB RMS": max(levels),
        "seconds to play 30 s, slowest instrument": max(seconds),
    }


# ── melodies ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def line_of(tune: Tune) -> Line:
    upbeat = tune.bars[0].ticks if tune.has_upbeat else 0
    return _line(tune.mode, tune.metre, notes_of(tune.bars), tonic_pitch(tune), upbeat)


def _line_of_piece(piece: MusicResult) -> Line:
    key = read_key(piece.request.key)
    upbeat = round(piece.upbeat_beats * TICKS_PER_BEAT)
    return _line(key.mode, piece.request.metre, piece.notes, key.tonic, upbeat)


def _line(mode: str, metre: str, notes: Sequence[Note], tonic: int, upbeat: int) -> Line:
    return Line(
        mode,
        metre,
        tuple((note.pitch - tonic, round(note.beats * TICKS_PER_BEAT)) for note in notes),
        tuple(round(note.start_beats * TICKS_PER_BEAT) - upbeat for note in notes),
    )


def _headings(tunes: Sequence[Tune]) -> set[tuple[str, str]]:
    return {(tune.mode, tune.metre) for tune in tunes}


def _steps(notes: Sequence[tuple[int, int]]) -> list[int]:
    return [after - before for (before, _), (after, _) in pairwise(notes)]


def _pairs(values: Sequence[int]) -> Iterator[tuple[int, int]]:
    return pairwise(values)


def _runs(line: Line, length: int) -> Iterator[tuple]:
    steps, ticks = _steps(line.notes), [ticks for _, ticks in line.notes]
    for place in range(len(line.notes) - length + 1):
        yield (*steps[place : place + length - 1], *ticks[place : place + length])


if __name__ == "__main__":
    main()
