"""Tiny encoders of the real classes: a BertModel with a vocabulary of words, and a fusion model with random weights."""

from pathlib import Path

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "small", "cat", "kitten", "sleeps", "red", "apple", "##s"]
LIKENESS = (0.0, 1.0)


def save_bert(target: Path) -> Path:
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    target.mkdir(parents=True, exist_ok=True)
    (target / "vocab.txt").write_text("\n".join(VOCABULARY))
    BertTokenizer(vocab=str(target / "vocab.txt")).save_pretrained(target)
    (target / "vocab.txt").unlink(missing_ok=True)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    BertModel(BertConfig(vocab_size=len(VOCABULARY), **sizes)).save_pretrained(target)
    return target


def save_fusion(target: Path) -> Path:
    import torch

    from pipelines.finding import fusion
    from pipelines.finding.fusion import FusionConfig

    target.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    config = FusionConfig(dimension=16, rows=64, width=8, side=16)
    likeness = {"-".join(pair): LIKENESS for pair in fusion.PAIRS}
    fusion.write(fusion.build(config), config, likeness, target)
    return target
