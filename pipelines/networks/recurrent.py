"""A language model of LSTM layers, and the folder that one is kept in. Knows no training and no family.

    config.json           {"architectures": ["LstmLanguageModel"], vocabulary, width, layers}
    model.safetensors     the weights
    tokenizer.json …      as transformers keeps tokenizers

Hochreiter & Schmidhuber 1997; as a language model of characters after Graves 2013, arXiv 1308.0850.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    State = tuple[torch.Tensor, torch.Tensor]

ARCHITECTURE = "LstmLanguageModel"
LIMITS = {"vocabulary": 1_000_000, "width": 8192, "layers": 16}


@dataclass(frozen=True)
class LstmConfig:
    """`vocabulary` tokens; `layers` of `width` units, and as many numbers for a token."""

    vocabulary: int
    width: int
    layers: int

    def __post_init__(self) -> None:
        """Raises ValueError for what no network can be made of."""
        for name, value in asdict(self).items():
            if type(value) is not int or not 1 <= value <= LIMITS[name]:
                raise ValueError(f"{name} is {value!r}")


def build(config: LstmConfig, dropout: float = 0.0) -> "torch.nn.ModuleDict":
    """Random weights. What a token is read as and what it is written as are one matrix (Press & Wolf 2016, arXiv 1608.05859)."""
    from torch import nn

    network = nn.ModuleDict(
        {
            "embedding": nn.Embedding(config.vocabulary, config.width),
            "dropout": nn.Dropout(dropout),
            "lstm": nn.LSTM(
                config.width,
                config.width,
                config.layers,
                batch_first=True,
                dropout=dropout if config.layers > 1 else 0.0,
            ),
            "head": nn.Linear(config.width, config.vocabulary),
        }
    )
    nn.init.normal_(network["embedding"].weight, 0.0, config.width**-0.5)
    network["head"].weight = network["embedding"].weight
    return network


def read_on(
    network: "torch.nn.ModuleDict", token_ids: "torch.Tensor", state: "State | None" = None
) -> "tuple[torch.Tensor, State]":
    """(n, length) ids → (n, length, vocabulary) scores for the token after each, and the state to go on from."""
    read = network["dropout"](network["embedding"](token_ids))
    hidden, state = network["lstm"](read, state)
    return network["head"](network["dropout"](hidden)), state


def write(network: "torch.nn.ModuleDict", config: LstmConfig, folder: Path) -> None:
    """Into the folder `folder`, which exists; the tokenizer writes itself."""
    from safetensors.torch import save_file

    weights = {name: value.contiguous().cpu() for name, value in network.state_dict().items() if name != "head.weight"}
    save_file(weights, folder / "model.safetensors")
    content = {"architectures": [ARCHITECTURE], **asdict(config)}
    (folder / "config.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> "torch.nn.ModuleDict":
    """In evaluation mode. Raises ValueError, KeyError or RuntimeError where config and weights make no network."""
    from safetensors.torch import load_file

    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    network = build(LstmConfig(**{name: content[name] for name in LIMITS}))
    weights = load_file(folder / "model.safetensors")
    network.load_state_dict({**weights, "head.weight": weights["embedding.weight"]})
    return network.eval()
