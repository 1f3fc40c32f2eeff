"""A picture as the latents that a diffusers pipeline works on. Knows no pipeline, only its autoencoder."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def latents_of(vae: Any, pixels: "torch.Tensor") -> "torch.Tensor":
    """Of (n, 3, height, width) floats -1 … 1, with the mean and the size that the denoiser was trained on."""
    encoded = vae.encode(pixels)
    clean = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded[0]
    return (clean - (vae.config.get("shift_factor") or 0.0)) * (vae.config.get("scaling_factor") or 1.0)
