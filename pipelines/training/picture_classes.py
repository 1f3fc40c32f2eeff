"""What the trainers of picture classifiers have in common: a ResNetForImageClassification learns to tell pictures apart.

Its stem quarters the side of a picture, so small pictures are enlarged first; the exported image processor does the same. How
deep and wide it is, its trainer says.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pipelines.training.augmentation.pictures import PictureChanges, augmented
from pipelines.training.data import Pictures
from pipelines.training.pictures import moved, resized, sheet, to_model
from pipelines.training.plan import Plan
from pipelines.training.trainer import Sample, Scores, adam, autocast, descend

if TYPE_CHECKING:
    import torch

INK = 48  # levels away from the background: what is drawn
SHOWN = 40
MEASURED = 500  # pictures, at least, where there are as many
EVALUATED_AT_ONCE = 250


class Settings(Protocol):
    """`side` in pixels is what the network sees. Every picture of a batch is turned, sized and shifted by up to `degrees`, `scale`
    and `shift` (shares of the side), and changed as `augment` says."""

    @property
    def plan(self) -> Plan: ...
    @property
    def side(self) -> int: ...
    @property
    def batch(self) -> int: ...
    @property
    def degrees(self) -> float: ...
    @property
    def scale(self) -> float: ...
    @property
    def shift(self) -> float: ...
    @property
    def augment(self) -> PictureChanges: ...


def commonest_class(data: Pictures) -> dict[str, float]:
    """How often it is right to say always the same."""
    commonest = data.labels.bincount().argmax()
    return {"accuracy": (data.held_out_labels == commonest).float().mean().item()}


class ClassifierCourse:
    """`layers` is what a ResNetConfig says of them."""

    def __init__(self, settings: Settings, layers: dict[str, Any], data: Pictures, device: str) -> None:
        from transformers import ResNetConfig, ResNetForImageClassification

        self._settings, self._data, self._device = settings, data, device
        config = ResNetConfig(
            num_channels=data.pictures.shape[1],
            id2label=dict(enumerate(data.names)),
            label2id={name: label for label, name in enumerate(data.names)},
            **layers,
        )
        self._network = ResNetForImageClassification(config).to(device)
        self.networks = {"classifier": self._network}
        self.optimisers = {"classifier": adam(self._network, settings.plan)}

    def step(self, number: int) -> dict[str, float]:
        import torch

        # 1 A batch, no picture twice the same
        task = self._settings
        chosen = torch.randint(len(self._data.pictures), (task.batch,))
        pictures = to_model(self._data.pictures[chosen].to(self._device))
        background = self._data.background / 127.5 - 1
        pictures = moved(pictures, task.degrees, task.scale, task.shift, background)
        pictures = augmented(pictures, task.augment, background)

        # 2 How sure of the right class
        with autocast(task.plan, self._device):
            labels = self._data.labels[chosen].to(self._device)
            loss = torch.nn.functional.cross_entropy(self._scores(pictures), labels)
        return descend(loss, self.optimisers["classifier"], task.plan, number)

    def evaluate(self) -> dict[str, float]:
        import torch

        scores, labels = self._held_out_scores(len(self._data.held_out)), self._data.held_out_labels
        loss = torch.nn.functional.cross_entropy(scores, labels)
        return {"accuracy": (scores.argmax(1) == labels).float().mean().item(), "held_out_loss": loss.item()}

    def held_out_scores(self) -> Scores:
        """1 for each picture that is told right, else 0."""
        said = self._held_out_scores(len(self._data.held_out)).argmax(1)
        return Scores(tuple((said == self._data.held_out_labels).float().tolist()), "pictures")

    def sample(self) -> Sample:
        """Held-out pictures from all over, what they are taken for, and which of them wrongly."""
        count = min(SHOWN, len(self._data.held_out))
        places = [place * len(self._data.held_out) // count for place in range(count)]
        scores = self._scores(to_model(self._data.held_out[places].to(self._device))).softmax(1).cpu()
        lines = []
        for number, (place, row) in enumerate(zip(places, scores, strict=True), start=1):
            said, right = int(row.argmax()), int(self._data.held_out_labels[place])
            mark = "" if said == right else f"  ({self._data.names[right]})"
            lines.append(f"{number}: {self._data.names[said]} {row[said]:.0%}{mark}")
        return Sample(sheet(to_model(self._data.held_out[places]), columns=8), tuple(lines))

    def export(self, folder: Path) -> dict[str, Any]:
        """A folder that `transformers.pipeline("image-classification")` reads."""
        from transformers import ConvNextImageProcessorPil

        self._network.save_pretrained(folder)
        channels, side = self._data.pictures.shape[1], self._settings.side
        ConvNextImageProcessorPil(
            size={"shortest_edge": side},
            crop_pct=1.0,
            image_mean=[0.5] * channels,
            image_std=[0.5] * channels,
        ).save_pretrained(folder)
        return {"confusion": self._confusion(), "background": self._data.background, "room": room_around(self._data)}

    def _scores(self, pictures: "torch.Tensor") -> "torch.Tensor":
        return self._network(pixel_values=resized(pictures, self._settings.side)).logits.float()

    def _held_out_scores(self, count: int) -> "torch.Tensor":
        import torch

        parts = self._data.held_out[:count].split(EVALUATED_AT_ONCE)
        return torch.cat([self._scores(to_model(part.to(self._device))).cpu() for part in parts])

    def _confusion(self) -> list[list[int]]:
        """Held-out pictures by (right class, what it was taken for)."""
        import torch

        classes = len(self._data.names)
        with torch.no_grad():
            said = self._held_out_scores(len(self._data.held_out)).argmax(1)
        table = torch.bincount(self._data.held_out_labels * classes + said, minlength=classes**2)
        return table.view(classes, classes).tolist()


def room_around(data: Pictures) -> float:
    """By how much a picture is larger than what is drawn in it, on average: who draws freely is fitted to that."""
    some = data.pictures[:: max(1, len(data.pictures) // MEASURED)]
    drawn = (some.int() - data.background).abs().amax(1) > INK
    sides = [drawn.any(axis).float() for axis in (1, 2)]  # which columns, which rows hold something
    places = [(side.argmax(1), side.shape[1] - side.flip(1).argmax(1)) for side in sides]
    longest = max((last - first).float().mean().item() for first, last in places)
    return round(data.pictures.shape[-1] / max(longest, 1.0), 3)
