"""A Transformer over the words of a score, and the folder that one is kept in. Knows no training and no family.

    config.json           a LlamaConfig, with {"architectures": ["ScoreTransformer"], "vocabulary": [every word in order]}
    model.safetensors     the weights

It is a LlamaForCausalLM under another name, as its words are no text.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.music.score import END, VOCABULARY

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM

ARCHITECTURE = "ScoreTransformer"


@dataclass(frozen=True)
class ScoreConfig:
    """`layers` of `width` numbers a word and `heads`; it sees `context` words at a time."""

    width: int
    layers: int
    heads: int
    context: int


def build(config: ScoreConfig, dropout: float = 0.0) -> "LlamaForCausalLM":
    """Random weights. `dropout` is of the attention."""
    from transformers import LlamaConfig, LlamaForCausalLM

    end = VOCABULARY.index(END)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=config.width,
            intermediate_size=config.width * 8 // 3,
            num_hidden_layers=config.layers,
            num_attention_heads=config.heads,
            max_position_embeddings=config.context,
            attention_dropout=dropout,
            tie_word_embeddings=True,
            bos_token_id=end,
            eos_token_id=end,
            pad_token_id=end,
        )
    )


def write(network: "LlamaForCausalLM", folder: Path) -> None:
    """Into the folder `folder`, which exists."""
    network.save_pretrained(folder)
    place = folder / "config.json"
    content = json.loads(place.read_text(encoding="utf-8"))
    content |= {"architectures": [ARCHITECTURE], "vocabulary": list(VOCABULARY)}
    place.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def read(folder: Path) -> "LlamaForCausalLM":
    """In evaluation mode. Raises ValueError where it was made for other words, and what the library raises."""
    import torch
    from transformers import LlamaForCausalLM

    content = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if content.get("vocabulary") != list(VOCABULARY):
        raise ValueError("it was trained on other words than this version writes")
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
