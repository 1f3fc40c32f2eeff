"""Lays LoRA adapters over a diffusers pipeline: a folder or a single safetensors file, diffusers' or kohya's names.

The adapter is merged into the weights (Hu et al. 2021, https://arxiv.org/abs/2106.09685): it is part of the cache's key,
so this model is nobody else's and merging costs nothing at run time. It knows no task.
"""

import json
from pathlib import Path
from typing import Any

from pipelines.errors.models import AdapterMismatch, ModelDamaged, NotAModel, UnsafeModel
from pipelines.loading.inspection import safetensors_header
from pipelines.loading.inspection.weight_files import PICKLE_SUFFIXES, check_file
from pipelines.loading.placement.devices import is_out_of_memory
from pipelines.types.adapter import Adapter
from pipelines.types.model import ModelSpec

USUAL_NAME = "pytorch_lora_weights.safetensors"
CODE_FIELDS = ("auto_mapping", "megatron_config")  # settings by which peft would import a module
PAIRS = ("lora_A.weight", "lora.down.weight", "lora_down.weight")


def lay_over(pipe: Any, spec: ModelSpec, adapter: Adapter, path: Path) -> None:
    """Adds weight · B·A to the matrices of `pipe`. Raises AdapterMismatch, UnsafeModel, ModelDamaged, NotAModel."""
    # 1 Its file, whole and harmless
    file = check_lora(path, adapter.source)
    if not hasattr(pipe, "load_lora_weights"):
        raise AdapterMismatch(adapter=adapter.source, model=spec.name, reason="it is of a kind that takes no adapters")

    # 2 Over the weights
    name = "adapter"
    try:
        pipe.load_lora_weights(file.parent, weight_name=file.name, adapter_name=name, local_files_only=True)
        laid, wanted = _laid_pairs(pipe, name), _pairs_in(file)
        if laid < wanted or not laid:
            raise ValueError(f"{wanted - laid} of its {wanted} layers are not in this model")
        pipe.set_adapters([name], [adapter.weight])
        pipe.fuse_lora(adapter_names=[name], safe_fusing=True)
        pipe.unload_lora_weights()
    except (ValueError, RuntimeError, TypeError, KeyError, AttributeError, IndexError) as error:
        if is_out_of_memory(error):
            raise
        lines = str(error).strip().splitlines()
        reason = lines[0][:160] if lines else type(error).__name__
        raise AdapterMismatch(adapter=adapter.source, model=spec.name, reason=reason) from error


def check_lora(path: Path, adapter: str) -> Path:
    """The safetensors file of the adapter at `path` (a folder or that file), after it was found harmless."""
    # 1 Which file
    try:
        files = [path] if path.is_file() else sorted(file for file in path.iterdir() if file.is_file())
    except OSError as error:
        raise ModelDamaged(model=adapter, reason=error.strerror or str(error), path=path) from None
    tensors = [file for file in files if file.suffix.lower() == ".safetensors"]
    usual = [file for file in tensors if file.name == USUAL_NAME]
    if not tensors:
        if any(file.suffix.lower() in PICKLE_SUFFIXES for file in files):
            raise UnsafeModel(model=adapter, reason="its weights are pickles, which can run code")
        raise NotAModel(model=adapter, reason="there are no weights in its folder")
    file = (usual or tensors)[0]

    # 2 Whole, and without settings that name code
    check_file(file, adapter, expected="safetensors")
    written = safetensors_header.read_header(file).metadata.get("lora_adapter_metadata")
    try:
        settings = json.loads(written) if written else {}
    except (ValueError, TypeError, RecursionError):
        raise ModelDamaged(model=adapter, reason=f"the settings in {file.name} are not JSON", path=file) from None
    for key, value in settings.items() if isinstance(settings, dict) else ():
        if key.rpartition(".")[2] in CODE_FIELDS and value:
            raise UnsafeModel(model=adapter, reason=f"its settings name code to import ({key[:60]})")
    return file


def _pairs_in(file: Path) -> int:
    return sum(name.endswith(PAIRS) for name in safetensors_header.read_header(file).shapes)


def _laid_pairs(pipe: Any, name: str) -> int:
    """How many layers of the pipeline now have the adapter."""
    from peft.tuners.tuners_utils import BaseTunerLayer

    modules = [module for part in pipe.components.values() if hasattr(part, "modules") for module in part.modules()]
    return sum(isinstance(m, BaseTunerLayer) and name in getattr(m, "lora_A", {}) for m in modules)
