"""Trains one space for pictures, words and sounds: what means the same lies near, what does not lies apart.

Every thing has a place in it, which is learnt too: its pictures, its words and its sounds are drawn there, away from the places of
all others (Movshovitz-Attias et al. 2017, arXiv 1703.07464), and pictures and names of a batch to each other (Radford et al. 2021,
arXiv 2103.00020). Pictures are shown in other sizes, on other grounds, in other colours (`redrawing.py`), and no word is heard twice
the same way: other beginnings, pitches and gaps (SpecAugment, Park et al. 2019, arXiv 1904.08779).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.finding import fusion
from pipelines.finding.fusion import FusionConfig
from pipelines.training.data import HELD_OUT_EVERY, Concepts, Kind
from pipelines.training.estimate import USUAL_THINGS, Size, added, convolution
from pipelines.training.pictures import sheet
from pipelines.training.plan import Plan, ranged
from pipelines.training.redrawing import Hand, redrawn
from pipelines.training.trainer import Sample, adam, autocast, descend

if TYPE_CHECKING:
    import torch

DATA: Kind = "concepts"
METRIC = "recall_at_10"
IS_BETTER = "higher"
NEEDS_MODEL = False
BEST = 10
NAME_SHARE = 0.6  # of words; the others are aliases and tags
OWN_NAMES = 2
HEARD_SHARE = 4  # of a batch a quarter is heard
EVALUATED_AT_ONCE = 128
STRANGERS = 0.99
SHOWN = 6  # words, with as many pictures each


@dataclass(frozen=True)
class Settings:
    """`dimension`, `rows`, `width`, `side` are those of `FusionConfig`; `temperature` divides the likenesses. Over the first `easy`
    share of the steps more and more of the pictures are redrawn, until all of them are. Over the last `listening` share only sounds
    are learnt, which takes longest, while all else stays.
    """

    plan: Plan
    dimension: int = ranged(8, 4096, default=128)
    rows: int = ranged(64, 1_000_000, default=8192)
    width: int = ranged(4, 256, default=32)
    side: int = ranged(16, 256, default=56)
    temperature: float = ranged(0.005, 1.0, default=0.05)
    easy: float = ranged(0.0, 1.0, default=0.35)
    listening: float = ranged(0.0, 1.0, default=0.0)
    batch: int = ranged(2, 4096, default=128)


PRESETS = {
    "cpu": Settings(Plan(steps=300, learning_rate=0.003, warmup_steps=30, decay_steps=250, weight_decay=0.02, ema_decay=0.99, bf16=True)),
    "gpu": Settings(
        Plan(steps=20_000, learning_rate=0.001, warmup_steps=500, decay_steps=16_000, weight_decay=0.05, bf16=True),
        dimension=256, rows=16_384, width=64, batch=512,
    ),
}  # fmt: skip


def baseline(data: Concepts, settings: Settings) -> dict[str, float]:
    """Ten drawn by lot."""
    return {METRIC: min(1.0, BEST / len(data.pictures))}


def size(settings: Settings) -> Size:
    """The eye; the table of pieces and what reads it; the ear, which hears a quarter of a batch."""
    width, dimension, ears = settings.width, settings.dimension, settings.width * fusion.SOUND_LEVELS[-1]
    channels = [3, *(width * level for level in fusion.PICTURE_LEVELS)]
    eye = [
        convolution(before, after, 3, settings.side >> place + 1)
        for place, (before, after) in enumerate(pairwise(channels))
    ]
    eye += [convolution(after, after, 3, settings.side >> place + 2) for place, after in enumerate(channels[2:])]
    ear = 9 * ears**2 / 4 * 1.8 + 4 * ears**2 + 12 * ears**2 + 2 * ears * dimension
    flat = channels[-1] * fusion.QUARTERS**2 * dimension
    tables = (settings.rows + USUAL_THINGS) * dimension + 4 * dimension**2 + flat
    return added(eye).times(2 * settings.batch) + Size(tables + ear, 0)


def start(settings: Settings, data: Concepts, device: str, base: None = None) -> "FusionCourse":
    return FusionCourse(settings, data, device)


class FusionCourse:
    def __init__(self, settings: Settings, data: Concepts, device: str) -> None:
        import torch

        self._settings, self._data, self._device = settings, data, device
        self._config = FusionConfig(settings.dimension, settings.rows, settings.width, settings.side)
        self._network = fusion.build(self._config).to(device)
        self._places = torch.nn.Embedding(len(data.pictures), settings.dimension).to(device)
        self.networks = {"fusion": self._network, "places": self._places}
        both = torch.nn.ModuleDict(self.networks)
        self.optimisers = {"fusion": adam(both, settings.plan)}
        # Of every tenth thing one of its other names is held out
        self._new_words = {
            place: names[-1]
            for place, names in enumerate(data.names)
            if place % HELD_OUT_EVERY == 0 and len(names) > OWN_NAMES
        }
        self._wordings = [
            tuple(name for name in names if name != self._new_words.get(place))
            for place, names in enumerate(data.names)
        ]
        self._hand = Hand(settings.side, degrees=15.0, smallest=0.65, largest=1.1, shift=0.08, hue=10.0)
        self._called: dict[str, list[int]] = {}
        for place, names in enumerate(self._wordings):
            for name in names:
                self._called.setdefault(name, []).append(place)
        self._said: list[list[int]] = [[] for _ in data.names]
        for sound, meant in enumerate(data.meant.tolist()):
            self._said[meant].append(sound)

    def step(self, number: int) -> dict[str, float]:
        import torch

        if number >= self._settings.plan.steps * (1 - self._settings.listening):
            return self._listen(number)

        # 1 Some things, each seen and called two ways; some of them heard
        chosen = torch.randperm(len(self._data.pictures))[: self._settings.batch].tolist()
        said = [one for one in chosen if self._said[one]][: self._settings.batch // HEARD_SHARE]
        words = [self._draw_word(one) for one in (*chosen, *chosen)]
        pictures, windows = self._seen(chosen, number), self._heard(said) if said else None

        # 2 Where they lie
        with autocast(self._settings.plan, self._device):
            seen = fusion.of_pictures(self._network, pictures.to(self._device))
            called = fusion.of_words(self._network, words)
            heard = None if windows is None else fusion.of_sounds(self._network, windows.to(self._device))

        # 3 Each against the places of all things, and a picture and its name against the others of the batch
        losses = [self._placed(seen, chosen), self._placed(called, [*chosen, *chosen], words)]
        losses.append(self._paired(called[: len(chosen)], seen))
        if heard is not None:
            losses.append(self._placed(heard, said))
        return descend(torch.stack(losses).mean(), self.optimisers["fusion"], self._settings.plan, number)

    def _listen(self, number: int) -> dict[str, float]:
        """Sounds alone, towards places that stay."""
        import torch

        hearable = [place for place, sounds in enumerate(self._said) if sounds]
        said = [hearable[at] for at in torch.randperm(len(hearable))[: self._settings.batch].tolist()]
        with autocast(self._settings.plan, self._device):
            heard = fusion.of_sounds(self._network, self._heard(said).to(self._device))
        return descend(
            self._placed(heard, said, is_settled=True), self.optimisers["fusion"], self._settings.plan, number
        )

    def evaluate(self) -> dict[str, float]:
        """Which share of things is among the ten nearest of all pictures, each drawn as never before: by their names, by words
        that were held out, by a voice never heard; and, drawn once more otherwise, by the picture itself."""
        data = self._data
        everything = list(range(len(data.pictures)))
        seen = self._of_pictures(everything)
        own = [(name, place) for place, names in enumerate(data.names) for name in names[:OWN_NAMES]]
        new = [(name, place) for place, name in self._new_words.items()]
        asked = {
            "names": self._recall([name for name, _ in own], [place for _, place in own], seen),
            "new_words": self._recall([name for name, _ in new], [place for _, place in new], seen),
            "new_voice": _recall(self._of_sounds(_levels(data.held_out_sounds)), data.held_out_meant.tolist(), seen),
            "pictures": _recall(self._of_pictures(everything), everything, seen),
        }
        mean = sum(asked.values()) / len(asked)
        return {METRIC: mean} | {f"recall_by_{what}": value for what, value in asked.items()}

    def sample(self) -> Sample:
        """A few names, and the pictures that lie nearest to each, nearest first."""
        import torch

        clear = self._clear(list(range(len(self._data.pictures))))
        seen = torch.cat([fusion.of_pictures(self._network, part) for part in clear.split(EVALUATED_AT_ONCE)])
        chosen = torch.linspace(0, len(self._data.names) - 1, SHOWN).long().tolist()
        words = [self._data.names[place][number % OWN_NAMES] for number, place in enumerate(chosen)]
        nearest = (fusion.of_words(self._network, words) @ seen.T).topk(min(SHOWN, len(seen))).indices
        return Sample(sheet(clear[nearest.flatten().cpu()].cpu(), nearest.shape[1]), tuple(words))

    def export(self, folder: Path) -> dict[str, Any]:
        fusion.write(self._network, self._config, self._likeness(), folder)
        return {}

    def _likeness(self) -> fusion.Likeness:
        """Between which cosines two of each kind go from strangers to the same: the 99th percentile of things that have nothing to
        do with each other, and the median of the same thing in two ways. A sound is another voice's where there is one."""
        import torch

        data = self._data
        heard = data.held_out_meant.tolist()
        ways = {
            "picture": lambda: self._of_pictures(heard),
            "sound": lambda: self._of_sounds(_levels(data.held_out_sounds)),
            "words": lambda: fusion.of_words(self._network, [self._draw_word(place) for place in heard]),
        }
        other = {**ways, "sound": lambda: self._of_sounds(_heard_otherwise(_levels(data.held_out_sounds)))}
        is_same = torch.tensor(heard)[:, None] == torch.tensor(heard)[None]
        found = {}
        for one, two in fusion.PAIRS:
            cosines = (ways[one]() @ other[two]().T).cpu()
            low, high = cosines[~is_same].quantile(STRANGERS), cosines.diagonal().median()
            found[f"{one}-{two}"] = (round(low.item(), 4), round(max(high, low + 0.05).item(), 4))
        return found

    # ── what is seen, called and heard ────────────────────────────────────────────────────────────────────────────────

    def _seen(self, chosen: list[int], number: int) -> "torch.Tensor":
        """Some as they are, the others redrawn."""
        import torch

        share = min(1.0, number / max(1.0, self._settings.easy * self._settings.plan.steps))
        is_redrawn = torch.rand(len(chosen)) < share
        return torch.where(is_redrawn[:, None, None, None], self._redrawn(chosen), self._clear(chosen).cpu())

    def _redrawn(self, chosen: list[int]) -> "torch.Tensor":
        import torch

        count = len(chosen)
        is_sided, is_line = torch.ones(count, dtype=torch.bool), torch.zeros(count, dtype=torch.bool)
        return redrawn(self._data.pictures[chosen], is_sided, is_line, self._hand)

    def _heard(self, things: list[int]) -> "torch.Tensor":
        """Each said once, by lot."""
        import torch

        said = [self._said[one][int(torch.randint(len(self._said[one]), (1,)))] for one in things]
        return _heard_otherwise(_levels(self._data.sounds[said]))

    def _clear(self, chosen: list[int]) -> "torch.Tensor":
        """On white, as they are."""
        import torch.nn.functional as functional

        drawn = self._data.pictures[chosen].float() / 255
        cover = drawn[:, 3:]
        side = self._settings.side
        white = drawn[:, :3] * cover + 1 - cover
        resized = functional.interpolate(white, (side, side), mode="bilinear", antialias=True, align_corners=False)
        return (resized * 2 - 1).to(self._device)

    def _of_pictures(self, chosen: list[int]) -> "torch.Tensor":
        import torch

        parts = [chosen[at : at + EVALUATED_AT_ONCE] for at in range(0, len(chosen), EVALUATED_AT_ONCE)]
        return torch.cat([fusion.of_pictures(self._network, self._redrawn(part).to(self._device)) for part in parts])

    def _of_sounds(self, windows: "torch.Tensor") -> "torch.Tensor":
        import torch

        parts = windows.split(EVALUATED_AT_ONCE)
        return torch.cat([fusion.of_sounds(self._network, part.to(self._device)) for part in parts])

    def _draw_word(self, place: int) -> str:
        import torch

        names = self._wordings[place]
        is_name = len(names) <= OWN_NAMES or float(torch.rand(1)) < NAME_SHARE
        among = range(min(OWN_NAMES, len(names))) if is_name else range(OWN_NAMES, len(names))
        return names[among[int(torch.randint(len(among), (1,)))]]

    # ── how near ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _placed(
        self, made: "torch.Tensor", things: list[int], words: Sequence[str] = (), *, is_settled: bool = False
    ) -> "torch.Tensor":
        """How far each is from being nearest to the place of its own thing. Other things that have its word count for nothing."""
        import torch
        import torch.nn.functional as functional

        weight = self._places.weight.detach() if is_settled else self._places.weight
        places = functional.normalize(weight, dim=-1)
        likeness = made @ places.T / self._settings.temperature
        others = [
            [thing for thing in self._called[word] if thing != own] for word, own in zip(words, things, strict=False)
        ]
        is_no_mistake = torch.zeros(likeness.shape, dtype=torch.bool)
        for row, also in enumerate(others):
            is_no_mistake[row, also] = True
        likeness = likeness.masked_fill(is_no_mistake.to(likeness.device), -torch.inf)
        return functional.cross_entropy(likeness, torch.tensor(things, device=likeness.device))

    def _paired(self, one: "torch.Tensor", other: "torch.Tensor") -> "torch.Tensor":
        """How far each is from being nearest to its own of the other kind, both ways."""
        import torch
        import torch.nn.functional as functional

        likeness = one @ other.T / self._settings.temperature
        wanted = torch.arange(len(one), device=likeness.device)
        return (functional.cross_entropy(likeness, wanted) + functional.cross_entropy(likeness.T, wanted)) / 2

    def _recall(self, texts: list[str], meant: list[int], seen: "torch.Tensor") -> float:
        return _recall(fusion.of_words(self._network, texts), meant, seen) if texts else 0.0


def _recall(asked: "torch.Tensor", meant: list[int], among: "torch.Tensor") -> float:
    """Which share of what is meant is among the ten nearest."""
    import torch

    nearest = (asked @ among.T).topk(min(BEST, len(among))).indices.cpu()
    return (nearest == torch.tensor(meant)[:, None]).any(1).float().mean().item()


def _levels(sounds: "torch.Tensor") -> "torch.Tensor":
    """uint8 → −1 … 1."""
    return sounds.float() / 127.5 - 1


def _heard_otherwise(windows: "torch.Tensor") -> "torch.Tensor":
    """(n, mels, frames) −1 … 1: begun later, a little faster or slower, higher or lower, over noise, with gaps in time and bands."""
    import torch
    import torch.nn.functional as functional

    count, mels, frames = windows.shape
    # 1 Time and pitch: one grid for each
    pace = 0.85 + 0.35 * torch.rand(count)
    delay = torch.rand(count) * 0.3
    pitch = (torch.rand(count) * 2 - 1) * 0.06
    zero, one = torch.zeros(count), torch.ones(count)
    rows = [pace, zero, pace - 1 - delay, zero, one, pitch]
    grid = functional.affine_grid(torch.stack(rows, 1).view(count, 2, 3), [count, 1, mels, frames], align_corners=False)
    moved = functional.grid_sample(windows[:, None] + 1, grid, padding_mode="zeros", align_corners=False)[:, 0]

    # 2 Noise under it, and gaps
    noise = torch.rand(count, mels, frames) * torch.rand(count, 1, 1) * 0.7
    moved = torch.maximum(moved, noise)
    for axis, widest in ((1, 12), (2, 20)):
        size = windows.shape[axis]
        begin = torch.randint(size, (count, 1))
        end = begin + torch.randint(widest, (count, 1))
        places = torch.arange(size)[None]
        is_gap = (places >= begin) & (places < end)
        moved = moved.masked_fill(is_gap[:, :, None] if axis == 1 else is_gap[:, None, :], 0.0)
    return moved - 1
