"""Tiny language models of the real transformers classes, with a tokenizer of their own, as `save_pretrained` writes them.

Random weights: they write nonsense, and the same nonsense for the same seed.
"""

from pathlib import Path

CORPUS = [
    "the river runs to the sea and the sea is wide",
    "a cat sat on the mat, and the dog ran after the ball",
    "user assistant system hello what is the capital of france",
    "雨下了一整天,河水涨了。 Füße und Bäume 😀",
]
CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def save_causal(target: Path, kind: str = "Llama", *, has_template: bool = True, **settings: int) -> Path:
    """The folder `target` with a tiny model of that kind in it."""
    import torch
    import transformers

    tokenizer = byte_bpe(CHAT_TEMPLATE if has_template else None)
    tokenizer.save_pretrained(target)
    torch.manual_seed(0)
    model = _causal(kind, len(tokenizer), **settings)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.save_pretrained(target)
    assert transformers.__version__.startswith("5")
    return target


def byte_bpe(chat_template: str | None):
    """A byte-level BPE: its tokens can be half a character, as in the models that people use."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )  # fmt: skip
    raw.train_from_iterator(CORPUS, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    if chat_template:
        tokenizer.chat_template = chat_template
    return tokenizer


def _causal(kind: str, vocabulary: int, **settings: int):
    import transformers

    sizes = {"vocab_size": vocabulary, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    rest = {"num_key_value_heads": 2, "intermediate_size": 64, "max_position_embeddings": 2048, "head_dim": 8}
    names = {
        "GPT2": {"vocab_size": vocabulary, "n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 512},
        "Mamba": {"vocab_size": vocabulary, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4},
    }
    config = getattr(transformers, f"{kind}Config")(**{**names.get(kind, {**sizes, **rest}), **settings})
    suffix = "LMHeadModel" if kind == "GPT2" else "ForCausalLM"
    return getattr(transformers, f"{kind}{suffix}")(config)
