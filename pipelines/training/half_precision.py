"""A finished model in half precision, to be shipped: half the bytes, and loaded like any other.

The tokenizer and the rest are copied; `model.json` and the card, which tell of this machine's run, are left out.
"""

import json
import shutil
from pathlib import Path


def copy_in_half(model: Path, folder: Path) -> None:
    """Write the transformers or diffusers model of the folder `model` to `folder`, which may exist already."""
    import torch
    from safetensors.torch import load_file, save_file

    for source in sorted(model.rglob("*")):
        target = folder / source.relative_to(model)
        if source.is_dir() or source in (model / "model.json", model / "README.md"):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".safetensors":
            weights = {name: one.half() if one.is_floating_point() else one for name, one in load_file(source).items()}
            save_file(weights, target, metadata={"format": "pt"})
        elif source.name == "config.json":
            config = json.loads(source.read_text(encoding="utf-8"))
            dtype = str(torch.float16).removeprefix("torch.")
            target.write_text(json.dumps({**config, "dtype": dtype}, indent=2) + "\n", encoding="utf-8")
        else:
            shutil.copyfile(source, target)
