"""What the pipeline classes of diffusers can do and take, read out of its source: importing it takes eight seconds.

diffusers keeps tables of the classes that do text-to-image, image-to-image and inpainting over the same weights
(`pipelines/auto_pipeline.py`). The rest is in the signature of a class's `__call__`. Knows no model's files.
"""

import ast
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, get_args

from pipelines.types.image import ImageTask
from pipelines.types.video import VideoTask

Base = Literal["text-to-image", "image-to-image", "inpaint"]

TABLES: dict[Base, str] = {
    "text-to-image": "AUTO_TEXT2IMAGE_PIPELINES_MAPPING",
    "image-to-image": "AUTO_IMAGE2IMAGE_PIPELINES_MAPPING",
    "inpaint": "AUTO_INPAINT_PIPELINES_MAPPING",
}
NOT_PICTURES = frozenset(
    {"num_frames", "frames", "video", "audio_length_in_s", "audio_end_in_s", "audio_duration", "frame_size"}
)
# They make sounds. diffusers has given up AudioLDM and MusicLDM, and the latter no longer runs with its transformers
SOUNDING = frozenset({"StableAudioPipeline", "AudioLDM2Pipeline"})
NEEDS_MORE = ("ControlNet", "Control", "Adapter", "Prior")  # a control picture, or the half of a model
FROM_WORDS: tuple[VideoTask, ...] = ("text-to-video",)
FROM_PICTURE: tuple[VideoTask, ...] = ("image-to-video",)
# Classes that make films: what their models can do, and how many pictures a second they were taught
FILMS: dict[str, tuple[tuple[VideoTask, ...], float]] = {
    "WanPipeline": (FROM_WORDS, 16.0),
    "WanImageToVideoPipeline": (FROM_PICTURE, 16.0),
    "LTXPipeline": (FROM_WORDS + FROM_PICTURE, 25.0),
    "LTXImageToVideoPipeline": (FROM_WORDS + FROM_PICTURE, 25.0),
    "CogVideoXPipeline": (FROM_WORDS, 8.0),
    "CogVideoXImageToVideoPipeline": (FROM_PICTURE, 8.0),
    "AnimateDiffPipeline": (FROM_WORDS, 8.0),
}
PAINTS_WITH_NINE = "Kandinsky"  # its inpainting class takes only a denoiser with nine input channels


@dataclass(frozen=True)
class PipelineClass:
    """A class by name: what its `__call__` takes (with the defaults that are written as literals), and its methods."""

    name: str
    takes: frozenset[str]
    needs: frozenset[str]
    defaults: dict[str, object]
    methods: frozenset[str]


@dataclass(frozen=True)
class Tables:
    """`classes[task][kind]` is the class of a kind of model for a task; `kinds` is the way back."""

    classes: dict[Base, dict[str, str]]
    kinds: dict[str, str]


def class_for(name: str, task: Base) -> str | None:
    """The class that does `task` with the weights of class `name`, or None."""
    tables = _tables()
    kind = tables.kinds.get(name)
    return tables.classes[task].get(kind) if kind else None


def tasks_of(name: str, *, has_vae: bool, paints_only: bool) -> tuple[ImageTask | VideoTask, ...]:
    """What a model of class `name` can do; () for a class that makes no pictures and no films, or needs more than words and a picture.

    `has_vae`: its latents can be made of a picture, so that it can start from one. `paints_only`: its denoiser wants a
    mask (an inpainting model with nine input channels).
    """
    if name in FILMS:
        return FILMS[name][0]
    found = find_class(name)
    if found is None or any(part in name for part in NEEDS_MORE) or found.takes & NOT_PICTURES:
        return ()
    if "Upscale" in name:
        return ("upscale",)
    from_words, from_picture = class_for(name, "text-to-image"), class_for(name, "image-to-image")
    can: set[ImageTask] = set()
    if not from_words and not from_picture:
        can |= _tasks_by_signature(found)
    if from_words and not paints_only and is_blendable(from_words):
        can |= {"text-to-image", *(("image-to-image", "inpaint", "outpaint") if has_vae else ())}
    if from_words and not paints_only:
        can.add("text-to-image")
    if from_picture and not paints_only:
        can.add("image-to-image" if "strength" in _taken_by(from_picture) else "edit")
    if class_for(name, "inpaint") and (paints_only or not name.startswith(PAINTS_WITH_NINE)):
        can |= {"inpaint", "outpaint"}
    return tuple(task for task in get_args(ImageTask) if task in can)


def makes_sound(name: str) -> bool:
    """Whether class `name` makes music or sounds of words, step by step."""
    return name in SOUNDING


def is_blendable(name: str) -> bool:
    """Whether the latents of this class are plain pictures of channels, so that they can be mixed with another's."""
    found = find_class(name)
    return found is not None and "latents" in found.takes and not found.methods & {"_pack_latents", "patchify"}


@cache
def find_class(name: str) -> PipelineClass | None:
    """The pipeline class `name` of the installed diffusers, or None."""
    for file in sorted(pipelines_folder().rglob("pipeline_*.py")):
        text = file.read_text(encoding="utf-8")
        if f"\nclass {name}(" not in text:
            continue
        for node in ast.parse(text).body:
            if isinstance(node, ast.ClassDef) and node.name == name:
                return _read_class(node)
    return None


def _tasks_by_signature(found: PipelineClass) -> set[ImageTask]:
    """Of a class that stands in no table."""
    if "mask_image" in found.takes:
        return {"inpaint", "outpaint"}
    if "image" in found.takes and "prompt" in found.takes:
        return {"image-to-image"} if "strength" in found.takes else {"edit"}
    if found.needs <= {"prompt"} and found.takes & {"prompt", "batch_size"} and "image" not in found.takes:
        return {"text-to-image"}
    return set()


def _taken_by(name: str) -> frozenset[str]:
    found = find_class(name)
    return found.takes if found else frozenset()


def _read_class(node: ast.ClassDef) -> PipelineClass | None:
    functions = {item.name: item for item in node.body if isinstance(item, ast.FunctionDef)}
    call = functions.get("__call__")
    if call is None:
        base = node.bases[0] if node.bases else None
        return find_class(base.id) if isinstance(base, ast.Name) and base.id.endswith("Pipeline") else None
    named = [arg.arg for arg in (*call.args.args[1:], *call.args.kwonlyargs)]
    values = [*call.args.defaults, *(value for value in call.args.kw_defaults if value is not None)]
    defaults: dict[str, object] = {
        name: value.value if isinstance(value, ast.Constant) else None
        for name, value in zip(named[len(named) - len(values) :], values, strict=True)
    }
    return PipelineClass(
        node.name, frozenset(named), frozenset(named) - frozenset(defaults), defaults, frozenset(functions)
    )


@cache
def _tables() -> Tables:
    tree = ast.parse((pipelines_folder() / "auto_pipeline.py").read_text(encoding="utf-8"))
    by_table: dict[str, dict[str, str]] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        target = node.targets[0]
        if isinstance(target, ast.Name) and isinstance(node.value, ast.Call) and node.value.args:
            by_table[target.id] = _pairs(node.value.args[0])
        elif isinstance(target, ast.Subscript) and isinstance(target.value, ast.Name):
            key, value = target.slice, node.value
            if isinstance(key, ast.Constant) and isinstance(value, ast.Name):
                by_table.setdefault(target.value.id, {})[str(key.value)] = value.id
    classes = {task: by_table.get(table, {}) for task, table in TABLES.items()}
    kinds = {name: kind for of_task in reversed(classes.values()) for kind, name in of_task.items()}
    return Tables(classes, kinds)


def _pairs(node: ast.expr) -> dict[str, str]:
    """`[("flux", FluxPipeline), …]` as a dict."""
    pairs = [item.elts for item in getattr(node, "elts", []) if isinstance(item, ast.Tuple) and len(item.elts) == 2]
    return {
        str(key.value): value.id
        for key, value in pairs
        if isinstance(key, ast.Constant) and isinstance(value, ast.Name)
    }


def pipelines_folder() -> Path:
    """Where the pipelines of the installed diffusers are, found without importing it."""
    spec = find_spec("diffusers")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("diffusers")
    return Path(spec.submodule_search_locations[0]) / "pipelines"
