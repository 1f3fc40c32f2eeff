"""Brings a diffusers pipeline into memory, component by component, with everything unsafe off.

Only files on this machine, only safetensors, never code of the model's own; a component whose file leaves a weight unset
is refused, because diffusers would fill it with random numbers. It knows no task and no kind of denoiser.
"""

from typing import Any

from pipelines.errors.models import ModelDamaged, UnsupportedModel
from pipelines.loading.inspection import checkpoint, diffusers_folder
from pipelines.loading.inspection.diffusers_folder import Component
from pipelines.loading.inspection.weights import Weights
from pipelines.loading.placement import dispatch
from pipelines.loading.placement.devices import Place
from pipelines.loading.pretrained import in_plain_words
from pipelines.types.events import Loading, OnEvent
from pipelines.types.model import ModelSpec

# Above this side a picture is encoded and decoded in tiles; below it tiles would only cost seams.
TILED_ABOVE_PIXELS = 1024
UNREAD = "pooler."  # of a text encoder: pipelines read its tokens, so many are saved without
UNQUANTISED = frozenset({"vae", "movq", "vqvae", "safety_checker"})


def load_pipeline(spec: ModelSpec, weights: Weights, place: Place, on_event: OnEvent) -> Any:
    """A diffusers pipeline in evaluation mode. Raises UnsupportedModel, ModelDamaged, or what says that memory ran out."""
    import diffusers

    if weights.file_format == "checkpoint":
        return _load_checkpoint(spec, weights, place, on_event)

    # 1 Every component with weights
    found = diffusers_folder.check(weights.path, spec.name)
    parts: dict[str, Any] = dict.fromkeys(found.absent)
    done = 0
    on_event(Loading("weights", spec.name, 0, found.size_bytes))
    with in_plain_words(spec, weights):
        for component in found.components:
            parts[component.name] = _load_component(component, spec, weights, place)
            done += sum(file.stat().st_size for file in component.files)
            on_event(Loading("weights", spec.name, done, found.size_bytes))

        # 2 The pipeline around them, with its tokenizers and its scheduler
        pipe = diffusers.DiffusionPipeline.from_pretrained(
            weights.path, local_files_only=True, trust_remote_code=False, use_safetensors=True, **parts
        )

    # 3 Where they work
    _put(pipe, place)
    return pipe


def _load_checkpoint(spec: ModelSpec, weights: Weights, place: Place, on_event: OnEvent) -> Any:
    """The pipeline of a single file, with the settings of the model that it was tuned from. Raises SettingsMissing."""
    import diffusers
    import torch

    # 1 The settings, then all components out of the one file
    (class_name,) = weights.architectures
    settings = checkpoint.settings_folder(weights.path, class_name, spec.name)
    on_event(Loading("weights", spec.name, 0, weights.size_bytes))
    with in_plain_words(spec, weights):
        pipe = getattr(diffusers, class_name).from_single_file(
            str(weights.path), config=str(settings), local_files_only=True, torch_dtype=getattr(torch, place.dtype)
        )
    on_event(Loading("weights", spec.name, weights.size_bytes, weights.size_bytes))

    # 2 Whole?
    for part in modules_of(pipe):
        unset = [name for name, tensor in part.named_parameters() if tensor.is_meta]
        if unset:
            reason = f"{len(unset)} weights of its {type(part).__name__} are missing ({unset[0]})"
            raise ModelDamaged(model=spec.name, reason=reason, path=weights.path)
        if place.weights_in_memory_bytes is None:
            dispatch.own_weights(part.eval())
    _put(pipe, place)
    return pipe


def _put(pipe: Any, place: Place) -> None:
    """Every component where it works, and what holds for every call."""
    on_disk = dispatch.offload_folder(place)
    if on_disk is not None:
        large = [part for name, part in pipe.components.items() if name not in UNQUANTISED and part in modules_of(pipe)]
        dispatch.offload_largest(large, place, on_disk.name)
    else:
        for name, part in pipe.components.items():
            if hasattr(part, "parameters"):
                dispatch.settle(part, place, is_quantised=name not in UNQUANTISED)
    pipe.offload_folder = on_disk  # cleaned up with the pipeline
    prepare(pipe)


def modules_of(pipe: Any) -> list[Any]:
    """The components of a pipeline that hold weights."""
    return [part for part in pipe.components.values() if hasattr(part, "parameters")]


def prepare(pipe: Any) -> None:
    """What holds for every call: no bars on the terminal, large pictures in tiles."""
    pipe.set_progress_bar_config(disable=True)
    vae = getattr(pipe, "vae", None)
    if vae is None or not hasattr(vae, "enable_tiling"):
        return
    vae.enable_tiling()
    if hasattr(vae, "tile_latent_min_size") and vae.tile_sample_min_size < TILED_ABOVE_PIXELS:
        vae.tile_latent_min_size = vae.tile_latent_min_size * TILED_ABOVE_PIXELS // vae.tile_sample_min_size
        vae.tile_sample_min_size = TILED_ABOVE_PIXELS


def _load_component(component: Component, spec: ModelSpec, weights: Weights, place: Place) -> Any:
    """In evaluation mode; quantised where `place` says so, all but the autoencoder: it is small and would show it."""
    import diffusers
    import torch
    import transformers

    cls = _class_of(component, spec.name)
    library = transformers if issubclass(cls, transformers.PreTrainedModel) else diffusers
    variant = {"variant": component.variant} if component.variant else {}
    quantised = {} if component.name in UNQUANTISED else dispatch.quantised(place, library)
    model, report = cls.from_pretrained(
        component.folder,
        local_files_only=True,
        use_safetensors=True,
        output_loading_info=True,
        dtype=getattr(torch, place.dtype),
        **variant,
        **quantised,
    )
    if missing := sorted(name for name in report.get("missing_keys") or () if not name.startswith(UNREAD)):
        reason = f"{len(missing)} weights of its {component.name} are missing ({missing[0]})"
        raise ModelDamaged(model=spec.name, reason=reason, path=weights.path)
    return model.eval()


def _class_of(component: Component, model: str) -> Any:
    """The class that `model_index.json` names, where it is one that holds weights."""
    import diffusers
    import torch
    import transformers

    libraries = {"diffusers": diffusers, "transformers": transformers}
    library = libraries.get(component.library) or getattr(diffusers.pipelines, component.library, None)
    cls = getattr(library, component.class_name, None)
    if not (isinstance(cls, type) and issubclass(cls, torch.nn.Module) and hasattr(cls, "from_pretrained")):
        raise UnsupportedModel(model=model, architecture=component.class_name)
    return cls
