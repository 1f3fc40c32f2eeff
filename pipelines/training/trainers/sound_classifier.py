"""Trains an Audio Spectrogram Transformer (Gong et al. 2021, arXiv 2104.01778) from nothing to tell sounds apart.

It hears a piece of a sound as a picture of its mel bands. What is exported is a folder that `transformers` reads as an
ASTForAudioClassification with its feature extractor.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.sound.files import resample
from pipelines.training.augmentation.sounds import SoundChanges, augmented
from pipelines.training.data import Kind, Sounds
from pipelines.training.estimate import Size, transformer
from pipelines.training.plan import Plan, ranged
from pipelines.training.tokens import check_heads
from pipelines.training.trainer import Sample, Scores, adam, autocast, descend

if TYPE_CHECKING:
    import torch

DATA: Kind = "labelled sounds"
METRIC = "accuracy"
IS_BETTER = "higher"
NEEDS_MODEL = False
SAMPLING_RATE = 16_000  # Hz, as the feature extractor has it
FRAMES_A_SECOND = 100
PATCH = 16  # bands and frames
SHOWN = 16
MEASURED = 64  # sounds, by which the bands are brought to mean 0 and deviation 0.5
EVALUATED_AT_ONCE = 64


@dataclass(frozen=True)
class Settings:
    """`seconds` of a sound are heard at a time, from anywhere in it while training; `mels` bands, a multiple of 16."""

    plan: Plan
    seconds: float = ranged(0.32, 10.0, default=1.0)
    mels: int = ranged(16, 128, default=64)
    width: int = ranged(16, 2048, default=64)
    layers: int = ranged(1, 24, default=2)
    heads: int = ranged(1, 32, default=4)
    batch: int = ranged(1, 1024, default=24)
    augment: SoundChanges = field(default_factory=SoundChanges)


PRESETS = {
    "cpu": Settings(Plan(steps=900, learning_rate=0.002, warmup_steps=30, decay_steps=700, weight_decay=0.01, ema_decay=0.98)),
    "gpu": Settings(
        Plan(steps=6000, learning_rate=0.0003, warmup_steps=300, decay_steps=5000, weight_decay=0.05, bf16=True),
        seconds=5.0, mels=128, width=384, layers=8, heads=6, batch=64,
    ),
}  # fmt: skip


def baseline(data: Sounds, settings: Settings) -> dict[str, float]:
    """Always the commonest class."""
    commonest = max(range(len(data.names)), key=data.labels.count)
    return {METRIC: sum(label == commonest for label in data.held_out_labels) / len(data.held_out_labels)}


def size(settings: Settings) -> Size:
    patches = settings.mels / PATCH * settings.seconds * FRAMES_A_SECOND / PATCH
    ends = Size((PATCH**2 + patches) * settings.width, 0)
    return (transformer(patches, settings.width, settings.layers, 4 * settings.width) + ends).times(settings.batch)


def start(settings: Settings, data: Sounds, device: str, base: None = None) -> "SoundCourse":
    return SoundCourse(settings, data, device)


class SoundCourse:
    def __init__(self, settings: Settings, data: Sounds, device: str) -> None:
        """Raises HeadsDoNotFit."""
        import torch
        from transformers import ASTConfig, ASTForAudioClassification

        check_heads(settings.width, settings.heads)
        self._settings, self._data, self._device = settings, data, device
        self._sounds = [_at_rate(sound, data.sampling_rate) for sound in data.sounds]
        self._extractor = _extractor(settings, self._sounds[:: max(1, len(self._sounds) // MEASURED)])
        held_out = [self._piece(_at_rate(sound, data.sampling_rate), 0.0) for sound in data.held_out]
        self._held_out = self._features(held_out)
        self._labels, self._held_out_labels = torch.tensor(data.labels), torch.tensor(data.held_out_labels)
        config = ASTConfig(
            hidden_size=settings.width,
            num_hidden_layers=settings.layers,
            num_attention_heads=settings.heads,
            intermediate_size=settings.width * 4,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            patch_size=PATCH,
            frequency_stride=PATCH,
            time_stride=PATCH,
            num_mel_bins=self._extractor.num_mel_bins,
            max_length=self._extractor.max_length,
            id2label=dict(enumerate(data.names)),
            label2id={name: label for label, name in enumerate(data.names)},
        )
        self._network = ASTForAudioClassification(config).to(device)
        self.networks = {"classifier": self._network}
        self.optimisers = {"classifier": adam(self._network, settings.plan)}

    def step(self, number: int) -> dict[str, float]:
        import torch

        # 1 Pieces of sounds, changed as was asked for
        task = self._settings
        chosen = torch.randint(len(self._sounds), (task.batch,)).tolist()
        starts = torch.rand(task.batch).tolist()
        pieces = [self._piece(self._sounds[place], start) for place, start in zip(chosen, starts, strict=True)]
        heard = self._features([augmented(piece, task.augment) for piece in pieces])

        # 2 How sure of the right class
        with autocast(task.plan, self._device):
            scores = self._network(heard.to(self._device)).logits.float()
            loss = torch.nn.functional.cross_entropy(scores, self._labels[chosen].to(self._device))
        return descend(loss, self.optimisers["classifier"], task.plan, number)

    def evaluate(self) -> dict[str, float]:
        import torch

        scores = self._held_out_logits()
        loss = torch.nn.functional.cross_entropy(scores, self._held_out_labels)
        return {METRIC: (scores.argmax(1) == self._held_out_labels).float().mean().item(), "held_out_loss": loss.item()}

    def held_out_scores(self) -> Scores:
        """1 for each sound that is told right, else 0."""
        right = (self._held_out_logits().argmax(1) == self._held_out_labels).float()
        return Scores(tuple(right.tolist()), "sounds")

    def sample(self) -> Sample:
        """Held-out sounds from all over, what they are taken for, and which of them wrongly."""
        count = min(SHOWN, len(self._held_out))
        chances, names, lines = self._held_out_logits().softmax(1), self._data.names, []
        for number in range(count):
            place = number * len(self._held_out) // count
            said, right = int(chances[place].argmax()), self._data.held_out_labels[place]
            mark = "" if said == right else f"  ({names[right]})"
            lines.append(f"{number + 1}: {names[said]} {chances[place][said]:.0%}{mark}")
        return Sample(texts=tuple(lines))

    def export(self, folder: Path) -> dict[str, Any]:
        """A folder that `transformers.pipeline("audio-classification")` reads."""
        import torch

        self._network.save_pretrained(folder)
        self._extractor.save_pretrained(folder)
        classes = len(self._data.names)
        with torch.no_grad():
            said = self._held_out_logits().argmax(1)
        table = torch.bincount(self._held_out_labels * classes + said, minlength=classes**2)
        return {"confusion": table.view(classes, classes).tolist()}

    def _piece(self, sound: "torch.Tensor", start: float) -> "torch.Tensor":
        """`seconds` of it, from `start` of what may be the beginning (0 … 1); what is shorter is followed by silence."""
        import torch

        length = round(self._settings.seconds * SAMPLING_RATE)
        at = round(start * max(0, len(sound) - length))
        piece = sound[at : at + length]
        return torch.nn.functional.pad(piece, (0, length - len(piece)))

    def _features(self, sounds: "list[torch.Tensor]") -> "torch.Tensor":
        """(n, frames, mels)."""
        heard = self._extractor([sound.numpy() for sound in sounds], sampling_rate=SAMPLING_RATE, return_tensors="pt")
        return heard["input_values"]

    def _held_out_logits(self) -> "torch.Tensor":
        import torch

        parts = self._held_out.split(EVALUATED_AT_ONCE)
        return torch.cat([self._network(part.to(self._device)).logits.float().cpu() for part in parts])


def _at_rate(sound: "torch.Tensor", sampling_rate: int) -> "torch.Tensor":
    import torch

    return torch.from_numpy(resample(sound.numpy(), sampling_rate, SAMPLING_RATE))


def _extractor(settings: Settings, sounds: "list[torch.Tensor]") -> Any:
    """Whole patches of bands and frames, and as loud as these sounds are."""
    from transformers import ASTFeatureExtractor

    mels = max(PATCH, settings.mels // PATCH * PATCH)
    frames = max(PATCH, round(settings.seconds * FRAMES_A_SECOND) // PATCH * PATCH)
    extractor = ASTFeatureExtractor(num_mel_bins=mels, max_length=frames, do_normalize=False)
    found = extractor([sound.numpy() for sound in sounds], sampling_rate=SAMPLING_RATE, return_tensors="pt")
    values = found["input_values"]
    mean, deviation = float(values.mean()), max(float(values.std()), 1e-3)
    return ASTFeatureExtractor(num_mel_bins=mels, max_length=frames, mean=mean, std=deviation)
