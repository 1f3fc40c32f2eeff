"""A training recipe: one JSON file that says everything a run depends on, so that anyone can run it again."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from pipelines.training.starter_image.autoencoder import AutoencoderRecipe
from pipelines.training.starter_image.latent_diffusion import DenoiserRecipe
from pipelines.training.starter_image.text_encoder import TextEncoderRecipe


@dataclass(frozen=True)
class Defaults:
    """How the finished model is best asked."""

    steps: int
    guidance_scale: float


@dataclass(frozen=True)
class StarterImageRecipe:
    """The stages of `make starter-image`, and the sentences the evaluation asks with."""

    name: str
    starter: str
    evaluation: str
    autoencoder: AutoencoderRecipe
    text_encoder: TextEncoderRecipe
    denoiser: DenoiserRecipe
    defaults: Defaults


def read_recipe(path: Path) -> StarterImageRecipe:
    """Raises pydantic's ValidationError for a field that is missing, unknown or of another type."""
    return TypeAdapter(StarterImageRecipe).validate_json(path.read_bytes(), extra="forbid")
