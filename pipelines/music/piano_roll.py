"""Notes as a picture: a piano roll, in the colours of a light or a dark page. Needs no model and no torch."""

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw

from pipelines.types.music import Note

RGB = tuple[int, int, int]

HEIGHT_PER_KEY, WIDTH_PER_BEAT, MARGIN = 8, 22, 12
LEAST_KEYS = 18
WIDEST = 8000  # pixels; longer pieces are drawn narrower
BLACK_KEYS = frozenset({1, 3, 6, 8, 10})


@dataclass(frozen=True)
class Colours:
    paper: RGB
    black_key: RGB
    octave: RGB
    beat: RGB
    bar: RGB
    note: RGB


LIGHT = Colours((255, 255, 255), (241, 243, 247), (207, 213, 223), (232, 235, 240), (185, 193, 207), (46, 99, 214))
DARK = Colours((20, 23, 29), (27, 31, 39), (51, 58, 71), (32, 37, 46), (67, 76, 92), (122, 168, 255))


def draw_roll(
    notes: Sequence[Note], beats_per_bar: float = 4.0, upbeat_beats: float = 0.0, is_dark: bool = False
) -> Image.Image:
    """Time goes to the right, pitch up; a line a bar and a thinner one a beat. A louder note is a fuller colour.

    `upbeat_beats` is what sounds before the first bar line.
    """
    # 1 How large
    colours = DARK if is_dark else LIGHT
    pitches = [note.pitch for note in notes] or [60]
    middle = (min(pitches) + max(pitches)) // 2
    keys = max(LEAST_KEYS, max(pitches) - min(pitches) + 5)
    lowest = middle - keys // 2
    beats = max((note.start_beats + note.beats for note in notes), default=4.0)
    per_beat = min(WIDTH_PER_BEAT, (WIDEST - 2 * MARGIN) / beats)
    width, height = round(beats * per_beat) + 2 * MARGIN, keys * HEIGHT_PER_KEY + 2 * MARGIN
    picture = Image.new("RGB", (width, height), colours.paper)
    draw = ImageDraw.Draw(picture)

    # 2 Keys and bars
    for key in range(lowest, lowest + keys):
        top = MARGIN + (lowest + keys - 1 - key) * HEIGHT_PER_KEY
        if key % 12 in BLACK_KEYS:
            draw.rectangle((0, top, width, top + HEIGHT_PER_KEY - 1), fill=colours.black_key)
        if key % 12 == 0:
            draw.line((0, top + HEIGHT_PER_KEY - 1, width, top + HEIGHT_PER_KEY - 1), fill=colours.octave)
    for beat in range(int(beats) + 1):
        x = MARGIN + beat * per_beat
        draw.line((x, 0, x, height), fill=colours.beat)
    bar = upbeat_beats
    while bar <= beats:
        x = MARGIN + bar * per_beat
        draw.line((x, 0, x, height), fill=colours.bar)
        bar += beats_per_bar

    # 3 Notes
    for note in notes:
        top = MARGIN + (lowest + keys - 1 - note.pitch) * HEIGHT_PER_KEY
        left = MARGIN + note.start_beats * per_beat
        right = max(left + 2, MARGIN + (note.start_beats + note.beats) * per_beat - 2)
        colour = _mixed(colours.note, colours.paper, 0.4 + 0.6 * note.velocity / 127)
        draw.rounded_rectangle((left, top, right, top + HEIGHT_PER_KEY - 2), radius=2, fill=colour)
    return picture


def _mixed(colour: RGB, paper: RGB, share: float) -> RGB:
    red, green, blue = (round(share * one + (1 - share) * other) for one, other in zip(colour, paper, strict=True))
    return red, green, blue
