"""A map of what a generator makes: the plane of its latents on which the pictures that it learnt from spread most.

    map.json     where the plane lies in the latents, and where on it the pictures are, by class
    map.webp     what the generator draws at GRID × GRID places of the plane, from its upper left corner on

Places are (x, y) in standard deviations along the two principal axes, from -REACH to REACH, y upwards. Kept beside the weights of
the model. Knows no network.
"""

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

REACH = 2.5
GRID = 10
MOST_POINTS = 600
PICTURE_PIXELS = 640  # the side of map.webp


@dataclass(frozen=True)
class LatentMap:
    """Latents of the place (x, y): `origin` + x · `axes[0]` + y · `axes[1]`. A point is (x, y, class), -1 for none."""

    origin: tuple[float, ...]
    axes: tuple[tuple[float, ...], tuple[float, ...]]
    classes: tuple[str, ...] = ()
    points: tuple[tuple[float, float, int], ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError for what is no plane of any latents."""
        numbers = [*self.origin, *self.axes[0], *self.axes[1]]
        if not self.origin or {len(axis) for axis in self.axes} != {len(self.origin)}:
            raise ValueError("axes of another number of latents")
        if not all(math.isfinite(number) for number in numbers):
            raise ValueError("a plane that lies nowhere")

    def at(self, x: float, y: float) -> list[float]:
        """The latents of a place."""
        return [o + x * a + y * b for o, a, b in zip(self.origin, *self.axes, strict=True)]


def charted(latents: "torch.Tensor", labels: list[int], classes: tuple[str, ...]) -> LatentMap:
    """(n, latent) of pictures, two numbers at least, and the class of each ([]: none). Two latents are the axes themselves."""
    import torch

    # 1 The plane
    origin = latents.mean(0)
    centred = latents - origin
    directions = torch.eye(2) if latents.shape[1] == 2 else torch.linalg.svd(centred, full_matrices=False).Vh[:2]
    spread = (centred @ directions.T).std(0).clamp(min=1e-6)

    # 2 The pictures on it
    step = max(1, len(latents) // MOST_POINTS)
    places = (centred[::step] @ directions.T / spread).clamp(-REACH, REACH)
    kinds = labels[::step] or [-1] * len(places)
    points = tuple((round(x, 3), round(y, 3), kind) for (x, y), kind in zip(places.tolist(), kinds, strict=True))
    first, second = (tuple(row) for row in (directions * spread[:, None]).tolist())
    return LatentMap(tuple(origin.tolist()), (first, second), classes, points)


def grid_of(chart: LatentMap) -> list[list[float]]:
    """The latents in the middle of each field of map.webp, row by row."""
    middles = [REACH * ((2 * number + 1) / GRID - 1) for number in range(GRID)]
    return [chart.at(x, y) for y in reversed(middles) for x in middles]


def write(chart: LatentMap, picture: Any, folder: Path) -> None:
    """`picture` is a PIL picture of what is drawn at `grid_of`."""
    from PIL import Image

    small = picture.convert("RGB").resize((PICTURE_PIXELS, PICTURE_PIXELS), Image.Resampling.LANCZOS)
    small.save(folder / "map.webp", quality=80)
    (folder / "map.json").write_text(json.dumps(asdict(chart), ensure_ascii=False) + "\n", encoding="utf-8")


def read(folder: Path) -> LatentMap | None:
    """None where there is none that can be read."""
    try:
        said = json.loads((folder / "map.json").read_text(encoding="utf-8"))
        first, second = (tuple(map(float, axis)) for axis in said["axes"])
        points = tuple((float(x), float(y), int(kind)) for x, y, kind in said["points"][: 2 * MOST_POINTS])
        return LatentMap(tuple(map(float, said["origin"])), (first, second), tuple(map(str, said["classes"])), points)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
