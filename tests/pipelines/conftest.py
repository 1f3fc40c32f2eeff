"""Tiny models made from the real classes, on disk, and the real starter model."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.loading.starter import StarterStore
from pipelines.text import TextPipeline
from pipelines.types.events import ignore
from tests.pipelines.tiny_texts import CORPUS, save_causal


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Tiny tensors are only slowed down by sharing them out, most of all on a busy machine."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def starter_folder() -> Path:
    """The real starter model, from the cache of this machine (`make setup` fetches it)."""
    return StarterStore().folder("smollm2-135m-instruct", ignore)


@pytest.fixture(scope="session")
def pipeline(starter_folder: Path) -> TextPipeline:
    """A pipeline with the starter model, shared by the tests that only read from it."""
    return TextPipeline.on_this_machine(device="cpu")


@pytest.fixture(scope="session")
def make_causal(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """make_causal("Llama", has_template=True) → the folder of a tiny model of that kind, real classes, random weights."""

    def make(kind: str = "Llama", *, has_template: bool = True, folder: Path | None = None, **settings: int) -> Path:
        return save_causal(folder or tmp_path_factory.mktemp(kind.lower()), kind, has_template=has_template, **settings)

    return make


@pytest.fixture(scope="session")
def llama_folder(make_causal: Callable[..., Path]) -> Path:
    return make_causal("Llama")


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BertForMaskedLM with a WordPiece tokenizer whose gap is called <mask>, not [MASK]."""
    import torch
    from tokenizers import BertWordPieceTokenizer
    from transformers import BertConfig, BertForMaskedLM, BertTokenizerFast

    target = tmp_path_factory.mktemp("bert")
    trained = BertWordPieceTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "<mask>"]
    trained.train_from_iterator(CORPUS, vocab_size=200, min_frequency=1, special_tokens=special, show_progress=False)
    trained.save_model(str(target))
    tokenizer = BertTokenizerFast(vocab=str(target / "vocab.txt"), model_max_length=32, mask_token="<mask>")
    tokenizer.save_pretrained(target)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=32,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(target)
    return target


@pytest.fixture(scope="session")
def kokoro_folder() -> Path:
    """The real starter model for speech; it is fetched once for a machine."""
    return StarterStore().folder("kokoro-82m", ignore)


@pytest.fixture(scope="session")
def whisper_folder() -> Path:
    """The real starter model for transcription; it is fetched once for a machine."""
    return StarterStore().folder("whisper-base", ignore)
