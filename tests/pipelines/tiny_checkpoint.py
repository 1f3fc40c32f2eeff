"""A tiny Stable Diffusion as one file with the names of the first one, which is how fine-tunes are passed on."""

import re
from pathlib import Path


def single_file(folder: Path, target: Path) -> Path:
    """The model of `sd(folder, words=768)` as one file with the names of the first Stable Diffusion, as fine-tunes are passed on."""
    from safetensors.torch import load_file, save_file

    tensors = {}
    for name, value in load_file(folder / "unet" / "diffusion_pytorch_model.safetensors").items():
        rules = [*_UNET, *(_RESNET if "resnets" in name else [])]
        tensors[f"model.diffusion_model.{_renamed(name, rules)}"] = value
    for name, value in load_file(folder / "vae" / "diffusion_pytorch_model.safetensors").items():
        is_attention = "attentions" in name and value.ndim == 2
        tensors[f"first_stage_model.{_renamed(name, _VAE)}"] = value[:, :, None, None] if is_attention else value
    for name, value in load_file(folder / "text_encoder" / "model.safetensors").items():
        inner = name if name.startswith("text_model.") else f"text_model.{name}"
        tensors[f"cond_stage_model.transformer.{inner}"] = value
    save_file({name: value.contiguous() for name, value in tensors.items()}, target)
    return target


def _renamed(name: str, rules: list[tuple[str, str]]) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


_RESNET = [
    (r"norm1\.", "in_layers.0."), (r"conv1\.", "in_layers.2."), (r"norm2\.", "out_layers.0."),
    (r"conv2\.", "out_layers.3."), (r"time_emb_proj\.", "emb_layers.1."), (r"conv_shortcut\.", "skip_connection."),
]  # fmt: skip
# Two levels of one block each, the second with attention (see `unet`).
_UNET = [
    (r"^time_embedding\.linear_1\.", "time_embed.0."), (r"^time_embedding\.linear_2\.", "time_embed.2."),
    (r"^conv_in\.", "input_blocks.0.0."), (r"^conv_norm_out\.", "out.0."), (r"^conv_out\.", "out.2."),
    (r"^down_blocks\.0\.resnets\.0\.", "input_blocks.1.0."), (r"^down_blocks\.0\.downsamplers\.0\.conv\.", "input_blocks.2.0.op."),
    (r"^down_blocks\.1\.resnets\.0\.", "input_blocks.3.0."), (r"^down_blocks\.1\.attentions\.0\.", "input_blocks.3.1."),
    (r"^mid_block\.resnets\.0\.", "middle_block.0."), (r"^mid_block\.attentions\.0\.", "middle_block.1."),
    (r"^mid_block\.resnets\.1\.", "middle_block.2."),
    (r"^up_blocks\.0\.resnets\.(\d)\.", r"output_blocks.\1.0."), (r"^up_blocks\.0\.attentions\.(\d)\.", r"output_blocks.\1.1."),
    (r"^up_blocks\.0\.upsamplers\.0\.", "output_blocks.1.2."),
    (r"^up_blocks\.1\.resnets\.0\.", "output_blocks.2.0."), (r"^up_blocks\.1\.resnets\.1\.", "output_blocks.3.0."),
]  # fmt: skip
_VAE = [
    (r"mid_block\.attentions\.0\.", "mid.attn_1."), (r"mid_block\.resnets\.0\.", "mid.block_1."),
    (r"mid_block\.resnets\.1\.", "mid.block_2."), (r"down_blocks\.(\d)\.resnets\.(\d)\.", r"down.\1.block.\2."),
    (r"down_blocks\.(\d)\.downsamplers\.0\.", r"down.\1.downsample."), (r"conv_shortcut\.", "nin_shortcut."),
    (r"up_blocks\.0\.", "up.3."), (r"up_blocks\.1\.", "up.2."), (r"up_blocks\.2\.", "up.1."), (r"up_blocks\.3\.", "up.0."),
    (r"(up\.\d)\.resnets\.(\d)\.", r"\1.block.\2."), (r"(up\.\d)\.upsamplers\.0\.", r"\1.upsample."),
    (r"conv_norm_out\.", "norm_out."), (r"group_norm\.", "norm."), (r"to_q\.", "q."), (r"to_k\.", "k."), (r"to_v\.", "v."),
    (r"to_out\.0\.", "proj_out."),
]  # fmt: skip
