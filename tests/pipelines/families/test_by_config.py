"""Tiny models of many real classes, found by their config.json alone, each through the whole pipeline."""

import shutil
from pathlib import Path

import pytest

from pipelines.base import open_catalog
from pipelines.text import TextPipeline
from pipelines.types.text import Message, Sampling, TextRequest

CAUSAL = [
    "Llama", "Qwen2", "Qwen3", "Mistral", "Mixtral", "GPT2", "Gemma", "Gemma2", "Phi", "Olmo2", "Granite", "StableLm",
    "Cohere", "Starcoder2", "GPTNeoX", "Bloom", "OPT", "Lfm2", "Ernie4_5", "Nemotron", "Mamba", "FalconMamba",
]  # fmt: skip
MASKED = ["Bert", "Roberta", "DistilBert", "ModernBert", "Albert", "Electra"]


@pytest.fixture(scope="module")
def pipeline() -> TextPipeline:
    return TextPipeline.on_this_machine(device="cpu")


@pytest.fixture(scope="module")
def make_masked(bert_folder, tmp_path_factory):
    """make_masked("Roberta") → the folder of a tiny model of that kind with the tokenizer of the tiny BERT."""

    def make(kind: str) -> Path:
        import torch
        import transformers

        target = tmp_path_factory.mktemp(kind.lower())
        for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
            if (bert_folder / name).exists():
                shutil.copy(bert_folder / name, target)
        sizes = {"vocab_size": 200, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
        sizes |= {"intermediate_size": 64, "max_position_embeddings": 64, "embedding_size": 32, "pad_token_id": 0}
        if kind == "DistilBert":
            sizes = {
                "vocab_size": 200,
                "dim": 32,
                "n_layers": 2,
                "n_heads": 2,
                "hidden_dim": 64,
                "max_position_embeddings": 64,
            }
        torch.manual_seed(0)
        config = getattr(transformers, f"{kind}Config")(**sizes)
        getattr(transformers, f"{kind}ForMaskedLM")(config).save_pretrained(target)
        return target

    return make


@pytest.mark.parametrize("kind", CAUSAL)
def test_a_language_model_is_found_and_answers(kind, make_causal, pipeline, tmp_path):
    folder = make_causal(kind)
    spec = open_catalog(tmp_path).find(str(folder))
    assert spec.family == "transformers_causal" and "chat" in spec.tasks and "fill-mask" not in spec.tasks
    assert spec.parameters > 0 and spec.size_bytes == (folder / "model.safetensors").stat().st_size
    asked = TextRequest(str(folder), messages=(Message("user", "hello"),), sampling=Sampling(max_new_tokens=3, seed=1))
    assert pipeline.generate(asked).new_tokens > 0


@pytest.mark.parametrize("kind", MASKED)
def test_a_masked_model_is_found_and_fills_the_gap(kind, make_masked, pipeline, tmp_path):
    folder = make_masked(kind)
    spec = open_catalog(tmp_path).find(str(folder))
    assert spec.family == "masked_lm" and spec.tasks == ("fill-mask",) and spec.parameters > 0
    asked = TextRequest(str(folder), task="fill-mask", text="the cat sat on the [MASK]")
    assert len(pipeline.generate(asked).candidates) == 5
