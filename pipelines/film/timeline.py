"""When each scene of a film begins and ends, when its narration is heard, and when each sentence is. Knows no pixels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from pipelines.errors.film import FilmTooLong
from pipelines.types.film import LIMIT_SECONDS, Cut
from pipelines.types.speech import Sentence

FADE_SECONDS = 0.8  # from one scene to the next; they overlap so long
LEAD_SECONDS = 0.9  # from the beginning of a scene to its narration: what is said belongs to what is seen
TAIL_SECONDS = 1.0  # from the end of its narration to its own
SHORTEST_SECONDS = 2 * FADE_SECONDS


@dataclass(frozen=True)
class Stretch:
    """A scene from `begin` to `end`; its narration begins at `said_from` and is `said_seconds` long (0: there is none)."""

    begin: float
    end: float
    said_from: float
    said_seconds: float


@dataclass(frozen=True)
class Timeline:
    stretches: tuple[Stretch, ...]
    sentences: tuple[Sentence, ...]

    @property
    def seconds(self) -> float:
        return self.stretches[-1].end


def lay_out(cuts: Sequence[Cut], narrations: Sequence[float]) -> Timeline:
    """`narrations` are lengths in seconds, 0 where nothing is said. Raises FilmTooLong."""
    stretches: list[Stretch] = []
    sentences: list[Sentence] = []
    begin = 0.0
    for cut, said in zip(cuts, narrations, strict=True):
        length = LEAD_SECONDS + said + TAIL_SECONDS if said else max(cut.seconds, SHORTEST_SECONDS)
        said_from = begin + LEAD_SECONDS
        stretches.append(Stretch(begin, begin + length, said_from, said))
        last = said or length - LEAD_SECONDS - FADE_SECONDS
        sentences += [
            replace(
                one, start_seconds=said_from + one.start_seconds, end_seconds=said_from + min(one.end_seconds, last)
            )
            for one in cut.sentences
            if one.start_seconds < last
        ]
        begin += length - FADE_SECONDS
    if stretches[-1].end > LIMIT_SECONDS:
        raise FilmTooLong(minutes=stretches[-1].end / 60, limit=LIMIT_SECONDS / 60)
    return Timeline(tuple(stretches), tuple(sentences))
