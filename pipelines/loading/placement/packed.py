"""Weights in eight bits on a CPU or Apple's GPU: a quarter of float32, for a model that would not fit otherwise.

Each row of a linear layer is kept as whole numbers of −127 … 127 and one scale, and unpacked when the layer works, which
makes it slower. Symmetric, weight-only, by the largest of each row, as in Dettmers et al. 2022
(https://arxiv.org/abs/2208.07339), without their outliers. On CUDA bitsandbytes does it. It knows no class of model.
"""

from functools import partial
from typing import Any


def quantise(module: Any, dtype_name: str) -> None:
    """The linear layers of `module` in int8, all else in `dtype_name`. One layer at a time is whole in memory.

    What shares its weight with another layer, and the layer that makes the scores of a language model, stay as they are.
    """
    import torch

    dtype = getattr(torch, dtype_name)
    scores = module.get_output_embeddings() if hasattr(module, "get_output_embeddings") else None
    shared = _shared(module)
    for layer in list(module.modules()):
        if type(layer) is torch.nn.Linear and layer is not scores and id(layer.weight) not in shared:
            _quantise_layer(layer)
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)


def _quantise_layer(layer: Any) -> None:
    import torch

    weight = layer.weight.detach().float()
    scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
    numbers = (weight / scale).round().to(torch.int8)
    layer.weight = torch.nn.Parameter(numbers, requires_grad=False)
    layer.register_buffer("scale", scale.squeeze(1))
    layer.forward = partial(_forward, layer)


def _forward(layer: Any, inputs: Any) -> Any:
    """(…, in) → (…, out)."""
    import torch

    outputs = torch.nn.functional.linear(inputs, layer.weight.to(inputs.dtype)) * layer.scale.to(inputs.dtype)
    return outputs if layer.bias is None else outputs + layer.bias


def _shared(module: Any) -> set[int]:
    """The weights that belong to more than one layer."""
    seen: set[int] = set()
    twice: set[int] = set()
    for layer in module.modules():
        for tensor in layer._parameters.values():
            if tensor is not None:
                (twice if id(tensor) in seen else seen).add(id(tensor))
    return twice
