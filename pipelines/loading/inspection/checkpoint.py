"""A single safetensors file with a whole Stable Diffusion in it, as fine-tunes are passed on: which kind it is, and where
on this machine the settings are that such a file lacks.

The settings (of the components, the tokenizer, the scheduler) are those of the model that it was tuned from: in a folder
beside the file with the file's name, or of that model where the hub's cache holds it. Nothing is fetched. It loads nothing.
"""

from dataclasses import dataclass
from pathlib import Path

from pipelines.errors.models import SettingsMissing, UnsupportedModel
from pipelines.loading.hub.cache import folder_on_disk
from pipelines.loading.inspection import diffusers_folder, safetensors_header
from pipelines.loading.inspection.diffusers_classes import find_class, tasks_of
from pipelines.loading.inspection.weight_files import check_json_files
from pipelines.types.image import ImageTask
from pipelines.types.model import ImageDefaults, ModelSpec
from pipelines.types.video import VideoTask


@dataclass(frozen=True)
class Kind:
    """Known by the width of the words that its denoiser takes."""

    words: int
    class_name: str
    tuned_from: str
    side: int
    guidance_scale: float


KINDS = (
    Kind(768, "StableDiffusionPipeline", "stable-diffusion-v1-5/stable-diffusion-v1-5", 512, 7.5),
    Kind(2048, "StableDiffusionXLPipeline", "stabilityai/stable-diffusion-xl-base-1.0", 1024, 5.0),
)
DENOISER, WORDS = "model.diffusion_model.", ".attn2.to_k.weight"
INPUT = "model.diffusion_model.input_blocks.0.0.weight"
USUAL_STEPS = 30


@dataclass(frozen=True)
class Checkpoint:
    class_name: str
    parameters: int
    tasks: tuple[ImageTask | VideoTask, ...]
    defaults: ImageDefaults


def check(path: Path, model: str) -> Checkpoint:
    """What is in the file at `path`, whose header was checked. Raises UnsupportedModel for any other kind."""
    # 1 Which kind
    header = safetensors_header.read_header(path)
    shapes = header.shapes
    words = {
        shape[-1] for name, shape in shapes.items() if name.startswith(DENOISER) and name.endswith(WORDS) and shape
    }
    kind = next((kind for kind in KINDS if words == {kind.words}), None)
    if kind is None or path.suffix.lower() != ".safetensors":
        raise UnsupportedModel(model=model, architecture=f"(a single file called {path.name})")

    # 2 What it can do
    paints_only = len(shapes.get(INPUT, ())) > 1 and shapes[INPUT][1] == 9
    if find_class(kind.class_name) is None:
        raise UnsupportedModel(model=model, architecture=kind.class_name)
    tasks = tasks_of(kind.class_name, has_vae=True, paints_only=paints_only)
    few = bool(diffusers_folder.FEW_STEPS.search(model))
    steps, guidance = (diffusers_folder.FEW, 0.0) if few else (USUAL_STEPS, kind.guidance_scale)
    return Checkpoint(kind.class_name, header.parameters, tasks, ImageDefaults(kind.side, kind.side, steps, guidance))


def settings_folder(path: Path, class_name: str, model: str) -> Path:
    """Where the settings are that the file at `path` lacks. Raises SettingsMissing, UnsafeModel."""
    kind = next(k for k in KINDS if k.class_name == class_name)
    source = ModelSpec(kind.tuned_from, kind.tuned_from, "", (), "hub", kind.tuned_from)
    for folder in (path.with_suffix(""), folder_on_disk(source)):
        if folder is not None and diffusers_folder.is_one(folder):
            check_json_files(folder, model, diffusers_folder.INDEX)
            for part in folder.iterdir():
                if part.is_dir():
                    check_json_files(part, model)
            return folder
    raise SettingsMissing(model=model, source=kind.tuned_from)
