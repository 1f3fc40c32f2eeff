"""What every classifier of texts has in common: batches of labelled texts, its measures, its samples. Knows no network: a
trainer brings one, and says how it scores token ids."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.evaluation.macro_f1 import accuracy, confusion, macro_f1
from pipelines.training.augmentation.texts import augmented
from pipelines.training.data import LabelledTexts
from pipelines.training.trainer import Sample, Scores, adam, autocast, descend

if TYPE_CHECKING:
    import torch

EVALUATED_AT_ONCE = 64
SHOWN, SHOWN_CHARACTERS = 12, 90


def commonest_class(data: LabelledTexts) -> dict[str, float]:
    """What always saying the commonest class is worth on the held-out texts."""
    commonest = max(range(len(data.names)), key=data.labels.count)
    table = confusion(data.held_out_labels, [commonest] * len(data.held_out), len(data.names))
    return {"accuracy": accuracy(table), "macro_f1": macro_f1(table)}


class TextClassCourse(ABC):
    """A Course (see trainer.py). `settings` has a plan, `batch`, `context` and `augment`; `tokenizer` pads with its own token."""

    def __init__(self, settings: Any, data: LabelledTexts, device: str, network: Any, tokenizer: Any) -> None:
        self._settings, self._data, self._device = settings, data, device
        self._network, self._tokenizer = network.to(device), tokenizer
        tokenizer.model_max_length = min(settings.context, tokenizer.model_max_length)  # no more than a base can read
        self._train, self._held_out = self._tokens(data.texts), self._tokens(data.held_out)
        self.networks = {"classifier": self._network}
        self.optimisers = {"classifier": adam(self._network, settings.plan)}

    @abstractmethod
    def _scores(self, tokens: "torch.Tensor", mask: "torch.Tensor") -> "torch.Tensor":
        """(n, length) ids, and 1 where they are no padding → (n, classes)."""

    @abstractmethod
    def _write(self, folder: Path) -> None:
        """The network; the tokenizer is written already."""

    def step(self, number: int) -> dict[str, float]:
        import torch

        task = self._settings
        chosen = torch.randint(len(self._train), (task.batch,)).tolist()
        labels = torch.tensor([self._data.labels[place] for place in chosen], device=self._device)
        rows = [self._train[place] for place in chosen]
        if any(astuple(task.augment)):
            rows = self._tokens(augmented([self._data.texts[place] for place in chosen], task.augment))
        with autocast(task.plan, self._device):
            scores = self._scores(*self._padded(rows)).float()
            loss = torch.nn.functional.cross_entropy(scores, labels)
        return descend(loss, self.optimisers["classifier"], task.plan, number)

    def evaluate(self) -> dict[str, float]:
        import torch

        scores, labels = self._held_out_logits(), torch.tensor(self._data.held_out_labels)
        table = self._confusion(scores)
        loss = torch.nn.functional.cross_entropy(scores, labels)
        return {"accuracy": accuracy(table), "macro_f1": macro_f1(table), "held_out_loss": loss.item()}

    def held_out_scores(self) -> Scores:
        """1 for each text that is told right, else 0."""
        said = self._held_out_logits().argmax(1).tolist()
        right = self._data.held_out_labels
        return Scores(tuple(float(one == other) for one, other in zip(said, right, strict=True)), "texts")

    def sample(self) -> Sample:
        """Held-out texts from all over, what they are taken for, and which of them wrongly."""
        count = min(SHOWN, len(self._held_out))
        places = [place * len(self._held_out) // count for place in range(count)]
        chances = self._scores(*self._padded([self._held_out[place] for place in places])).float().softmax(1).cpu()
        lines = []
        for place, row in zip(places, chances, strict=True):
            said, right = int(row.argmax()), self._data.held_out_labels[place]
            mark = "" if said == right else f"  ({self._data.names[right]})"
            text = " ".join(self._data.held_out[place].split())[:SHOWN_CHARACTERS]
            lines.append(f"{self._data.names[said]} {row[said]:.0%}{mark}: {text}")
        return Sample(texts=tuple(lines))

    def export(self, folder: Path) -> dict[str, Any]:
        import torch

        self._tokenizer.save_pretrained(folder)
        self._write(folder)
        with torch.no_grad():
            return {"confusion": self._confusion(self._held_out_logits())}

    def _tokens(self, texts: Sequence[str]) -> list[list[int]]:
        return self._tokenizer(list(texts), truncation=True)["input_ids"]

    def _padded(self, rows: list[list[int]]) -> "tuple[torch.Tensor, torch.Tensor]":
        """(n, longest) ids and their mask, on the device."""
        import torch

        longest, padding = max(1, *map(len, rows)), self._tokenizer.pad_token_id
        tokens = torch.tensor([row + [padding] * (longest - len(row)) for row in rows])
        mask = torch.tensor([[1] * max(1, len(row)) + [0] * (longest - max(1, len(row))) for row in rows])
        return tokens.to(self._device), mask.to(self._device)

    def _held_out_logits(self) -> "torch.Tensor":
        import torch

        starts = range(0, len(self._held_out), EVALUATED_AT_ONCE)
        parts = [self._padded(self._held_out[start : start + EVALUATED_AT_ONCE]) for start in starts]
        return torch.cat([self._scores(*part).float().cpu() for part in parts])

    def _confusion(self, scores: "torch.Tensor") -> list[list[int]]:
        return confusion(self._data.held_out_labels, scores.argmax(1).tolist(), len(self._data.names))
