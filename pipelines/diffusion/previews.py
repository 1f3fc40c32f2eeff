"""Latents to a small picture by a linear map, which costs next to nothing. The map comes from the model's own decoder.

What a patch looks like is nearly linear in its latent channels (the tables that other studios carry along for each kind
of model are such maps, for one colour a patch). So once for a model some random latents are decoded, and the map that
gives 4 × 4 colours for each of them is fitted by least squares. It knows autoencoders and no denoisers.
"""

import time
from io import BytesIO
from typing import Any

from pipelines.types.events import OnEvent, Preview
from pipelines.types.image import Look

SIDE = 8  # latents on a side of each calibration picture
DETAIL = 4  # colours on a side that are told for each latent
PATCHES_PER_UNKNOWN = 20
RIDGE = 1e-2
LONGEST_SIDE = 512
EVERY_SECONDS = 1.0
COST_SHARE = 0.03  # of the time, at most
QUALITY = 80
OF_FILMS = (
    "temperal_downsample",
    "temporal_compression_ratio",
    "spatio_temporal_scaling",
)  # in the settings of an autoencoder


class Glimpses:
    """Tells previews of one job as often as they cost little."""

    def __init__(self, on_event: OnEvent) -> None:
        self._on_event = on_event
        self._next_at = time.perf_counter() + EVERY_SECONDS

    def show(self, done: int, total: int, look: Look) -> None:
        """A preview when it is time for one; the next one waits the longer, the more this one has cost."""
        now = time.perf_counter()
        if now < self._next_at or done >= total:
            return
        picture = look()
        if picture is not None:
            jpeg = BytesIO()
            picture.save(jpeg, "JPEG", quality=QUALITY)
            self._on_event(Preview(done, total, jpeg=jpeg.getvalue()))
        cost = time.perf_counter() - now
        self._next_at = now + max(EVERY_SECONDS, cost / COST_SHARE)


class LinearPreview:
    """`picture(latents)` is a PIL picture of all latents of a batch in a grid, or None where there is no map."""

    def __init__(self, pipe: Any) -> None:
        """Decodes a handful of small latents: some tens of milliseconds to a second."""
        vae = getattr(pipe, "vae", None) or getattr(pipe, "movq", None)
        self._pipe = pipe
        self._has_vae = vae is not None
        channels = (vae.config.get("latent_channels") or vae.config.get("z_dim")) if vae is not None else None
        self._map = _fit(vae, int(channels)) if channels else None

    def picture(self, latents: Any, width: int, height: int) -> Any:
        """A grid of at most LONGEST_SIDE pixels a side. `width` and `height` are those of one whole picture, in pixels."""
        rgb = self._rgb(latents, width, height)
        return None if rgb is None else _grid(rgb)

    def _rgb(self, latents: Any, width: int, height: int) -> Any:
        """(n, 3, h, w) in -1 … 1, or None."""
        import torch

        if latents.ndim == 3 and hasattr(self._pipe, "_unpack_latents"):
            latents = self._pipe._unpack_latents(latents, height, width, self._pipe.vae_scale_factor)
        if latents.ndim == 5:
            latents = latents[:, :, 0]
        if latents.ndim != 4:
            return None
        if not self._has_vae:  # pixels, and not latents
            return latents[:, :3].float() if latents.shape[1] >= 3 else None
        if self._map is None or latents.shape[1] != len(self._map) - 1:
            return None
        weights = self._map.to(latents.device)
        patches = torch.einsum("nchw,cp->nphw", latents.float(), weights[:-1]) + weights[-1].view(1, -1, 1, 1)
        return torch.nn.functional.pixel_shuffle(patches, DETAIL)


def _fit(vae: Any, channels: int) -> Any:
    """(channels + 1, 3 · DETAIL²): colours in -1 … 1 = latents · map[:-1] + map[-1], latents as the denoiser has them."""
    import torch

    # 1 Random latents, enough of them for the number of unknowns
    count = max(2, -(-PATCHES_PER_UNKNOWN * (channels + 1) // SIDE**2))
    latents = torch.randn(count, channels, SIDE, SIDE, generator=torch.Generator().manual_seed(0))

    # 2 What they look like
    with torch.no_grad():
        decoded = _decode(vae, latents.to(vae.device, vae.dtype)).float().cpu()[:, :3]
    colours = torch.nn.functional.adaptive_avg_pool2d(decoded, (SIDE * DETAIL, SIDE * DETAIL))
    patches = torch.nn.functional.pixel_unshuffle(colours, DETAIL)

    # 3 The map between the two
    x = latents.permute(0, 2, 3, 1).reshape(-1, channels)
    x = torch.cat([x, torch.ones(len(x), 1)], dim=1)
    y = patches.permute(0, 2, 3, 1).reshape(len(x), -1)
    return torch.linalg.solve(x.T @ x + RIDGE * len(x) * torch.eye(channels + 1), x.T @ y)


def _decode(vae: Any, latents: Any) -> Any:
    """(n, 3, h, w) of latents as the denoiser has them: undoes the scaling that pipelines apply."""
    import torch

    config = vae.config
    of_channels = [
        config[name] if name in config else getattr(vae, name, None) for name in ("latents_mean", "latents_std")
    ]
    if all(numbers is not None for numbers in of_channels):
        mean, std = (torch.as_tensor(numbers).view(1, -1, 1, 1).to(latents) for numbers in of_channels)
        latents = latents * std / (config.get("scaling_factor") or 1.0) + mean
    else:
        latents = latents / (config.get("scaling_factor") or 1.0) + (config.get("shift_factor") or 0.0)
    if any(name in config for name in OF_FILMS):  # a picture is one frame
        times = (torch.zeros(len(latents)).to(latents),) if config.get("timestep_conditioning") else ()
        return vae.decode(latents.unsqueeze(2), *times).sample[:, :, 0]
    return vae.decode(latents).sample


def _grid(rgb: Any) -> Any:
    """(n, 3, h, w) in -1 … 1 → one picture, nearly square."""
    from PIL import Image

    count, _, height, width = rgb.shape
    columns = next(c for c in range(1, count + 1) if c * c >= count)
    pixels = ((rgb.clamp(-1, 1) + 1) * 127.5).byte().cpu().permute(0, 2, 3, 1).numpy()
    sheet = Image.new("RGB", (columns * width, -(-count // columns) * height))
    for number, picture in enumerate(pixels):
        sheet.paste(Image.fromarray(picture), (number % columns * width, number // columns * height))
    scale = LONGEST_SIDE / max(sheet.size)
    if scale >= 1:
        scale = min(int(scale), 8)
    width, height = (max(1, round(side * scale)) for side in sheet.size)  # a batch of strips is thinner than a pixel
    return sheet.resize((width, height), Image.Resampling.BILINEAR)
