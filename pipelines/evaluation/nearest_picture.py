"""Is the picture that was made the one that was named? By its place among all pictures of a catalog, by pixels alone.

Pixels know nothing of this task, so a model cannot be trained to please them other than by drawing the right thing. They
do not see that a thing is drawn well but elsewhere, larger or turned: the figure is a lower bound.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

SIDE = 32


class NearestPicture:
    """Ranks a catalog of pictures by Euclidean distance of 32 × 32 RGB values on white."""

    def __init__(self, catalog: Sequence["Image.Image"]) -> None:
        import numpy as np

        self.values = np.stack([_values(picture) for picture in catalog])

    def nearest(self, picture: "Image.Image", count: int = 5) -> list[int]:
        """Places in the catalog of the `count` nearest pictures, nearest first."""
        import numpy as np

        distances = np.linalg.norm(self.values - _values(picture), axis=1)
        return [int(place) for place in np.argsort(distances, kind="stable")[:count]]


def hits(found: Sequence[Sequence[int]], wanted: Sequence[Collection[int]]) -> int:
    """For how many of the rows one of the wanted places is among the found ones."""
    return sum(any(place in those for place in these) for these, those in zip(found, wanted, strict=True))


def _values(picture: "Image.Image") -> "np.ndarray":
    """(3072,) float32, 0 … 1: each value the mean of the pixels it stands for."""
    import numpy as np
    from PIL import Image

    small = picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, dtype=np.float32).ravel() / 255
