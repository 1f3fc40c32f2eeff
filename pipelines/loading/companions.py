"""The repository that some models need beside their own: the codec or the vocoder that makes sound of what they write.

A family names it as COMPANION. It is fetched with the model, unless a folder of its name lies inside the model's own, and its
files pass the same checks. It knows no family.
"""

from pathlib import Path
from typing import Any

from pipelines.errors.models import ModelDamaged
from pipelines.loading.hub.cache import folder_on_disk
from pipelines.loading.inspection.weights import Weights, check_model
from pipelines.loading.placement import dispatch
from pipelines.loading.placement.devices import Place
from pipelines.loading.pretrained import in_plain_words
from pipelines.types.model import ModelSpec


def folder_here(model: Path, companion: ModelSpec) -> Path | None:
    """Where `companion` is for the model at `model`: inside its folder, else in the hub's cache; None where it is not here."""
    inside = model / companion.location.rpartition("/")[2]
    return inside if inside.is_dir() else folder_on_disk(companion)


def load_companion(cls: Any, spec: ModelSpec, weights: Weights, companion: ModelSpec, place: Place) -> Any:
    """The network of `companion` as transformers' `cls`, in float32. Raises ModelDamaged, UnsafeModel …"""
    import torch

    folder = folder_here(weights.path, companion)
    if folder is None:  # it was fetched before, and is gone
        raise ModelDamaged(model=spec.name, reason=f"{companion.location} is missing", path=weights.path)
    check_model(folder, spec.name)
    with in_plain_words(spec, weights):
        network, report = cls.from_pretrained(
            folder, local_files_only=True, use_safetensors=True, output_loading_info=True, dtype=torch.float32
        )
    if missing := sorted(report.get("missing_keys") or ()):
        raise ModelDamaged(model=spec.name, reason=f"{len(missing)} weights are missing ({missing[0]})", path=folder)
    dispatch.settle(network.eval(), place, is_quantised=False)
    return network
