"""A piece of music from a request: a tune in a key, a metre and a tempo, so long, perhaps after a melody that was given.

The model proposes every word of the score, the grammar of scores leaves out what cannot stand there, the notes that would
complete a run out of a tune that was trained on are left out too, and chance decides.
What is longer than a tune is a set of tunes, as fiddlers play them. It knows neither page nor cache.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.errors.requests import NoSuchMetre
from pipelines.music.grammar import Grammar
from pipelines.music.known_runs import KnownRuns, Trail
from pipelines.music.melody import Melody, bars_of_melody, read_melody, tonic_for
from pipelines.music.midi import write_midi
from pipelines.music.score import (
    END,
    METRES,
    MOST_BARS,
    PITCHES,
    TICKS_PER_BEAT,
    UP,
    VOCABULARY,
    Bar,
    Tune,
    bars_of,
    heading,
    notes_of,
    words_of,
)
from pipelines.music.synthesis.render import instrument_of, render
from pipelines.sound.keys import TONICS, Key, read_key
from pipelines.types.events import IsCancelled, OnEvent, Progress, ignore, never
from pipelines.types.model import ModelSpec
from pipelines.types.music import MusicRequest, MusicResult

if TYPE_CHECKING:
    import numpy as np

TEMPOS = {"2/4": 90, "3/4": 120, "4/4": 160, "6/8": 165, "9/8": 165}  # quarters a minute, where nobody says
TEMPO_GIVES = 0.15  # by so much the tempo may be another one, so that whole phrases fill the time
PHRASE_BARS = 4
LEAST_BARS = 2
LOWEST_TONIC = 59  # B3; the tonic lies in the octave from there, and the tune mostly above it
FIDDLE_KEYS = ("D", "G", "A", "C", "E")  # where nobody says: those with open strings
KEPT_WORDS = 160  # of a tune that grows longer than the model can see
PROBABLE = 0.98  # what is drawn from: the likeliest words that make up so much of the probability


class Reader(Protocol):
    def read(self, words: "list[str]") -> "np.ndarray": ...


class Composer(Protocol):
    """What a family gives: see families/score_transformer.py."""

    context_words: int
    known_runs: KnownRuns

    def begin(self) -> Reader: ...


@dataclass(frozen=True)
class _Task:
    """A request with every blank filled in."""

    key: Key
    metre: str
    tempo: int
    tonic: int  # a MIDI number
    tunes: tuple[int, ...]  # bars of each
    beginning: tuple[Bar, ...] = ()  # what was given
    has_upbeat: bool = False


def compose(
    model: Composer,
    spec: ModelSpec,
    request: MusicRequest,
    on_event: OnEvent = ignore,
    is_cancelled: IsCancelled = never,
) -> MusicResult:
    """The piece as notes, MIDI and sound; when it was cancelled, the notes by then and no sound.

    Raises NoSuchKey, NoSuchMetre, NoSuchInstrument, MissingSound, UnreadableSound, NoMelody.
    """
    import numpy as np

    started = time.perf_counter()

    # 1 Every blank filled in
    seed = request.seed if request.seed is not None else int(np.random.default_rng().integers(2**32))
    chance = np.random.default_rng(seed)
    instrument, player = instrument_of(request.instrument)
    melody = read_melody(Path(request.melody), request.tempo, is_cancelled) if request.melody else None
    if request.melody and melody is None:
        return MusicResult(request.model, request, "cancelled", (), 0.0, time.perf_counter() - started)
    task = _task(model, request, melody, chance)
    request = replace(request, key=str(task.key), metre=task.metre, tempo=task.tempo, instrument=instrument, seed=seed)

    # 2 Word by word
    words: list[str] = []
    bars_done, bars_total, notes_done = 0, sum(task.tunes), 0
    is_stopped = False
    for word in _words(model, task, request.temperature, chance):
        words.append(word)
        notes_done += word in PITCHES
        if word.startswith("bar"):
            bars_done += 1
            on_event(Progress(notes_done, max(notes_done, round(notes_done / bars_done * bars_total)), "notes"))
        if is_stopped := is_cancelled():
            break
    bars = list(bars_of(words, task.tonic))
    notes, upbeat_beats = notes_of(bars), bars[0].ticks / TICKS_PER_BEAT if words[:1] == [UP] and bars else 0.0

    # 3 What is heard, and what others can play
    wave = None if is_stopped else render(notes, task.tempo, instrument, is_cancelled)
    if is_cancelled():
        wave = None
    return MusicResult(
        model=request.model,
        request=request,
        finish_reason="stop" if wave else "cancelled",
        notes=notes,
        seconds_audio=wave.seconds if wave else 0.0,
        seconds=time.perf_counter() - started,
        upbeat_beats=upbeat_beats,
        wave=wave,
        midi=write_midi(notes, task.tempo, task.metre, player.program, f"{task.key} {task.metre}", upbeat_beats),
    )


# ── what is to be made ────────────────────────────────────────────────────────────────────────────────────────────────


def _task(model: Composer, request: MusicRequest, melody: Melody | None, chance: Any) -> _Task:
    # 1 The key and the metre: the person's, the melody's, or what the model finds likely
    if request.key:
        key = read_key(request.key)
    elif melody:
        key = melody.key
    else:
        mode = _likely(model, [END], "K:", chance)
        key = Key(TONICS.index(str(chance.choice(FIDDLE_KEYS))), mode)
    metre = request.metre or (melody.metre if melody and melody.metre in METRES else "")
    if not metre:
        metre = "4/4" if melody else _likely(model, [END, f"K:{key.mode}"], "M:", chance)
    if metre not in METRES:
        raise NoSuchMetre(metre=metre, known=", ".join(METRES))

    # 2 As many bars as fill the time
    tempo = request.tempo or (melody.tempo if melody else None)
    beats_per_bar = METRES[metre] / TICKS_PER_BEAT
    bars, tempo = _length(request.seconds, beats_per_bar, tempo, TEMPOS[metre])

    # 3 What was given
    if not melody:
        tonic = LOWEST_TONIC + (key.tonic - LOWEST_TONIC) % 12
        return _Task(key, metre, tempo, tonic, _tunes(bars))
    tonic = tonic_for(melody, key)
    has_upbeat, beginning = bars_of_melody(melody, metre, tonic)
    given = len(beginning) - has_upbeat
    first = min(MOST_BARS, max(bars, given + PHRASE_BARS))
    return _Task(key, metre, tempo, tonic, (first, *_tunes(bars - first)), beginning, has_upbeat)


def _length(seconds: float, beats_per_bar: float, tempo: int | None, usual: int) -> tuple[int, int]:
    """(bars, tempo): whole phrases where the tempo may give a little, else pairs of bars."""
    exact = seconds * (tempo or usual) / 60 / beats_per_bar
    if tempo:
        return max(LEAST_BARS, 2 * round(exact / 2)), tempo
    bars = max(LEAST_BARS, PHRASE_BARS * round(exact / PHRASE_BARS))
    wanted = bars * beats_per_bar * 60 / seconds
    return bars, round(min(max(wanted, usual * (1 - TEMPO_GIVES)), usual * (1 + TEMPO_GIVES)))


def _tunes(bars: int) -> tuple[int, ...]:
    """Bars of each tune of a set, all about the same and in whole phrases; the last has what is left."""
    if bars <= 0:
        return ()
    count = -(-bars // MOST_BARS)
    each = min(MOST_BARS, -(-bars // (count * PHRASE_BARS)) * PHRASE_BARS)
    last = bars - each * (count - 1)
    return (*[each] * (count - 1), last)


def _likely(model: Composer, words: list[str], beginning: str, chance: Any) -> str:
    """One of the words with this beginning, as likely as the model finds it, without the beginning."""
    scores = model.begin().read(words)
    allowed = {word for word in VOCABULARY if word.startswith(beginning)}
    return _draw(scores, allowed, 1.0, chance).removeprefix(beginning)


# ── word by word ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _words(model: Composer, task: _Task, temperature: float, chance: Any) -> Iterator[str]:
    """All words of all tunes, with their headings and ENDs."""
    for number, bars in enumerate(task.tunes):
        given: list[str] = []
        if number == 0 and task.beginning:
            whole = len(task.beginning) - task.has_upbeat
            tune = Tune(task.key.tonic, task.key.mode, task.metre, task.has_upbeat, task.beginning)
            given = words_of(tune, bars - whole, task.tonic)[2:]
        yield from _tune(model, task, bars, given, number == 0, temperature, chance)


def _tune(
    model: Composer, task: _Task, bars: int, given: list[str], may_begin_early: bool, temperature: float, chance: Any
) -> Iterator[str]:
    head = heading(task.key.mode, task.metre)
    grammar, trail = Grammar(task.key.mode, task.metre, bars, may_begin_early), Trail()
    reader, unread, seen = model.begin(), [END, *head], list[str]()
    while not grammar.is_done:
        # 1 What may follow, and what the model finds likely
        if len(seen) + len(unread) >= model.context_words:
            reader, unread, seen = model.begin(), [END, *head, *_last_bars(seen + unread)], []
        scores = reader.read(unread)
        seen += unread

        # 2 The next word: of what was given as long as there is any
        word = given.pop(0) if given else _draw(scores, _possible(grammar, trail, model), temperature, chance)
        grammar.follow(word)
        trail.follow(word)
        unread = [word]
        yield word


def _possible(grammar: Grammar, trail: Trail, model: Composer) -> set[str]:
    """What may follow and copies nothing; where all would, as the end of a tune may, what may follow."""
    allowed = grammar.allowed()
    copies = {word for word in allowed if word in PITCHES and model.known_runs.holds(trail.run(word))}
    return allowed - copies or allowed


def _draw(scores: Any, allowed: set[str], temperature: float, chance: Any) -> str:
    """One of the `allowed` words."""
    import numpy as np

    # 1 The chances of those that are allowed
    places = np.array([place for place, word in enumerate(VOCABULARY) if word in allowed])
    heights = scores[places].astype(np.float64) / temperature
    chances = np.exp(heights - heights.max())
    chances /= chances.sum()

    # 2 Without the unlikely ones (nucleus sampling, Holtzman et al. 2019, arXiv 1904.09751)
    order = np.argsort(-chances, kind="stable")
    kept = order[: int(np.searchsorted(np.cumsum(chances[order]), PROBABLE)) + 1]
    return VOCABULARY[int(places[chance.choice(kept, p=chances[kept] / chances[kept].sum())])]


def _last_bars(words: list[str]) -> list[str]:
    """The last words, from the beginning of a bar on."""
    lines = [place for place, word in enumerate(words) if word.startswith("bar") and len(words) - place <= KEPT_WORDS]
    return words[lines[0] :] if lines else words[-KEPT_WORDS:]
