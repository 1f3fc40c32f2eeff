"""The stages that make the starter image model: autoencoder → text encoder → examples → finer decoder → denoiser → a diffusers
folder.

Each stage leaves its result in the run's folder and is not done again; a stage that was stopped goes on from its last
checkpoint. The folder of the finished model holds real classes of diffusers and transformers and no code of ours.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.training.datasets.openmoji import RECIPES, draw, read_entries, read_licence
from pipelines.training.pictures import moved, to_model, to_tensor
from pipelines.training.starter_image.autoencoder import encode, refine_decoder, train_autoencoder
from pipelines.training.starter_image.captions import captions
from pipelines.training.starter_image.cedict import read_glosses
from pipelines.training.starter_image.latent_diffusion import Examples, build, gather, noise_schedule, train_denoiser
from pipelines.training.starter_image.loop import load_average
from pipelines.training.starter_image.recipe import StarterImageRecipe
from pipelines.training.starter_image.text_encoder import (
    Pair,
    Teacher,
    choose_words,
    encode_prompts,
    train_text_encoder,
)

if TYPE_CHECKING:
    from diffusers import AutoencoderKL, StableDiffusionPipeline
    from transformers import BertModel, BertTokenizer

SHARD = "9MB"


def make(recipe: StarterImageRecipe, folder: Path, is_stopping: Callable[[], bool]) -> bool:
    """Do what is left of the run in `folder`. False when it was stopped before its end."""
    # 1 An autoencoder for the pictures
    if not (folder / "autoencoder" / "trained").is_dir():
        pictures = to_tensor(draw(read_entries(), recipe.autoencoder.size, folder / "packages"))
        autoencoder = train_autoencoder(recipe.autoencoder, pictures, folder / "autoencoder", is_stopping)
        if autoencoder is None:
            return False
        _keep(folder / "autoencoder" / "trained", autoencoder)

    # 2 A text encoder that knows words beyond the captions
    if not (folder / "text_encoder" / "trained").is_dir() and not _make_text_encoder(recipe, folder, is_stopping):
        return False

    # 3 What both make of the pictures and their captions
    if not (folder / "examples.safetensors").exists():
        _make_examples(recipe, folder)

    # 4 Finer pictures out of the same latents
    if not (folder / "autoencoder" / "refined").is_dir():
        pictures = to_tensor(draw(read_entries(), recipe.autoencoder.size, folder / "packages"))
        autoencoder = _read_autoencoder(folder)
        if not refine_decoder(recipe.autoencoder, autoencoder, pictures, folder / "decoder", is_stopping):
            return False
        _keep(folder / "autoencoder" / "refined", autoencoder)

    # 5 The denoiser
    return train_denoiser(recipe.denoiser, _read_examples(folder), folder / "denoiser", is_stopping)[1]


def assemble(recipe: StarterImageRecipe, folder: Path) -> "StableDiffusionPipeline":
    """The pipeline with the averaged weights of the denoiser's newest checkpoint."""
    from diffusers import DPMSolverMultistepScheduler, StableDiffusionPipeline

    autoencoder = _read_autoencoder(folder)
    tokenizer, encoder = _read_text_encoder(folder)
    side = recipe.autoencoder.size >> (len(recipe.autoencoder.channels) - 1)
    task = recipe.denoiser
    denoiser = build(
        task.channels, task.attention, task.layers, task.embedding,
        latent_channels=recipe.autoencoder.latent_channels, side=side, text_width=encoder.config.hidden_size,
    )  # fmt: skip
    load_average(denoiser, folder / "denoiser")
    return StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=encoder,
        tokenizer=tokenizer,
        unet=denoiser.eval(),
        scheduler=DPMSolverMultistepScheduler.from_config(noise_schedule().config),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )


def export(recipe: StarterImageRecipe, folder: Path, target: Path) -> None:
    """Write the model into `target` in float16, no file over 10 MB, with the licence of the pictures beside it."""
    import torch

    pipeline = assemble(recipe, folder)
    for part in (pipeline.vae, pipeline.text_encoder, pipeline.unet):
        for parameter in part.parameters():
            parameter.data = parameter.data.to(torch.float16)
    pipeline.save_pretrained(target, max_shard_size=SHARD)

    # diffusers loads float16 files as float32 unless told otherwise, transformers goes by this word: they must agree
    config = target / "text_encoder" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "dtype": "float32"}, indent=2) + "\n")
    (target / "LICENSE").write_text(read_licence(folder / "packages"), encoding="utf-8")


def held_out_wordings(recipe: StarterImageRecipe) -> list[str]:
    """The wordings that no training text may be or contain."""
    rows = json.loads((RECIPES / recipe.evaluation).read_text(encoding="utf-8"))["held_out"]
    return [row["wording"].lower() for row in rows]


def held_out_pattern(recipe: StarterImageRecipe) -> re.Pattern[str]:
    """Finds any of them in a text of small letters; English ones as whole words."""
    return re.compile(
        "|".join(rf"\b{re.escape(w)}\b" if w.isascii() else re.escape(w) for w in held_out_wordings(recipe))
    )


def _make_text_encoder(recipe: StarterImageRecipe, folder: Path, is_stopping: Callable[[], bool]) -> bool:
    packages = folder / "packages"
    held_out = held_out_pattern(recipe)
    entries = read_entries()
    teacher = Teacher(packages)
    glosses = {
        word: meaning
        for word, meaning in read_glosses(packages).items()
        if not held_out.search(word) and not held_out.search(meaning)
    }
    words = choose_words(glosses, [entry.en for entry in entries], teacher, recipe.text_encoder.dictionary_words)
    texts = list(dict.fromkeys(Pair(caption.text, caption.english) for caption in captions(entries)))
    trained = train_text_encoder(
        recipe.text_encoder, texts, words, glosses, teacher, folder / "text_encoder", is_stopping
    )
    if trained is None:
        return False
    _keep(folder / "text_encoder" / "trained", *trained)
    return True


def _make_examples(recipe: StarterImageRecipe, folder: Path) -> None:
    """Latents of every picture as it stands and moved a little, and the hidden states of every caption, into one file."""
    import torch
    from safetensors.torch import save_file

    entries = read_entries()
    autoencoder = _read_autoencoder(folder)
    pictures = to_model(to_tensor(draw(entries, recipe.autoencoder.size, folder / "packages")))
    task = recipe.denoiser
    torch.manual_seed(task.plan.seed)
    versions = [pictures, *(moved(pictures, task.degrees, task.scale, task.shift) for _ in range(task.variants - 1))]
    latents = torch.stack([encode(autoencoder, version) for version in versions])

    tokenizer, encoder = _read_text_encoder(folder)
    prompts = encode_prompts(tokenizer, encoder, ["", *(caption.text for caption in captions(entries))])
    part = folder / "examples.part"
    save_file({"latents": latents.contiguous(), "prompts": prompts}, part)
    part.replace(folder / "examples.safetensors")


def _read_examples(folder: Path) -> Examples:
    from safetensors.torch import load_file

    data = load_file(folder / "examples.safetensors")
    return gather(data["latents"], captions(read_entries()), data["prompts"][1:], data["prompts"][0])


def _read_autoencoder(folder: Path) -> "AutoencoderKL":
    from diffusers import AutoencoderKL

    refined = folder / "autoencoder" / "refined"
    return AutoencoderKL.from_pretrained(refined if refined.is_dir() else refined.with_name("trained")).eval()


def _read_text_encoder(folder: Path) -> "tuple[BertTokenizer, BertModel]":
    from transformers import BertModel, BertTokenizer

    place = folder / "text_encoder" / "trained"
    return BertTokenizer.from_pretrained(place), BertModel.from_pretrained(place).eval()


def _keep(place: Path, *parts: "AutoencoderKL | BertTokenizer | BertModel") -> None:
    """Saved under another name and renamed, so that a folder that is there is whole."""
    scratch = place.with_name(place.name + ".part")
    for part in parts:
        part.save_pretrained(scratch)
    scratch.rename(place)
