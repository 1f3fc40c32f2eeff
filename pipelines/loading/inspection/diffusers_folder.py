"""Looks at a folder in diffusers' layout, component by component, before diffusers does: is it whole and harmless, what
can it do, and what suits it?

    model_index.json   {"_class_name": …, "<component>": ["<library>", "<class>"], …}
    <component>/       config.json and safetensors weights, or the files of a tokenizer or a scheduler

The oldest models of one component have everything in one folder.

Source: https://huggingface.co/docs/diffusers/using-diffusers/other-formats. It loads nothing and needs no torch.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipelines.errors.models import AsksForCode, ModelDamaged, UnsafeModel, UnsupportedModel
from pipelines.loading.inspection import safetensors_header
from pipelines.loading.inspection.diffusers_classes import (
    FILMS,
    PipelineClass,
    find_class,
    makes_sound,
    pipelines_folder,
    tasks_of,
)
from pipelines.loading.inspection.weight_files import PICKLE_SUFFIXES, check_file, check_json_files, read_json
from pipelines.types.image import ImageTask
from pipelines.types.model import ImageDefaults
from pipelines.types.video import VideoTask

INDEX = "model_index.json"
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
DENOISERS = ("transformer", "unet", "prior")
# What a pipeline does without: it is then built with None in that place.
OPTIONAL = frozenset({"safety_checker", "feature_extractor", "image_encoder", "watermark"})
WITHOUT_WEIGHTS = frozenset({"scheduler"})
FEW_STEPS = re.compile(r"turbo|lightning|schnell|lcm|hyper-?sd|sprint|(?<!de-)distill|klein(?!-base)", re.IGNORECASE)
FLUX_1 = re.compile("Flux(?!2)")  # of its second kind those with all steps have no guidance_embeds either
USUAL_STEPS, FEW = 30, 4
USUAL_SIDE = 1024


@dataclass(frozen=True)
class Component:
    """One part with weights: the folder they are in, and "fp16" where only that variant of them is there."""

    name: str
    folder: Path
    library: str
    class_name: str
    files: tuple[Path, ...]
    variant: str


@dataclass(frozen=True)
class DiffusersFolder:
    class_name: str
    components: tuple[Component, ...]
    absent: tuple[str, ...]
    size_bytes: int
    parameters: int
    tasks: tuple[ImageTask | VideoTask, ...]
    defaults: ImageDefaults


def is_one(folder: Path) -> bool:
    return (folder / INDEX).is_file()


def check(folder: Path, model: str) -> DiffusersFolder:
    """What is in `folder`. Raises UnsafeModel, ModelDamaged, or UnsupportedModel for a class that makes neither pictures
    nor films nor sounds."""
    # 1 Which class, of which parts
    index = check_json_files(folder, model, INDEX)
    name = index.get("_class_name")
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise AsksForCode(model=model, file=INDEX, key="_class_name")
    pipeline = find_class(name)
    if pipeline is None:
        raise UnsupportedModel(model=model, architecture=name[:80])

    # 2 Every part, by content
    components, absent = [], []
    is_flat = not any((folder / part).is_dir() for part, _, _ in _parts(folder, index, model))
    for part, library, class_name in _parts(folder, index, model):
        place = folder if is_flat else folder / part
        if not place.is_dir():
            if part not in OPTIONAL:
                raise ModelDamaged(model=model, reason=f"{part}/ is missing", path=folder)
            absent.append(part)
        elif part not in WITHOUT_WEIGHTS and (component := _check_component(part, place, library, class_name, model)):
            components.append(component)

    # 3 What it can do and what suits it
    configs = {part.name: check_json_files(part.folder, model) for part in components}
    paints_only = configs.get("unet", {}).get("in_channels") == 9
    tasks = tasks_of(name, has_vae="vae" in configs, paints_only=paints_only)
    if not tasks and not makes_sound(name):
        raise UnsupportedModel(model=model, architecture=name)
    files = [file for part in components for file in part.files]
    return DiffusersFolder(
        name,
        tuple(components),
        tuple(absent),
        sum(file.stat().st_size for file in files),
        sum(safetensors_header.read_header(file).parameters for file in files),
        tasks,
        _as_trained(folder, defaults_of(pipeline, model, configs, _scheduler_config(folder, model))),
    )


def defaults_of(pipeline: PipelineClass, model: str, configs: dict[str, dict], scheduler: dict) -> ImageDefaults:
    """Size by the class or its denoiser, steps and guidance scale by the class, few of them for a distilled model."""
    # 1 Pixels: what the class was written for, else the latents of its denoiser times the autoencoder's scale
    denoiser: dict[str, Any] = next((configs[part] for part in DENOISERS if part in configs), {})
    scale = _vae_scale(configs.get("vae") or configs.get("movq") or configs.get("vqvae") or {})
    sample = denoiser.get("sample_size") or [denoiser.get("sample_height"), denoiser.get("sample_width")]
    sides = sample if isinstance(sample, list) and len(sample) == 2 else [sample, sample]
    height, width = (
        _first_count(pipeline.defaults.get(side), part * scale if _is_count(part) else None, USUAL_SIDE)
        for side, part in zip(("height", "width"), sides, strict=True)
    )

    # 2 Steps and guidance
    steps = _first_count(pipeline.defaults.get("num_inference_steps"), USUAL_STEPS)
    guidance = pipeline.defaults.get("guidance_scale") or pipeline.defaults.get("true_cfg_scale") or 1.0
    is_film = pipeline.name in FILMS
    frames = _first_count(pipeline.defaults.get("num_frames"), denoiser.get("sample_frames"), 1) if is_film else 1
    rate = FILMS[pipeline.name][1] if is_film else 0.0
    is_schnell = FLUX_1.match(pipeline.name) is not None and denoiser.get("guidance_embeds") is False
    is_lcm = scheduler.get("_class_name") == "LCMScheduler"
    if (FEW_STEPS.search(model) or is_schnell or is_lcm) and steps > FEW:
        return ImageDefaults(width, height, FEW, 0.0, frames, rate)
    strength = float(guidance) if isinstance(guidance, int | float) else 1.0
    return ImageDefaults(width, height, steps, strength, frames, rate)


def _as_trained(folder: Path, defaults: ImageDefaults) -> ImageDefaults:
    """With the steps and the guidance that a training here has written down beside its model."""
    try:
        said = json.loads((folder / "model.json").read_text(encoding="utf-8"))["drawing"]
        steps, guidance = int(said["steps"]), float(said["guidance_scale"])
    except (OSError, ValueError, KeyError, TypeError):
        return defaults
    return (
        replace(defaults, steps=steps, guidance_scale=guidance)
        if _is_count(steps) and 0 <= guidance < 100
        else defaults
    )


# ── part by part ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _parts(folder: Path, index: dict, model: str) -> Iterator[tuple[str, str, str]]:
    """(name, library, class) of every component that is not left empty. Raises UnsafeModel for code of its own."""
    for part, value in index.items():
        if part.startswith("_") or not isinstance(value, list) or value[:1] == [None]:
            continue
        if not all(isinstance(word, str) and NAME.fullmatch(word) for word in (part, *value)) or len(value) != 2:
            raise AsksForCode(model=model, file=INDEX, key=part[:40])
        library, class_name = value
        is_known = library in ("diffusers", "transformers") or _is_package_of_pipelines(library)
        if not is_known or any(folder.glob(f"{part}/*.py")):
            raise AsksForCode(model=model, file=INDEX, key=part[:40])
        yield part, library, class_name


def _check_component(part: str, folder: Path, library: str, class_name: str, model: str) -> Component | None:
    """The component, or None for one without weights (a tokenizer, a scheduler)."""
    # 1 Its settings
    check_json_files(folder, model)
    files = sorted(file for file in folder.iterdir() if file.is_file())
    tensors = [file for file in files if file.suffix.lower() == ".safetensors"]
    if not tensors:
        if any(file.suffix.lower() in PICKLE_SUFFIXES for file in files):
            raise UnsafeModel(model=model, reason="its weights are pickles, which can run code")
        if (folder / "config.json").exists():
            raise ModelDamaged(model=model, reason=f"{part}/ holds no weights", path=folder)
        return None

    # 2 One form of its weights: the usual one, else the variant
    usual = [file for file in tensors if not _variant(file)]
    variant = "" if usual else _variant(tensors[0])
    chosen = usual or [file for file in tensors if _variant(file) == variant]
    for file in chosen:
        check_file(file, model, expected="safetensors")

    # 3 With every shard
    for index in folder.glob("*.safetensors.index*.json"):
        if bool(variant) != (f".{variant}." in index.name if variant else False):
            continue
        weight_map = read_json(index, model).get("weight_map")
        named = {str(name) for name in weight_map.values()} if isinstance(weight_map, dict) else set()
        if missing := sorted(named - {file.name for file in chosen}):
            raise ModelDamaged(model=model, reason=f"{part}/{missing[0][:80]} is missing", path=folder)
    return Component(part, folder, library, class_name, tuple(chosen), variant)


def _variant(file: Path) -> str:
    """The "fp16" of `model.fp16.safetensors` and `model.fp16-00001-of-00002.safetensors`; "" of the usual weights."""
    parts = file.name.split(".")
    return parts[1].split("-")[0] if len(parts) > 2 else ""


def _is_package_of_pipelines(library: str) -> bool:
    """Whether `library` is one of diffusers' own packages of pipelines, which also hold a few components."""
    return (pipelines_folder() / library / "__init__.py").is_file()


def _scheduler_config(folder: Path, model: str) -> dict:
    for file in (folder / "scheduler" / "scheduler_config.json", folder / "scheduler_config.json"):
        if file.is_file():
            return read_json(file, model)
    return {}


def _vae_scale(config: dict) -> int:
    """How many pixels one latent is wide; 1 without an autoencoder."""
    for name in ("encoder_block_out_channels", "block_out_channels"):
        if isinstance(config.get(name), list):
            return 2 ** (len(config[name]) - 1)
    if isinstance(config.get("temperal_downsample"), list):
        return 2 ** len(config["temperal_downsample"])
    return 8 if config else 1


def _first_count(*values: object) -> int:
    return next(value for value in values if isinstance(value, int) and _is_count(value))


def _is_count(value: object) -> bool:
    return type(value) is int and 0 < value <= 65_536
