"""What a data set hands to a trainer, and which data sets there are. It knows no trainer.

A file of datasets/ has the same shape as the others:

    DATA: Kind                      what is in it
    LICENCE, SOURCE: str            under which licence, from where (addresses with spaces between); ATTRIBUTION: whom to name, "" for nobody
    LANGUAGES: tuple[str, ...]      of texts and of the names of labels; () where there are no words
    load(packages: Path) -> Data                `packages` is the folder where wheels are kept
    look(packages: Path) -> Data                where loading takes long: the same without what takes long, to be looked at

To add a data set, add a file. Every tenth example is held out: it is never trained on.
"""

import hashlib
import importlib
import json
import pkgutil
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import pipelines.training.datasets

if TYPE_CHECKING:
    import torch

Kind = Literal[
    "pictures", "labelled pictures", "captioned pictures", "named pictures", "texts", "labelled texts", "dialogues",
    "sounds", "labelled sounds", "captioned sounds", "scores", "concepts",
]  # fmt: skip
HELD_OUT_EVERY = 10


@dataclass(frozen=True)
class Pictures:
    """(n, channels, side, side) uint8, 1 channel or 3; `labels` (n,) are places in `names`, both empty where there are none.

    `background` (0 black … 255 white) is what comes in from outside when a picture is moved. `captions` say what is on
    each, "" where nobody has said it; () where there are none at all.
    """

    pictures: "torch.Tensor"
    held_out: "torch.Tensor"
    labels: "torch.Tensor"
    held_out_labels: "torch.Tensor"
    names: tuple[str, ...]
    background: int
    captions: tuple[str, ...] = ()
    held_out_captions: tuple[str, ...] = ()

    def words(self, *, of_held_out: bool = False) -> tuple[str, ...]:
        """Of each its caption, else the name of its class, else ""."""
        captions = self.held_out_captions if of_held_out else self.captions
        labels = (self.held_out_labels if of_held_out else self.labels).tolist()
        count = len(self.held_out if of_held_out else self.pictures)
        classes = [self.names[label] for label in labels] or [""] * count
        return tuple(said or name for said, name in zip(captions or [""] * count, classes, strict=True))


@dataclass(frozen=True)
class NamedPictures:
    """Things, each drawn several times on a clear ground: (n, drawings, 4, side, side) uint8, and `held_out` (n, 4, side, side),
    one more drawing of each, which is never trained on.

    `names` of a thing are as many as `languages`. A thing that `is_sided` means something else mirrored or turned far.
    """

    pictures: "torch.Tensor"
    held_out: "torch.Tensor"
    names: tuple[tuple[str, ...], ...]
    languages: tuple[str, ...]
    is_sided: tuple[bool, ...]


@dataclass(frozen=True)
class Texts:
    """Whole documents; of scores, tunes in the words of `pipelines/music/score.py`."""

    texts: tuple[str, ...]
    held_out: tuple[str, ...]


@dataclass(frozen=True)
class LabelledTexts(Texts):
    """Documents with a class each: `labels` and `held_out_labels` are places in `names`, one for each text."""

    labels: tuple[int, ...]
    held_out_labels: tuple[int, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class Sounds:
    """Recordings, each (samples,) float32 within −1 … 1, one channel, all at `sampling_rate`; labels and captions as of
    Pictures."""

    sounds: "tuple[torch.Tensor, ...]"
    held_out: "tuple[torch.Tensor, ...]"
    labels: tuple[int, ...]
    held_out_labels: tuple[int, ...]
    names: tuple[str, ...]
    captions: tuple[str, ...]
    held_out_captions: tuple[str, ...]
    sampling_rate: int


@dataclass(frozen=True)
class Dialogues:
    """Conversations, each a tuple of {"role": "system" | "user" | "assistant", "content": text}, the last by the assistant."""

    dialogues: tuple[tuple[dict[str, str], ...], ...]
    held_out: tuple[tuple[dict[str, str], ...], ...]


@dataclass(frozen=True)
class Concepts:
    """Things seen, written and heard. `pictures` (n, 4, side, side) uint8: red, green, blue, opacity. `names`: what each is
    called, its own names first. `sounds` (m, mels, frames) uint8, as `pipelines/finding/hearing_features.py` has them;
    `meant` (m,) is which thing each says.
    """

    pictures: "torch.Tensor"
    names: tuple[tuple[str, ...], ...]
    sounds: "torch.Tensor"
    meant: "torch.Tensor"
    held_out_sounds: "torch.Tensor"
    held_out_meant: "torch.Tensor"


Data = Pictures | NamedPictures | Texts | Dialogues | Sounds | Concepts


def find_datasets() -> dict[str, ModuleType]:
    """Every module of datasets/ by name. Cheap: a data set imports its libraries when it is loaded."""
    names = [module.name for module in pkgutil.iter_modules(pipelines.training.datasets.__path__)]
    return {name: importlib.import_module(f"pipelines.training.datasets.{name}") for name in names}


def serves(dataset: Any, trainer: ModuleType) -> bool:
    """Whether `trainer` learns from this: labels and captions that nobody asks for do no harm, the name of a class is a
    caption, too, and who goes on from a language model reads dialogues by its chat template."""
    wanted = [trainer.DATA, f"labelled {trainer.DATA}", f"captioned {trainer.DATA}"]
    if trainer.DATA.startswith("captioned "):
        wanted.append(trainer.DATA.replace("captioned", "labelled"))
    if trainer.DATA == "texts" and trainer.NEEDS_MODEL:
        wanted.append("dialogues")
    return dataset.DATA in wanted


def fingerprint(data: Data) -> str:
    """SHA-256 of all that a trainer reads of it."""
    digest = hashlib.sha256()
    if isinstance(data, Pictures):
        for part in (data.pictures, data.held_out, data.labels, data.held_out_labels):
            digest.update(str(tuple(part.shape)).encode())
            digest.update(part.numpy().tobytes())
        if data.captions:
            digest.update(json.dumps([data.captions, data.held_out_captions]).encode())
        return digest.hexdigest()
    if isinstance(data, Sounds):
        for sound in (*data.sounds, *data.held_out):
            digest.update(str(len(sound)).encode())
            digest.update(sound.numpy().tobytes())
        words = [data.labels, data.held_out_labels, data.names, data.captions, data.held_out_captions]
        digest.update(json.dumps([*words, len(data.sounds), data.sampling_rate]).encode())
        return digest.hexdigest()
    if isinstance(data, Concepts):
        for part in (data.pictures, data.sounds, data.meant, data.held_out_sounds, data.held_out_meant):
            digest.update(str(tuple(part.shape)).encode())
            digest.update(part.numpy().tobytes())
        digest.update(json.dumps(data.names).encode())
        return digest.hexdigest()
    if isinstance(data, NamedPictures):
        digest.update(json.dumps([data.names, data.languages, data.is_sided]).encode())
        for part in (data.pictures, data.held_out):
            digest.update(str(tuple(part.shape)).encode())
            digest.update(part.contiguous().numpy().tobytes())
        return digest.hexdigest()
    if isinstance(data, LabelledTexts):
        digest.update(json.dumps([data.labels, data.held_out_labels, data.names]).encode())
    texts = data.texts if isinstance(data, Texts) else data.dialogues
    for one in (*texts, "", *data.held_out):
        digest.update(hashlib.sha256(json.dumps(one).encode()).digest())
    return digest.hexdigest()


def split_pictures(
    pictures: "torch.Tensor", labels: "torch.Tensor", names: tuple[str, ...], background: int
) -> Pictures:
    """Every tenth picture held out."""
    import torch

    is_held_out = torch.arange(len(pictures)) % HELD_OUT_EVERY == HELD_OUT_EVERY - 1
    parts = (pictures[~is_held_out], pictures[is_held_out], labels[~is_held_out], labels[is_held_out])
    return Pictures(*parts, names, background)


def split_texts(texts: list[str]) -> Texts:
    """Every tenth document held out."""
    held_out = texts[HELD_OUT_EVERY - 1 :: HELD_OUT_EVERY]
    return Texts(
        tuple(text for place, text in enumerate(texts) if place % HELD_OUT_EVERY != HELD_OUT_EVERY - 1), tuple(held_out)
    )


def split_labelled_texts(rows: list[tuple[str, int]], names: tuple[str, ...]) -> LabelledTexts:
    """Of (text, label) every tenth of each class held out."""
    seen = dict.fromkeys(range(len(names)), 0)
    parts: tuple[list[tuple[str, int]], list[tuple[str, int]]] = [], []
    for text, label in rows:
        seen[label] += 1
        parts[seen[label] % HELD_OUT_EVERY == 0].append((text, label))
    train, held_out = parts
    return LabelledTexts(
        tuple(text for text, _ in train),
        tuple(text for text, _ in held_out),
        tuple(label for _, label in train),
        tuple(label for _, label in held_out),
        names,
    )
