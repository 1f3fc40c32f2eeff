"""The model that a training goes on from, as transformers or diffusers reads it: safetensors, or GGUF unpacked. Knows no trainer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipelines.base import open_catalog
from pipelines.errors.training import BaseNotTrainable
from pipelines.loading.diffusion import load_pipeline
from pipelines.loading.inspection.weights import Weights, check_unpacked
from pipelines.loading.placement.devices import Place
from pipelines.loading.pretrained import forget_gguf, in_plain_words, load_pretrained
from pipelines.loading.starter import StarterStore
from pipelines.training.size import check_room
from pipelines.types.events import OnEvent, ignore
from pipelines.types.model import ModelSpec

PICTURE_FORMATS = ("diffusers", "checkpoint")
TRAINABLE_FORMATS = ("safetensors", "gguf", *PICTURE_FORMATS)


@dataclass(frozen=True)
class BaseModel:
    """Checked files on this machine, and what the catalog says of them."""

    spec: ModelSpec
    weights: Weights

    @property
    def licence(self) -> str:
        return self.spec.licence

    def load(self, auto_class: Any, device: str) -> tuple[Any, Any]:
        """(model in float32, tokenizer): what is trained must not be rounded.

        Raises ModelDamaged, UnsupportedModel, and BaseNotTrainable for a model that draws.
        """
        self._refuse(PICTURE_FORMATS)
        return load_pretrained(auto_class, self.spec, self.weights, Place(device, "float32", device), ignore)

    def load_for_classes(self, names: tuple[str, ...], device: str) -> tuple[Any, Any]:
        """(…ForSequenceClassification in float32 with a new classifier for `names`, tokenizer that cuts at what it can read).

        Raises ModelDamaged, UnsupportedModel, NetworkTooLarge, and BaseNotTrainable where it is of no kind that tells classes.
        """
        from transformers import AutoConfig, AutoModelForSequenceClassification, AutoTokenizer

        # 1 What it will be
        self._refuse(PICTURE_FORMATS)
        folder = self.weights.path.parent if self.weights.path.is_file() else self.weights.path
        packed: dict[str, Any] = {"gguf_file": self.weights.path.name} if self.weights.file_format == "gguf" else {}
        safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False, **packed}
        with in_plain_words(self.spec, self.weights):
            tokenizer = AutoTokenizer.from_pretrained(folder, **safe)
            config = AutoConfig.from_pretrained(folder, **safe)
        if type(config) not in AutoModelForSequenceClassification._model_mapping:
            raise BaseNotTrainable(model=self.spec.name, reason="its kind of network tells no classes")
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        config.pad_token_id = tokenizer.pad_token_id
        config.id2label, config.label2id = dict(enumerate(names)), {name: label for label, name in enumerate(names)}

        # 2 Its weights, where there is room to train them all; only what tells the classes may be missing there
        check_room(self.weights.parameters, device)
        with in_plain_words(self.spec, self.weights):
            model, report = AutoModelForSequenceClassification.from_pretrained(
                folder,
                config=config,
                dtype="float32",
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                **(safe if packed else {**safe, "use_safetensors": True}),
            )
        if packed:
            forget_gguf(model)
        body = f"{model.base_model_prefix}."
        missing = sorted(key for key in report["missing_keys"] if key.startswith(body) and "pooler" not in key)
        if missing:
            raise BaseNotTrainable(model=self.spec.name, reason=f"its weights are of another network ({missing[0]})")
        places = getattr(config.get_text_config(), "max_position_embeddings", 0) or tokenizer.model_max_length
        if hasattr(
            getattr(model.base_model, "embeddings", None), "padding_idx"
        ):  # RoBERTa counts from behind its padding
            places -= model.base_model.embeddings.padding_idx + 1
        tokenizer.model_max_length = min(tokenizer.model_max_length, places)
        return model.to(device), tokenizer

    def load_pipeline(self, device: str, dtype: str) -> Any:
        """The diffusers pipeline of a model that draws. Raises BaseNotTrainable for another, and what `load_pipeline` raises."""
        self._refuse(tuple(name for name in TRAINABLE_FORMATS if name not in PICTURE_FORMATS))
        return load_pipeline(self.spec, self.weights, Place(device, dtype, device), ignore)

    def _refuse(self, formats: tuple[str, ...]) -> None:
        if self.weights.file_format in formats:
            raise BaseNotTrainable(model=self.spec.name, reason="it is a model for something else")


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
