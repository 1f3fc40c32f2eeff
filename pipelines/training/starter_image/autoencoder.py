"""Trains an AutoencoderKL: pictures of 128 × 128 into 8 × 8 latents of 16 channels and back.

After Rombach et al. 2022 (arXiv 2112.10752), without the adversarial part: flat drawings with outlines need none. Instead of
a KL term the decoder gets latents with a little noise: a posterior that starts as wide as its latents hides colours from
the decoder for thousands of steps. Most of the compression is one of place, so that the denoiser works on few positions,
which is what a CPU can train.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.training.pictures import moved, to_model
from pipelines.training.plan import Plan
from pipelines.training.starter_image.loop import train

if TYPE_CHECKING:
    import torch
    from diffusers import AutoencoderKL


@dataclass(frozen=True)
class AutoencoderRecipe:
    """Channels from full resolution down (each level halves the side), what the loss is made of, and the two plans."""

    channels: tuple[int, ...]
    latent_channels: int
    size: int
    batch: int
    edge_weight: float
    latent_noise: float
    degrees: float
    scale: float
    shift: float
    plan: Plan
    decoder_plan: Plan


def build(channels: tuple[int, ...], latent_channels: int, size: int) -> "AutoencoderKL":
    """A new one for `size` × `size` pixels, a level for each of `channels`: random weights, but for a way straight through for
    colours."""
    from diffusers import AutoencoderKL

    levels = len(channels)
    autoencoder = AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * levels,
        up_block_types=("UpDecoderBlock2D",) * levels,
        block_out_channels=channels,
        layers_per_block=1,
        latent_channels=latent_channels,
        norm_num_groups=2,  # a group of few channels would normalise a flat colour away
        sample_size=size,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )
    _let_colours_through(autoencoder)
    return autoencoder


def _let_colours_through(autoencoder: "AutoencoderKL") -> None:
    """Start as a mosaic of 16 × 16 mean colours: 3 channels of the residual streams carry RGB unchanged through every level.

    From random weights the hue arrives last, after tens of thousands of pictures: four strided convolutions without a
    shortcut bury it. Only where a normalisation and SiLU stand at the end are 3 more channels needed, for the negative:
    silu(x) - silu(-x) = x. All of it is trained like every other weight.
    """
    import torch
    from diffusers.models.downsampling import Downsample2D
    from diffusers.models.resnet import ResnetBlock2D
    from diffusers.models.upsampling import Upsample2D

    def carry(convolution: torch.nn.Module, taps: torch.Tensor, sign: tuple[int, ...] = (1,)) -> None:
        for part, factor in enumerate(sign):
            for colour in range(3):
                convolution.weight[part * 3 + colour] = 0
                convolution.weight[part * 3 + colour, colour] = factor * taps
                convolution.bias[part * 3 + colour] = 0

    centre = torch.zeros(3, 3)
    centre[1, 1] = 1
    corner = torch.zeros(3, 3)
    corner[:2, :2] = 0.25  # padded right and below only: the mean of the four pixels
    point = torch.ones(1, 1)
    encoder, decoder = autoencoder.encoder, autoencoder.decoder
    with torch.no_grad():
        for module in autoencoder.modules():
            if isinstance(module, ResnetBlock2D):
                module.conv2.weight[:6] = 0
                module.conv2.bias[:6] = 0
                if module.conv_shortcut is not None:
                    carry(module.conv_shortcut, point)
            elif isinstance(module, Downsample2D):
                carry(module.conv, corner)
            elif isinstance(module, Upsample2D):
                carry(module.conv, centre)
        carry(encoder.conv_in, centre)
        carry(encoder.down_blocks[-1].resnets[0].conv_shortcut, point, (1, -1))
        carry(autoencoder.quant_conv, point)
        carry(autoencoder.post_quant_conv, point)
        carry(decoder.conv_in, centre)
        carry(decoder.up_blocks[-1].resnets[0].conv_shortcut, point, (1, -1))
        for last in (encoder.conv_out, decoder.conv_out):
            carry(last, centre)
            for colour in range(3):
                last.weight[colour, colour + 3] = -centre


def train_autoencoder(
    recipe: AutoencoderRecipe, pictures: "torch.Tensor", folder: Path, is_stopping: Callable[[], bool]
) -> "AutoencoderKL | None":
    """The trained autoencoder with whitened latents, or None when it was stopped. `pictures`: (n, 3, size, size) uint8."""
    import torch

    torch.manual_seed(recipe.plan.seed)
    autoencoder = build(recipe.channels, recipe.latent_channels, recipe.size)
    if not train(autoencoder, lambda: _loss(recipe, autoencoder, pictures), recipe.plan, folder, is_stopping):
        return None
    whiten(autoencoder, encode(autoencoder, to_model(pictures)))
    return autoencoder


def refine_decoder(
    recipe: AutoencoderRecipe,
    autoencoder: "AutoencoderKL",
    pictures: "torch.Tensor",
    folder: Path,
    is_stopping: Callable[[], bool],
) -> bool:
    """Train the way back alone: latents stay what they are, so nothing that was trained on them is lost."""
    autoencoder.requires_grad_(False)
    autoencoder.decoder.requires_grad_(True)
    autoencoder.post_quant_conv.requires_grad_(True)
    return train(autoencoder, lambda: _loss(recipe, autoencoder, pictures), recipe.decoder_plan, folder, is_stopping)


def _loss(recipe: AutoencoderRecipe, autoencoder: "AutoencoderKL", pictures: "torch.Tensor") -> "torch.Tensor":
    """How much a batch of moved and mirrored pictures differs from what comes back: in pixels, and in their edges."""
    import torch

    chosen = torch.randint(len(pictures), (recipe.batch,))
    wanted = moved(to_model(pictures[chosen]), recipe.degrees, recipe.scale, recipe.shift)
    wanted = torch.where(torch.rand(recipe.batch, 1, 1, 1) < 0.5, wanted.flip(-1), wanted)
    return difference(restored(autoencoder, wanted, recipe.latent_noise)[0], wanted, recipe.edge_weight)


def restored(
    autoencoder: "AutoencoderKL", wanted: "torch.Tensor", latent_noise: float
) -> "tuple[torch.Tensor, torch.Tensor]":
    """(what comes back of pictures, their latents), when the decoder gets latents with a little noise."""
    import torch

    latents = autoencoder.encode(wanted).latent_dist.mode()
    noisy = latents + latent_noise * latents.detach().std() * torch.randn_like(latents)
    return autoencoder.decode(noisy).sample.float(), latents


def difference(made: "torch.Tensor", wanted: "torch.Tensor", edge_weight: float) -> "torch.Tensor":
    """In pixels, and in their edges."""
    pixels = (made - wanted).abs().mean() + (made - wanted).pow(2).mean()
    edges = (made.diff(dim=-1) - wanted.diff(dim=-1)).abs().mean()
    edges = edges + (made.diff(dim=-2) - wanted.diff(dim=-2)).abs().mean()
    return pixels + edge_weight * edges


def encode(autoencoder: "AutoencoderKL", pictures: "torch.Tensor", batch: int = 32) -> "torch.Tensor":
    """Latents (mean of the posterior) of pictures -1 … 1."""
    import torch

    with torch.no_grad():
        return torch.cat([autoencoder.encode(part).latent_dist.mode() for part in pictures.split(batch)])


def whiten(autoencoder: "AutoencoderKL", latents: "torch.Tensor") -> None:
    """Give every latent channel mean 0 and variance 1 over `latents`, inside the two 1 × 1 convolutions around them.

    Pipelines know one factor for all channels; folded into the weights, each channel gets its own and no pipeline needs to know.
    """
    import torch

    mean = latents.mean(dim=(0, 2, 3))
    deviation = latents.std(dim=(0, 2, 3))
    with torch.no_grad():
        into, out = autoencoder.quant_conv, autoencoder.post_quant_conv
        channels = len(mean)
        into.bias[:channels] = (into.bias[:channels] - mean) / deviation
        into.weight[:channels] /= deviation.view(-1, 1, 1, 1)
        into.bias[channels:] -= 2 * deviation.log()
        out.bias += (out.weight[:, :, 0, 0] * mean).sum(1)
        out.weight *= deviation.view(1, -1, 1, 1)
