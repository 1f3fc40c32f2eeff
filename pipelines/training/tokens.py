"""Texts as token ids: a tokenizer made for a data set, its documents in one line, and what counting alone predicts.

A tokenizer of characters, byte pairs or word pieces, each read by transformers' AutoTokenizer. Knows no network.
"""

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipelines.errors.training import BaseNotTrainable, HeadsDoNotFit, TextTooShort
from pipelines.training.data import Dialogues, Texts
from pipelines.training.trainer import Scores

if TYPE_CHECKING:
    import torch

UNKNOWN, END = "<unk>", "<end>"  # a character never seen in training; where a document ends


@dataclass(frozen=True)
class Stream:
    """All documents of a data set one after the other, each followed by END: (tokens,) for training and held out.

    `characters` is how many characters of text the held-out tokens stand for.
    """

    train: "torch.Tensor"
    held_out: "torch.Tensor"
    characters: int


def make_tokenizer(texts: tuple[str, ...], vocabulary: int) -> Any:
    """Of byte pairs (Sennrich et al. 2015, arXiv 1508.07909), `vocabulary` of them; 0: of the characters that occur."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    if vocabulary:
        raw = Tokenizer(models.BPE())
        raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        raw.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=vocabulary,
            special_tokens=[UNKNOWN, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        raw.train_from_iterator(texts, trainer)
    else:
        known = [UNKNOWN, END, *sorted(set("".join(texts)))]
        raw = Tokenizer(models.WordLevel({token: place for place, token in enumerate(known)}, unk_token=UNKNOWN))
        raw.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
        raw.decoder = decoders.Fuse()
    return PreTrainedTokenizerFast(
        tokenizer_object=raw, unk_token=UNKNOWN, eos_token=END, pad_token=END, clean_up_tokenization_spaces=False
    )


def make_word_pieces(texts: tuple[str, ...], vocabulary: int) -> Any:
    """BertTokenizer in small letters, of the `vocabulary` commonest pieces into which byte pairs divide the words.

    The library's own trainer of word pieces draws lots between equally common ones, and a run must find the same tokens
    again when it goes on.
    """
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers
    from transformers import BertTokenizerFast

    # 1 The words, as BERT divides a text
    normalise, divide = normalizers.BertNormalizer(), pre_tokenizers.BertPreTokenizer()
    words = Counter(
        word for text in texts for word, _ in divide.pre_tokenize_str(normalise.normalize_str(text)) if len(word) < 100
    )

    # 2 Their pieces; every character is one, so that nothing in the texts is unknown
    raw = Tokenizer(models.BPE())
    raw.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    raw.train_from_iterator(words.elements(), trainers.BpeTrainer(vocab_size=vocabulary, show_progress=False))
    pieces: Counter[str] = Counter()
    for word, count in words.items():
        first, *others = raw.encode(word).tokens
        pieces.update({first: count})
        pieces.update(dict.fromkeys((f"##{piece}" for piece in others), count))

    # 3 The commonest
    letters = sorted(set("".join(words)))
    ranked = sorted(pieces, key=lambda piece: (-pieces[piece], piece))
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    kept = list(dict.fromkeys([*special, *letters, *(f"##{letter}" for letter in letters), *ranked]))
    known = {piece: place for place, piece in enumerate(kept[: max(vocabulary, len(special) + 2 * len(letters))])}
    return BertTokenizerFast(vocab=known, eos_token="[SEP]")


def as_texts(data: Texts | Dialogues, tokenizer: Any, model: str) -> Texts:
    """Dialogues in the words of the model's own chat template. Raises BaseNotTrainable where it has none."""
    if isinstance(data, Texts):
        return data
    from jinja2 import TemplateError

    if not tokenizer.chat_template:
        raise BaseNotTrainable(model=model, reason="it has no chat template, and the data are dialogues")

    def written(dialogues: tuple[tuple[dict[str, str], ...], ...]) -> tuple[str, ...]:
        return tuple(tokenizer.apply_chat_template(list(one), tokenize=False) for one in dialogues)

    try:
        return Texts(written(data.dialogues), written(data.held_out))
    except TemplateError as error:  # it knows no system message, as a rule
        raise BaseNotTrainable(model=model, reason=f"its chat template says: {str(error)[:120]}") from error


def make_stream(tokenizer: Any, texts: Texts) -> Stream:
    import torch

    def line(documents: tuple[str, ...]) -> torch.Tensor:
        ids = tokenizer(list(documents), add_special_tokens=False, verbose=False)["input_ids"]
        return torch.tensor([token for document in ids for token in (*document, tokenizer.eos_token_id)])

    return Stream(line(texts.texts), line(texts.held_out), sum(len(text) + 1 for text in texts.held_out))


def check_heads(width: int, heads: int) -> None:
    """Raises HeadsDoNotFit."""
    if width % heads or (width // heads) % 2:  # rotary positions turn pairs of numbers
        raise HeadsDoNotFit(width=width, heads=heads)


def windows(tokens: "torch.Tensor", starts: "torch.Tensor", length: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """(n, length) tokens from each of `starts`, and the token that follows each of them."""
    import torch

    places = starts[:, None] + torch.arange(length)
    return tokens[places], tokens[places + 1]


def draw_windows(tokens: "torch.Tensor", count: int, length: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """From anywhere; draws from torch's global generator. Raises TextTooShort when there is not one."""
    import torch

    if len(tokens) <= length:
        raise TextTooShort(tokens=len(tokens), context=length)
    return windows(tokens, torch.randint(max(1, len(tokens) - length), (count,)), length)


def held_out_windows(stream: Stream, count: int, length: int) -> "tuple[torch.Tensor, torch.Tensor]":
    """At most `count`, spread evenly, always the same. Raises TextTooShort when there is not even one."""
    import torch

    most = (len(stream.held_out) - 1) // length
    if most < 1:
        raise TextTooShort(tokens=len(stream.held_out), context=length)
    starts = torch.arange(min(count, most)) * (most // min(count, most)) * length
    return windows(stream.held_out, starts, length)


def character_perplexity(loss: float, stream: Stream) -> float:
    """Mean loss of a token in nats → perplexity of a character: so models with different tokenizers can be compared."""
    try:
        return math.exp(loss * len(stream.held_out) / stream.characters)
    except OverflowError:
        return math.inf


def character_scores(losses: list[float], stream: Stream, context: int) -> Scores:
    """Mean losses of a token in nats, one for each held-out window → the same of a character, whose perplexity they make."""
    share = len(stream.held_out) / stream.characters
    return Scores(tuple(loss * share for loss in losses), f"{len(stream.held_out)} tokens by {context}", is_log=True)


def counted(texts: Texts, order: int) -> float:
    """Perplexity of a held-out character for an interpolated n-gram model of the training text: what counting alone predicts."""
    from pipelines.evaluation.ngram_perplexity import NgramModel

    known = len(set("".join(texts.texts))) + 2
    return NgramModel(texts.texts, order, known).perplexity(texts.held_out)
