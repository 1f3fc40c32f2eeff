"""Curves as SVG: where the lines run, what is thinned, what is said to those who do not see them."""

import math
import re
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from studio.ui.training.curves import STRETCHES, Line, chart, thinned

finite = st.floats(-1e9, 1e9)


def points_of(svg: str) -> list[tuple[float, float]]:
    (drawn,) = re.findall(r'<polyline[^>]* points="([^"]+)"', svg)
    return [tuple(map(float, pair.split(","))) for pair in drawn.split()]  # type: ignore[misc]


def test_a_falling_loss_runs_down_from_left_to_right() -> None:
    svg = chart("Loss", "", [Line("loss", [(0, 2.0), (50, 1.0), (100, 0.5)])], 100)
    (x0, y0), (x1, y1), (x2, y2) = points_of(svg)
    assert x0 < x1 < x2 and y0 < y1 < y2 and "loss 0.5" in svg


def test_a_baseline_is_a_dashed_level() -> None:
    svg = chart(
        "accuracy", "higher is better", [Line("accuracy", [(0, 0.1), (9, 0.9)]), Line("baseline", [(0, 0.2)], True)], 9
    )
    assert '<path class="level" d="M' in svg and "key-level" in svg and "baseline 0.2" in svg


def test_what_is_no_number_is_left_out() -> None:
    svg = chart("Loss", "", [Line("loss", [(0, 1.0), (1, math.nan), (2, math.inf), (3, 0.5)])], 3)
    assert len(points_of(svg)) == 2 and "nan" not in svg and "inf" not in svg
    assert chart("Loss", "", [Line("loss", [])], 3) == ""


@given(st.lists(finite, min_size=1, max_size=2000))
def test_any_curve_is_whole_xml_within_its_frame(values: list[float]) -> None:
    points = list(enumerate(values))
    svg = chart("<Loss>", "&", [Line('"loss"', points)], len(values))
    root = ElementTree.fromstring(svg)
    frame = root.find("svg")
    assert frame is not None
    for x, y in points_of(svg) if len(values) > 1 else ():
        assert 0 <= x <= 360 and 0 <= y <= 200


@given(st.lists(finite, min_size=1, max_size=5000))
def test_thinning_loses_no_spike(values: list[float]) -> None:
    points = list(enumerate(values))
    kept = list(thinned(points))
    assert len(kept) <= 2 * STRETCHES + 2 and kept == sorted(kept)
    assert {kept[0], kept[-1]} == {points[0], points[-1]}
    heights = [value for _, value in kept]
    assert max(heights) == max(values) and min(heights) == min(values)
