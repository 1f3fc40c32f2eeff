"""Weights in eight or four bits on a CPU or Apple's GPU, for a model that would not fit otherwise. It knows no class of model.

They are unpacked when their layer works, which makes it slower. On CUDA bitsandbytes does it.

    int8   each row of a linear layer as whole numbers of −127 … 127 and one scale: symmetric, weight-only, by the largest of
           the row, as in Dettmers et al. 2022 (https://arxiv.org/abs/2208.07339), without their outliers
    int4   each 32 neighbours of a row as whole numbers of −8 … 7, two in a byte, and one scale, as in GGUF's Q4_0
           (https://github.com/ggml-org/ggml/blob/master/docs/gguf.md)

Why not torchao 0.18: its int8 has the same size and error and was no faster on two cores, its tensors of their own kind
would be counted, moved and saved in ways of their own, its int4 for any device takes a byte for each number, and its packed
int4 for CPUs is a prototype.
"""

from functools import partial
from typing import Any

from pipelines.loading.placement.devices import Quantisation

GROUP = 32  # neighbours in a row that share a scale in int4


def quantise(module: Any, dtype_name: str, form: Quantisation) -> None:
    """The linear layers of `module` in `form`, all else in `dtype_name`. One layer at a time is whole in memory.

    What shares its weight with another layer, and the layer that makes the scores of a language model, stay as they are;
    a layer whose rows are no whole groups is kept in int8.
    """
    import torch

    dtype = getattr(torch, dtype_name)
    scores = module.get_output_embeddings() if hasattr(module, "get_output_embeddings") else None
    shared = _shared(module)
    for layer in list(module.modules()):
        if type(layer) is torch.nn.Linear and layer is not scores and id(layer.weight) not in shared:
            is_to_halve = form == "int4" and layer.in_features % GROUP == 0
            (_to_int4 if is_to_halve else _to_int8)(layer)
    for tensor in (*module.parameters(), *module.buffers()):
        if tensor.is_floating_point():
            tensor.data = tensor.data.to(dtype)


def _to_int8(layer: Any) -> None:
    import torch

    weight = layer.weight.detach().float()
    scale = weight.abs().amax(dim=1, keepdim=True).clamp(min=1e-12) / 127
    numbers = (weight / scale).round().to(torch.int8)
    layer.weight = torch.nn.Parameter(numbers, requires_grad=False)
    layer.register_buffer("scale", scale.squeeze(1))
    layer.forward = partial(_forward_int8, layer)


def _forward_int8(layer: Any, inputs: Any) -> Any:
    """(…, in) → (…, out)."""
    import torch

    outputs = torch.nn.functional.linear(inputs, layer.weight.to(inputs.dtype)) * layer.scale.to(inputs.dtype)
    return outputs if layer.bias is None else outputs + layer.bias


def _to_int4(layer: Any) -> None:
    """The number furthest from 0 of each group becomes −8, so that all sixteen are used."""
    import torch

    groups = layer.weight.detach().float().unflatten(1, (-1, GROUP))
    furthest = groups.gather(2, groups.abs().argmax(dim=2, keepdim=True))
    scale = torch.where(furthest == 0, 1.0, furthest / -8)
    numbers = ((groups / scale).round().clamp(-8, 7) + 8).to(torch.uint8).flatten(1)
    pairs = numbers[:, ::2] | (numbers[:, 1::2] << 4)
    # as int8, because T5 and Wan bring their numbers into the type of a weight unless that is int8
    layer.weight = torch.nn.Parameter(pairs.view(torch.int8), requires_grad=False)
    layer.register_buffer("scale", scale.squeeze(2))
    layer.forward = partial(_forward_int4, layer)


def _forward_int4(layer: Any, inputs: Any) -> Any:
    """(…, in) → (…, out)."""
    import torch

    pairs = layer.weight.view(torch.uint8)
    numbers = torch.stack((pairs & 15, pairs >> 4), dim=2).flatten(1).to(inputs.dtype) - 8
    weight = numbers.unflatten(1, (-1, GROUP)) * layer.scale.to(inputs.dtype).unsqueeze(2)
    return torch.nn.functional.linear(inputs, weight.flatten(1), layer.bias)


def _shared(module: Any) -> set[int]:
    """The weights that belong to more than one layer."""
    seen: set[int] = set()
    twice: set[int] = set()
    for layer in module.modules():
        for tensor in layer._parameters.values():
            if tensor is not None:
                (twice if id(tensor) in seen else seen).add(id(tensor))
    return twice
