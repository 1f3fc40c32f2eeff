"""Trains the denoiser of a latent diffusion model: a UNet2DConditionModel on latents and texts computed beforehand.

v-prediction with zero terminal SNR (Salimans & Ho 2022, arXiv 2202.00512; Lin et al. 2023, arXiv 2305.08891), classifier-free
guidance (Ho & Salimans 2022, arXiv 2207.12598). One wording means about one picture here, so that the noisiest levels
decide what is drawn: they are drawn more often. The text acts twice: pooled, as scale and shift in every residual block,
and word by word, by cross-attention.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.training.plan import Plan
from pipelines.training.starter_image.captions import Caption
from pipelines.training.starter_image.loop import train

if TYPE_CHECKING:
    import torch
    from diffusers import DDPMScheduler, UNet2DConditionModel


@dataclass(frozen=True)
class DenoiserRecipe:
    """Widths from 8 × 8 down, where cross-attention stands, and how it is trained.

    `variants` of each picture, moved a little; `no_text` is the share of examples without a caption; `noise_bias` p draws the
    time step as 1 - u**p of the schedule: 1 is uniform, more leans to the noisy end.
    """

    channels: tuple[int, ...]
    attention: tuple[bool, ...]
    layers: int
    embedding: int
    batch: int
    variants: int
    degrees: float
    scale: float
    shift: float
    no_text: float
    noise_bias: float
    plan: Plan


@dataclass(frozen=True)
class Examples:
    """Latents (variants, n, channels, side, side); prompts (m, tokens, width) float16, `nothing` (tokens, width) for no text.

    `choices` (n, most) are rows of `prompts`, drawn by `weights` (n, most).
    """

    latents: "torch.Tensor"
    prompts: "torch.Tensor"
    nothing: "torch.Tensor"
    choices: "torch.Tensor"
    weights: "torch.Tensor"


def gather(
    latents: "torch.Tensor", captions: Sequence[Caption], prompts: "torch.Tensor", nothing: "torch.Tensor"
) -> Examples:
    """The examples of a training: caption i has the hidden states `prompts[i]`."""
    import torch

    owned: list[list[int]] = [[] for _ in range(latents.shape[1])]
    for row, caption in enumerate(captions):
        owned[caption.picture].append(row)
    most = max(len(rows) for rows in owned)
    choices = torch.tensor([rows + [0] * (most - len(rows)) for rows in owned])
    weights = torch.tensor([[captions[row].weight for row in rows] + [0.0] * (most - len(rows)) for rows in owned])
    return Examples(latents, prompts, nothing, choices, weights)


def noise_schedule() -> "DDPMScheduler":
    """Stable Diffusion's schedule, bent so that its last step is pure noise."""
    from diffusers import DDPMScheduler

    return DDPMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        steps_offset=1,
        clip_sample=False,
    )


def build(
    channels: tuple[int, ...], attention: tuple[bool, ...], layers: int, embedding: int, *,
    latent_channels: int, side: int, text_width: int,
) -> "UNet2DConditionModel":  # fmt: skip
    """A new one with random weights; the fields are those of DenoiserRecipe."""
    from diffusers import UNet2DConditionModel

    down = tuple("CrossAttnDownBlock2D" if attends else "DownBlock2D" for attends in attention)
    return UNet2DConditionModel(
        sample_size=side,
        in_channels=latent_channels,
        out_channels=latent_channels,
        down_block_types=down,
        mid_block_type="UNetMidBlock2DCrossAttn",
        up_block_types=tuple(name.replace("Down", "Up") for name in reversed(down)),
        block_out_channels=channels,
        layers_per_block=layers,
        cross_attention_dim=text_width,
        attention_head_dim=8,
        norm_num_groups=32,
        time_embedding_dim=embedding,
        addition_embed_type="text",
        addition_embed_type_num_heads=8,
        resnet_time_scale_shift="scale_shift",
    )


def train_denoiser(
    recipe: DenoiserRecipe, examples: Examples, folder: Path, is_stopping: Callable[[], bool]
) -> "tuple[UNet2DConditionModel, bool]":
    """The denoiser with its averaged weights, and whether it reached the last step of its plan."""
    import torch

    torch.manual_seed(recipe.plan.seed)
    latents = examples.latents
    variants, count = latents.shape[:2]
    denoiser = build(
        recipe.channels, recipe.attention, recipe.layers, recipe.embedding,
        latent_channels=latents.shape[2], side=latents.shape[3], text_width=examples.prompts.shape[-1],
    )  # fmt: skip
    schedule = noise_schedule()
    last = len(schedule.alphas_cumprod) - 1

    def loss() -> "torch.Tensor":
        # 1 Which pictures, which of their variants, which of their captions
        chosen = torch.randint(count, (recipe.batch,))
        clean = latents[torch.randint(variants, (recipe.batch,)), chosen]
        rows = examples.choices[chosen, examples.weights[chosen].multinomial(1)[:, 0]]
        prompts = examples.prompts[rows]
        prompts = torch.where(torch.rand(recipe.batch, 1, 1) < recipe.no_text, examples.nothing, prompts)

        # 2 How noisy
        steps = ((1 - torch.rand(recipe.batch) ** recipe.noise_bias) * (last + 1)).long().clamp(max=last)
        noise = torch.randn_like(clean)
        noisy = schedule.add_noise(clean, noise, steps)

        # 3 The velocity between picture and noise
        wanted = schedule.get_velocity(clean, noise, steps)
        return torch.nn.functional.mse_loss(denoiser(noisy, steps, prompts.float()).sample.float(), wanted)

    finished = train(denoiser, loss, recipe.plan, folder, is_stopping)
    return denoiser, finished
