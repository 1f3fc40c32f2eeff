"""A classifier of texts out of LSTM layers, and the folder that one is kept in. Knows no training and no family.

    config.json           {"architectures": ["LstmTextClassifier"], vocabulary, width, layers, "id2label"}
    model.safetensors     the weights
    tokenizer.json …      as transformers keeps tokenizers

The layers read both ways; what they say at each token is averaged, and of that the class is told.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

ARCHITECTURE = "LstmTextClassifier"
LIMITS = {"vocabulary": 1_000_000, "width": 8192, "layers": 16}
MOST_CLASSES = 10_000


@dataclass(frozen=True)
class LstmClassConfig:
    """`vocabulary` tokens; `layers` of `width` units each way, and as many numbers for a token; `names` of the classes."""

    vocabulary: int
    width: int
    layers: int
    names: tuple[str, ...]

    def __post_init__(self) -> None:
        """Raises ValueError for what no network can be made of."""
        for name, limit in LIMITS.items():
            value = getattr(self, name)
            if type(value) is not int or not 1 <= value <= limit:
                raise ValueError(f"{name} is {value!r}")
        if not 1 <= len(self.names) <= MOST_CLASSES:
            raise ValueError(f"it has {len(self.names)} classes")


def build(config: LstmClassConfig, dropout: float = 0.0) -> "torch.nn.ModuleDict":
    """Random weights."""
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
                bidirectional=True,
                dropout=dropout if config.layers > 1 else 0.0,
            ),
            "head": nn.Linear(2 * config.width, len(config.names)),
        }
    )
    nn.init.normal_(network["embedding"].weight, 0.0, config.width**-0.5)  # larger ones are learnt by heart
    return network


def scores_of(network: "torch.nn.ModuleDict", embedded: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """(n, length, width) of embedded tokens, and (n, length) 1 where they are no padding → (n, classes).

    What stands behind a text does not matter: each is read backwards from its own last token.
    """
    from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

    packed = pack_padded_sequence(
        network["dropout"](embedded), mask.sum(1).cpu(), batch_first=True, enforce_sorted=False
    )
    hidden, _ = pad_packed_sequence(network["lstm"](packed)[0], batch_first=True, total_length=embedded.shape[1])
    kept = mask[:, :, None].to(hidden.dtype)
    mean = (hidden * kept).sum(1) / kept.sum(1)
    return network["head"](network["dropout"](mean))


def write(network: "torch.nn.ModuleDict", config: LstmClassConfig, folder: Path) -> None:
    """Into the folder `folder`, which exists; the tokenizer writes itself."""
    from safetensors.torch import save_file

    weights = {name: value.contiguous().cpu() for name, value in network.state_dict().items()}
    save_file(weights, folder / "model.safetensors")
    sizes = {name: getattr(config, name) for name in LIMITS}
    content = {"architectures": [ARCHITECTURE], **sizes, "id2label": dict(enumerate(config.names))}
    (folder / "config.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read(folder: Path) -> "tuple[torch.nn.ModuleDict, tuple[str, ...]]":
    """In evaluation mode, and the names of its classes. Raises ValueError, KeyError, TypeError, AttributeError or RuntimeError
    where config and weights make no network."""
    from safetensors.torch import load_file

    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    labels = content["id2label"]
    names = tuple(str(labels[str(place)]) for place in range(len(labels)))
    network = build(LstmClassConfig(content["vocabulary"], content["width"], content["layers"], names))
    network.load_state_dict(load_file(folder / "model.safetensors"))
    return network.eval(), names
