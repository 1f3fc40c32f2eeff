"""Which words may follow in a tune, so that its bars add up, it keeps its key, and it ends on its tonic when it should.

A model says what is likely; this says what is possible. It knows no model and draws nothing.
"""

from pipelines.music.score import DURATIONS, END, HOLD, METRES, PITCHES, REST, TICKS_PER_BEAT, UP
from pipelines.sound.keys import MODES

MOST_FOREIGN = 0.08  # of the notes may lie outside the scale
SHORTEST_END = TICKS_PER_BEAT  # the last note of a tune
LONGEST_BARS = 2  # a note: none of the tunes that the starter has read has a longer one, and two only in 2/4 and 3/4


def _sums(ends: set[int]) -> frozenset[int]:
    """Every number of ticks, up to a bar, that durations add up to which end with one of `ends`."""
    reached = set(ends)
    for total in range(1, max(METRES.values()) + 1):
        if any(total - ticks in reached for ticks in DURATIONS.values()):
            reached.add(total)
    return frozenset(reached)


class Grammar:
    """One tune of `bars` whole bars, from its heading on. `follow` is told every word, `allowed` says what may be next."""

    def __init__(self, mode: str, metre: str, bars: int, may_begin_early: bool = True) -> None:
        """`may_begin_early`: with an upbeat."""
        self._scale = frozenset(MODES[mode])
        self._full = METRES[metre]
        self._may_begin_early = may_begin_early
        self._bars = bars  # to come, this one not counted
        self._left = 0  # ticks of this bar that are still empty
        self._ticks = 0  # of the duration that holds
        self._before = ""  # the word before
        self._is_upbeat = False
        self._lasts = 0  # ticks of the note that sounds; 0: there is none to hold
        self._notes = self._foreign = 0
        self._fills = _sums({0})
        self._endings = _sums({ticks for ticks in DURATIONS.values() if ticks >= SHORTEST_END})

    @property
    def is_done(self) -> bool:
        return self._before == END

    @property
    def bars_to_come(self) -> int:
        return self._bars

    def follow(self, word: str) -> None:
        if word == UP:
            self._is_upbeat, self._left = True, self._full // 2
        elif word.startswith("bar"):
            self._is_upbeat, self._left = False, self._full
            self._bars -= 1
        elif word in DURATIONS:
            self._ticks = DURATIONS[word]
        elif word in PITCHES or word in (REST, HOLD):
            self._left -= self._ticks
            if word == REST:
                self._lasts = 0
            elif word in PITCHES:
                self._lasts = self._ticks
            elif self._lasts:
                self._lasts += self._ticks
            if word in PITCHES:
                self._notes += 1
                self._foreign += PITCHES[word] % 12 not in self._scale
        self._before = word

    def allowed(self) -> set[str]:
        """Never empty, until END has been followed."""
        # 1 Between bars
        if not self._before:
            return {f"bar{self._bars}"} | ({UP} if self._may_begin_early else set())
        is_in_bar = self._left > 0 and not (self._is_upbeat and self._before in (*PITCHES, HOLD))
        bar_line = {f"bar{self._bars}"} if self._bars else {END}
        if self._left == 0:
            return bar_line

        # 2 Within one: a note of the duration that holds, or another duration
        words: set[str] = set() if is_in_bar else set(bar_line)
        if self._ticks and self._fits(self._ticks):
            words |= self._notes_now()
        if self._before not in DURATIONS:
            words |= {word for word, ticks in DURATIONS.items() if ticks != self._ticks and self._fits(ticks)}
        return words

    @property
    def _is_last_bar(self) -> bool:
        return self._bars == 0 and not self._is_upbeat

    def _fits(self, ticks: int) -> bool:
        """Whether what is left of the bar after a note of so many ticks can be filled."""
        after = self._left - ticks
        if self._is_last_bar:
            return after in self._endings or (after == 0 and ticks >= SHORTEST_END)
        return after in self._fills

    def _notes_now(self) -> set[str]:
        if self._is_last_bar and self._left == self._ticks:
            return {word for word, semitones in PITCHES.items() if semitones % 12 == 0}  # the last note of all
        may_be_foreign = self._foreign + 1 <= MOST_FOREIGN * (self._notes + 1)
        words = {word for word, semitones in PITCHES.items() if may_be_foreign or semitones % 12 in self._scale}
        may_be_held = 0 < self._lasts <= LONGEST_BARS * self._full - self._ticks
        return words | {REST} | ({HOLD} if may_be_held else set())
