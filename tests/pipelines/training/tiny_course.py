"""A course of two small networks against each other in nothing but name: fast enough to be stopped and resumed at will."""

import json
from pathlib import Path

import torch
from PIL import Image

from pipelines.training.plan import Plan
from pipelines.training.trainer import Sample, adam, descend

PLAN = Plan(steps=60, learning_rate=0.01, warmup_steps=5, decay_steps=20, weight_decay=0.01, checkpoint_seconds=3600)


class TinyCourse:
    """Dropout, batch statistics, a frozen layer, two optimisers of different kinds: all that a checkpoint has to carry."""

    def __init__(self, plan: Plan = PLAN) -> None:
        torch.manual_seed(1)
        self.plan = plan
        body = torch.nn.Sequential(
            torch.nn.Linear(4, 8),
            torch.nn.BatchNorm1d(8),
            torch.nn.Dropout(0.2),
            torch.nn.GELU(),
            torch.nn.Linear(8, 1),
        )
        body[0].requires_grad_(False)
        self.networks = {"body": body, "scale": torch.nn.Linear(1, 1)}
        second = torch.optim.SGD(self.networks["scale"].parameters(), lr=0.01, momentum=0.9)
        self.optimisers = {"body": adam(body, plan), "scale": second}
        self.steps_done = 0

    def step(self, number: int) -> dict[str, float]:
        self.steps_done += 1
        inputs = torch.randn(16, 4)
        loss = self._loss(inputs)
        values = descend(loss, self.optimisers["body"], self.plan, number)
        self.optimisers["scale"].step()
        self.optimisers["scale"].zero_grad()
        return values

    def evaluate(self) -> dict[str, float]:
        return {"error": self._loss(torch.randn(64, 4)).item()}

    def sample(self) -> Sample:
        return Sample(Image.new("L", (2, 2)), (f"{self.evaluate()['error']:.9f}",))

    def export(self, folder: Path) -> dict:
        (folder / "config.json").write_text(json.dumps({"architectures": ["Tiny"]}))
        return {"made_by": "test"}

    def _loss(self, inputs: torch.Tensor) -> torch.Tensor:
        made = self.networks["scale"](self.networks["body"](inputs))
        return (made - inputs.sum(1, keepdim=True)).pow(2).mean()


def weights(course: TinyCourse) -> list[torch.Tensor]:
    return [tensor for network in course.networks.values() for tensor in network.state_dict().values()]


def same(one: list[torch.Tensor], other: list[torch.Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


class Wishes:
    """Commands by the number of times that they were asked for: the loop asks `is_stopping` once before every step."""

    def __init__(self, stop_at: int | None = None, how: str = "save", checkpoint_at: int = -1, sample_at: int = -1):
        self.stop_at, self.how, self.checkpoint_at, self.sample_at = stop_at, how, checkpoint_at, sample_at
        self.asked = -1

    def is_stopping(self) -> str:
        self.asked += 1
        return self.how if self.asked == self.stop_at else ""

    def wants_checkpoint(self) -> bool:
        return self.asked + 1 == self.checkpoint_at

    def wants_sample(self) -> bool:
        return self.asked + 1 == self.sample_at


class Notes:
    """What the loop told, in order."""

    def __init__(self) -> None:
        self.rows: list[dict] = []
        self.samples: list[tuple[int, tuple[str, ...]]] = []
        self.durable_rows = 0

    def begun(self, after: int | None) -> None:
        self.rows = [] if after is None else [row for row in self.rows if row["step"] <= after]

    def measured(self, step: int, values: dict[str, float]) -> None:
        self.rows.append({"step": step, **values})

    def sampled(self, step: int, sample: Sample) -> None:
        self.samples.append((step, sample.texts))

    def before_checkpoint(self) -> None:
        self.durable_rows = len(self.rows)

    def points(self) -> list[dict]:
        """Without the time, which no two runs share."""
        return [{name: value for name, value in row.items() if name != "seconds"} for row in self.rows]
