"""One picture into another by moving what is seen: optical flow both ways, and every moment between. Knows no film.

The flow is TV-L1 (Zach, Pock, Bischof 2007), found on small grey pictures, since it is smooth and slow to find. A moment between
is put together as in Baker et al. 2011 (https://doi.org/10.1007/s11263-010-0390-2, §3.3.2): the flow is carried along to that
moment, holes are filled, and what is hidden in one of the pictures is taken from the other. It follows what moves by less than
about a sixth of the picture; what has no counterpart goes over as in a cross-fade.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

if TYPE_CHECKING:
    import torch

FOUND_AT = 192  # pixels of the longer side
WARPS = 10
AGREES = 4.0  # pixels of the small picture: flows that differ by more are of different things
LEAST = 1e-3  # of a weight, where both are hidden


class Between:
    """Two RGB pictures of the same size, and what lies between them."""

    def __init__(self, first: Image.Image, last: Image.Image) -> None:
        """Takes a second: the flow is found here."""
        from skimage.registration import optical_flow_tvl1

        small = _grey(first), _grey(last)
        self._size = first.size
        self._pixels = _levels(first), _levels(last)
        self._there = _flow(optical_flow_tvl1(*small, num_warp=WARPS))
        self._back = _flow(optical_flow_tvl1(*small[::-1], num_warp=WARPS))

    def at(self, share: float) -> Image.Image:
        """The picture at `share` of the way, 0 … 1."""
        # 1 Which way goes what is seen then, all along
        way = self._carried(share)

        # 2 Where it is in the first and in the last, and whether it is seen there
        to_first, to_last = -share * way, (1 - share) * way
        from_first = (1 - share) * self._is_seen(self._there, to_first, way) + LEAST
        from_last = share * self._is_seen(self._back, to_last, -way) + LEAST

        # 3 Both together
        weight = self._whole(from_last / (from_first + from_last))
        seen = [
            _moved(pixels, self._whole(go) * self._scale)
            for pixels, go in zip(self._pixels, (to_first, to_last), strict=True)
        ]
        blended = (1 - weight) * seen[0] + weight * seen[1]
        return Image.fromarray(blended[0].permute(1, 2, 0).clamp(0, 255).round().byte().numpy())

    def _carried(self, share: float) -> "torch.Tensor":
        """(2, rows, columns): the flow from first to last of what is at each place at that moment."""
        import torch
        from scipy.ndimage import distance_transform_edt

        height, width = self._there.shape[1:]
        way = np.zeros((2, height, width), np.float32)
        is_known = np.zeros((height, width), bool)
        rows, columns = np.mgrid[:height, :width]
        for flow, part, sign in ((self._back, 1 - share, -1.0), (self._there, share, 1.0)):
            found = flow.numpy()
            fast = np.argsort((found**2).sum(0), axis=None)  # what moves most is in front, as a rule
            right = np.rint(columns + part * found[0]).astype(int).ravel()[fast].clip(0, width - 1)
            down = np.rint(rows + part * found[1]).astype(int).ravel()[fast].clip(0, height - 1)
            way[:, down, right] = sign * found.reshape(2, -1)[:, fast]
            is_known[down, right] = True
        near = distance_transform_edt(~is_known, return_distances=False, return_indices=True)
        return torch.from_numpy(way[:, near[0], near[1]])

    def _is_seen(self, flow: "torch.Tensor", go: "torch.Tensor", way: "torch.Tensor") -> "torch.Tensor":
        """(1, rows, columns), 0 … 1: whether what goes `way` is what is at the other end of `go`, by the flow there."""
        import torch

        apart = _moved(flow.unsqueeze(0), go)[0] - way
        return torch.exp(-(apart**2).sum(0, keepdim=True) / AGREES**2)

    def _whole(self, small: "torch.Tensor") -> "torch.Tensor":
        """(n, rows, columns) in the size of the pictures."""
        import torch

        size = self._size[1], self._size[0]
        return torch.nn.functional.interpolate(small.unsqueeze(0), size=size, mode="bilinear", align_corners=True)[0]

    @property
    def _scale(self) -> "torch.Tensor":
        import torch

        height, width = self._there.shape[1:]
        return torch.tensor([self._size[0] / width, self._size[1] / height]).view(2, 1, 1)


def _moved(pixels: "torch.Tensor", go: "torch.Tensor") -> "torch.Tensor":
    """(1, n, rows, columns): what is seen `go` (2, rows, columns: right, down, in pixels) from each place."""
    import torch

    height, width = pixels.shape[2:]
    rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    ends = torch.tensor([max(width - 1, 1), max(height - 1, 1)]).view(2, 1, 1)
    grid = (2 * (torch.stack([columns, rows]) + go) / ends - 1).permute(1, 2, 0).unsqueeze(0)
    return torch.nn.functional.grid_sample(pixels, grid, mode="bilinear", padding_mode="border", align_corners=True)


def _flow(found: Any) -> "torch.Tensor":
    """(down, right) as (2, rows, columns): right, down."""
    import torch

    down, right = found
    return torch.from_numpy(np.stack([right, down]).astype(np.float32))


def _grey(picture: Image.Image) -> np.ndarray:
    """Small, levels 0 … 1."""
    small = picture.convert("L")
    small.thumbnail((FOUND_AT, FOUND_AT), Image.Resampling.LANCZOS)
    return np.asarray(small, np.float32) / 255


def _levels(picture: Image.Image) -> "torch.Tensor":
    """(1, 3, rows, columns), 0 … 255."""
    import torch

    return torch.from_numpy(np.array(picture, np.float32)).permute(2, 0, 1).unsqueeze(0)
