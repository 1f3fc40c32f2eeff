"""The model that a training goes on from, as transformers reads it: safetensors, or GGUF unpacked. Knows no trainer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.base import open_catalog
from pipelines.errors.training import BaseNotTrainable
from pipelines.loading.inspection.weights import Weights, check_unpacked
from pipelines.loading.placement.devices import Place
from pipelines.loading.pretrained import load_pretrained
from pipelines.loading.starter import StarterStore
from pipelines.types.events import OnEvent, ignore
from pipelines.types.model import ModelSpec

TRAINABLE_FORMATS = ("safetensors", "gguf")


@dataclass(frozen=True)
class BaseModel:
    """Checked files on this machine, and what the catalog says of them."""

    spec: ModelSpec
    weights: Weights

    @property
    def licence(self) -> str:
        return self.spec.licence

    def load(self, auto_class: Any, device: str) -> tuple[Any, Any]:
        """(model in float32, tokenizer): what is trained must not be rounded. Raises ModelDamaged, UnsupportedModel."""
        return load_pretrained(auto_class, self.spec, self.weights, Place(device, "float32", device), ignore)


def find_base(model: str, models_folder: Path, on_event: OnEvent) -> BaseModel:
    """The base that `model` names in the catalog, fetched where it is not here. Raises BaseNotTrainable, and what `find` raises."""
    catalog = open_catalog(models_folder)
    spec = catalog.find(model)
    if spec.source == "none":
        raise BaseNotTrainable(model=spec.name, reason="it has no weights")
    if spec.source == "starter":
        folder = StarterStore().folder(spec.location, on_event)
    else:
        folder = catalog.hub.snapshot(spec, on_event) if spec.source == "hub" else Path(spec.location)
    weights = check_unpacked(folder, spec.name)
    if weights.file_format not in TRAINABLE_FORMATS:
        raise BaseNotTrainable(model=spec.name, reason=f"its format is {weights.file_format}")
    return BaseModel(spec, weights)
