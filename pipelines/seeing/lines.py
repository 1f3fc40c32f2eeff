"""Where the lines of writing are on a picture: rows of ink with rows of ground between them. Knows no letters.

It takes upright writing on an even ground, as a scan or a screenshot has it. What stands askew or on a photograph is left to
models that see whole pages.
"""

from typing import Any

import numpy as np

INK_LEVELS = 40  # of 255: what differs so much from the ground is ink
INK_SHARE = 0.002  # of a row's pixels, at least
LOWEST_PIXELS = 6  # what is lower is a rule or a speck
GAP_SHARE = 0.15  # of a line's height: rows without ink inside it, as over an i
MARGIN_SHARE = 0.25  # of its height, around it
MOST_LINES = 200


def lines_of(picture: Any) -> list[Any]:
    """The lines of an RGB picture (PIL) from top to bottom, each cut out with some ground around it."""
    # 1 What is ink
    levels = np.asarray(picture.convert("L")).astype(np.int16)
    ink = np.abs(levels - int(np.median(levels))) > INK_LEVELS

    # 2 Rows with ink, one stretch for each line
    has_ink = np.flatnonzero(ink.mean(axis=1) >= INK_SHARE)
    if not len(has_ink):
        return []
    stretches = [(run[0], run[-1] + 1) for run in np.split(has_ink, np.flatnonzero(np.diff(has_ink) > 1) + 1)]
    height = float(np.median([end - begin for begin, end in stretches]))
    joined: list[tuple[int, int]] = []
    for begin, end in stretches:
        if joined and begin - joined[-1][1] <= height * GAP_SHARE:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))

    # 3 From the first ink to the last
    cut = []
    for begin, end in joined:
        columns = np.flatnonzero(ink[begin:end].any(axis=0))
        if end - begin < LOWEST_PIXELS or len(columns) < LOWEST_PIXELS:
            continue
        margin = max(2, round((end - begin) * MARGIN_SHARE))
        box = (columns[0] - margin, begin - margin, columns[-1] + 1 + margin, end + margin)
        left, top, right, bottom = (int(side) for side in box)
        cut.append(picture.crop((max(0, left), max(0, top), min(picture.width, right), min(picture.height, bottom))))
    return cut[:MOST_LINES]
