"""How much memory a training will take, by arithmetic on its settings: known before anything is built, and without torch.

A trainer says in `size(settings)` how many numbers its networks have and how many a step keeps until its gradient is known, out of
the blocks below; one that goes on from a model in `share(settings)` which part of its weights is trained. Weights are counted to a few per cent; what a step keeps is roughly right, since kernels differ in what they keep.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from types import ModuleType
from typing import Any

from pipelines.training.trainer import changed, flat, ranges
from pipelines.types.training import Setting

PROCESS_BYTES = 700_000_000  # of a process that trains next to nothing: its libraries and its data
NUMBER_BYTES = 4
COPIES = 4  # of a weight in a step: itself, its gradient and both moments of Adam
SAVED_COPIES = 6  # while a checkpoint is written: itself, both moments, and all three as they go to the disk
AVERAGED = 1  # more in a step, where weights are averaged, and twice that while it is written
HALF_SHARE = 0.6  # of what is kept, where losses are computed in bfloat16: some of it stays as it is
USUAL_CHARACTERS = 200  # of a text in letters; Chinese has more, which matters little beside the layers
USUAL_THINGS = 2000  # that have a name, in the data sets of such
USUAL_NAME_TOKENS = 16
FREE = ("plan.steps",)  # no smaller number of steps makes room
ACTIVATION = (
    3  # numbers that are kept of each number of a convolution with its norm: its output, the norm's, the rectifier's
)


@dataclass(frozen=True)
class Size:
    """`weights` of all networks that are trained; `kept` numbers of a step, for all of its batch."""

    weights: float
    kept: float

    def __add__(self, other: "Size") -> "Size":
        return Size(self.weights + other.weights, self.kept + other.kept)

    def times(self, batch: float) -> "Size":
        """Of a batch of so many examples, where this is of one."""
        return Size(self.weights, self.kept * batch)


# ── what networks are made of, of one example ─────────────────────────────────────────────────────────────────────────


def convolution(before: int, after: int, kernel: int, side: float) -> Size:
    """`side` × `side` is what comes out."""
    return Size(before * after * kernel**2, ACTIVATION * after * side**2)


def added(parts: Iterable[Size]) -> Size:
    return sum(parts, Size(0, 0))


def generator(side: int, latent: int, width: int, outputs: int) -> Size:
    """One of networks/generators.py together with its mirror, an encoder to `outputs` numbers (encoders.py)."""
    levels = (side // 4).bit_length() - 1
    widths = [width << level for level in range(levels)]
    around = [
        convolution(before, after, 4, side >> place + 2) for place, (before, after) in enumerate(pairwise(widths))
    ]
    ends = [convolution(widths[-1], latent, 4, 2), convolution(3, width, 4, side / 2)]
    return added([*around, *around, *ends, ends[1], convolution(widths[-1], outputs, 4, 1)])


def resnet(side: float, stem: int, widths: Iterable[int], depths: Iterable[int], *, is_narrowed: bool = False) -> Size:
    """Of transformers; `is_narrowed`: a block is a thin 3 × 3 layer between two of 1 × 1."""
    parts, before, side = [convolution(3, stem, 7, side / 2)], stem, side / 4
    for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
        side = side / 2 if stage else side
        for block in range(depth):
            into = width if block else before
            thin = width // 4
            if is_narrowed:
                parts += [
                    convolution(into, thin, 1, side),
                    convolution(thin, thin, 3, side),
                    convolution(thin, width, 1, side),
                ]
            else:
                parts += [convolution(into, width, 3, side), convolution(width, width, 3, side)]
            parts += [] if into == width else [convolution(into, width, 1, side)]
        before = width
    return added(parts)


def transformer(tokens: float, width: int, layers: int, inner: int, *, gates: int = 0, crossed: int = 0) -> Size:
    """Layers of attention to `tokens`, and `crossed` times as many more to something else; `gates` of the inner layer."""
    weights = layers * (4 * (1 + crossed) * width**2 + (2 + gates) * width * inner)
    return Size(weights, tokens * layers * (12 * (1 + crossed) * width + (2 + 2 * gates) * inner))


def words(vocabulary: int, tokens: float, width: int, scored: float) -> Size:
    """A table of tokens, of which `scored` of an example are told by it again: their scores and their likelihoods."""
    return Size(vocabulary * width, tokens * width + 4 * scored * vocabulary)


def recurring(tokens: float, width: int, layers: int, *, ways: int = 1) -> Size:
    """LSTM layers, each `ways` as wide as the first one's input."""
    first, others = 8 * width**2 * ways, 4 * (1 + ways) * width**2 * ways
    return Size(first + (layers - 1) * others, tokens * layers * ways * 8 * width)


# ── what a training takes ─────────────────────────────────────────────────────────────────────────────────────────────


def estimated_bytes(trainer: ModuleType, settings: Any, base_weights: int | None = None) -> int | None:
    """`base_weights` are those of the model that it goes on from: of such a run the weights alone are counted, the least that it
    takes. None where it needs one and nobody knows its size."""
    averaged = AVERAGED if settings.plan.ema_decay else 0
    saved = SAVED_COPIES + 2 * averaged
    if base_weights is not None:
        share: float = trainer.share(settings)
        untouched = NUMBER_BYTES // 2 if settings.plan.bf16 else NUMBER_BYTES
        return round(PROCESS_BYTES + base_weights * (share * saved * NUMBER_BYTES + (1 - share) * untouched))
    if trainer.NEEDS_MODEL:
        return None
    size: Size = trainer.size(settings)
    kept = size.kept * (HALF_SHARE if settings.plan.bf16 else 1.0)
    step = (COPIES + averaged) * size.weights + kept
    return round(PROCESS_BYTES + NUMBER_BYTES * max(step, saved * size.weights))


def what_fits(name: str, settings: Any, most_bytes: int, counted: Callable[[Any], int]) -> dict[str, Setting]:
    """For each whole number among the settings: the largest with which, all else as it is, `most_bytes` are enough, where it is
    `counted` how many they take and `settings` take more.

    Those that change nothing or not enough are left out.
    """
    found: dict[str, Setting] = {}
    for setting, (low, _) in ranges(settings).items():
        value = flat(settings)[setting]
        if setting in FREE or not isinstance(value, int) or isinstance(value, bool):
            continue
        if (fitting := _largest(name, settings, setting, int(low), value, most_bytes, counted)) is not None:
            found[setting] = fitting
    return found


def _largest(
    name: str, settings: Any, setting: str, low: int, high: int, most_bytes: int, counted: Callable[[Any], int]
) -> int | None:
    """By halving; `high` does not fit. Whole multiples of the heads only where there are some."""

    def fits(value: int) -> bool:
        wanted: Mapping[str, Setting] = {setting: value}
        return counted(changed(name, settings, wanted)) <= most_bytes

    if not fits(low):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    heads = getattr(settings, "heads", 1) if setting == "width" else 1
    return low // heads * heads or low
