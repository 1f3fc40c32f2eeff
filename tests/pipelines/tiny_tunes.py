"""Tunes by rule: chords that go round, broken in patterns drawn by lot. Enough to be learnt, and copied from nobody."""

import random

from pipelines.music.score import Bar, ScoreNote, Tune

CHORDS = ((0, 4, 7, 12), (5, 9, 12, 9), (7, 11, 14, 11), (4, 7, 12, 7))
ORDERS = ((0, 1, 2, 3), (2, 1, 0, 1), (0, 2, 1, 2))
TONIC = 62  # D


def tiny_tunes(count: int, seed: int = 0) -> list[Tune]:
    """In D major and 2/4, of 8 whole bars; every other one begins with an upbeat."""
    chance = random.Random(seed)
    return [_tune(chance, has_upbeat=number % 2 == 1) for number in range(count)]


def _tune(chance: random.Random, has_upbeat: bool) -> Tune:
    bars = [Bar((ScoreNote(TONIC + 7, 12),))] if has_upbeat else []
    for number in range(7):
        chord, order = CHORDS[number % 4], chance.choice(ORDERS)
        bars.append(Bar(tuple(ScoreNote(TONIC + chord[place], 12) for place in order)))
    bars.append(Bar((ScoreNote(TONIC + 4, 24), ScoreNote(TONIC, 24))))
    return Tune(TONIC % 12, "major", "2/4", has_upbeat, tuple(bars))
