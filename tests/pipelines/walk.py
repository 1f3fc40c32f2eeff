"""A random walk over models of text and image under a budget of half their sum, in a process of its own.

    python -m tests.pipelines.walk --steps 40 --seed 1 --size short     the figures as one line of JSON

First each model comes and goes once: what the process holds then is the base. The first half of the steps is walked by one
thread, the second by three at once. All along a sampler looks at the anonymous memory; every lease is watched.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipelines.base import Pipeline
from pipelines.errors.memory import MemoryPinned, ModelTooLarge
from pipelines.image import ImagePipeline
from pipelines.loading.memory import measure
from pipelines.loading.memory.cache import LoadCancelled, ModelCache
from pipelines.loading.memory.forecast import Learnt
from pipelines.loading.memory.ledger import OwnLedger
from pipelines.loading.placement.devices import CPU
from pipelines.text import TextPipeline
from pipelines.types.events import Loading, ignore
from pipelines.types.image import ImageRequest
from pipelines.types.model import ModelSpec
from pipelines.types.text import Sampling, TextRequest
from tests.pipelines import tiny_images
from tests.pipelines.tiny_texts import save_causal
from tests.server import ROOT

THREADS = 3
SAMPLE_SECONDS = 0.02
STUCK_SECONDS = 120.0


@dataclass
class Figures:
    """What a walk has shown. Bytes are of anonymous memory above the base, but for `base_bytes` itself."""

    models: int = 0
    sum_bytes: int = 0
    budget_bytes: int = 0
    base_bytes: int = 0
    most_bytes: int = 0
    samples: int = 0
    end_bytes: int = 0
    steps: dict[str, int] = field(default_factory=dict)
    loads: int = 0
    forecasts_within_15_percent: int = 0
    worst_forecast: float = 1.0
    leased_and_dropped: int = 0
    refused_without_reason: int = 0  # who holds nothing, while nothing is pinned
    errors: list[str] = field(default_factory=list)
    is_stuck: bool = False
    seconds: float = 0.0


def walk_in_a_process(steps: int, seed: int, size: str) -> Figures:
    command = [sys.executable, "-m", "tests.pipelines.walk", "--steps", str(steps), "--seed", str(seed), "--size", size]
    told = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    if told.returncode:
        raise RuntimeError(told.stderr[-3000:])
    return Figures(**json.loads(told.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--size", choices=("short", "small"), required=True)
    options = parser.parse_args()
    measure.one_heap()  # before there are other threads, as in a worker
    with tempfile.TemporaryDirectory() as folder:
        names = make_models(Path(folder) / "models", options.size)
        print(json.dumps(asdict(walk(Path(folder) / "models", names, options.steps, options.seed))))


# ── the models ────────────────────────────────────────────────────────────────────────────────────────────────────────


def make_models(folder: Path, size: str) -> list[str]:
    """Six models of text and four of images, of their real classes with random weights. "small": 10 … 200 MB each."""
    part = 1 if size == "small" else 2
    texts: dict[str, tuple[str, dict[str, int]]] = {
        "llama": ("Llama", {"hidden_size": 768, "num_hidden_layers": 8, "intermediate_size": 2048, "head_dim": 64}),
        "llama-deep": (
            "Llama",
            {"hidden_size": 384, "num_hidden_layers": 14, "intermediate_size": 1024, "head_dim": 64},
        ),
        "qwen": ("Qwen2", {"hidden_size": 512, "num_hidden_layers": 6, "intermediate_size": 2048}),
        "mistral": (
            "Mistral",
            {"hidden_size": 512, "num_hidden_layers": 10, "intermediate_size": 1536, "head_dim": 64},
        ),
        "gpt2": ("GPT2", {"n_embd": 512, "n_layer": 6, "n_head": 8}),
        "little": ("Qwen3", {"hidden_size": 256, "num_hidden_layers": 4, "intermediate_size": 768, "head_dim": 64}),
    }
    for name, (kind, settings) in texts.items():
        save_causal(folder / name, kind, **{what: count // part for what, count in settings.items()})
    images = {"sd-a": (160, 320), "sd-b": (128, 256), "sd-c": (96, 224), "sd-little": (64, 128)}
    for name, channels in images.items():
        make_sd(folder / name, (channels[0] // part, channels[1] // part))
    return [*texts, *images]


def make_sd(target: Path, channels: tuple[int, int]) -> None:
    """Stable Diffusion, whose denoiser has `channels` in its two levels."""
    import diffusers
    import torch

    torch.manual_seed(0)
    diffusers.StableDiffusionPipeline(
        vae=tiny_images.autoencoder(), text_encoder=tiny_images.clip_text(), tokenizer=tiny_images.clip_tokenizer(),
        unet=tiny_images.unet(block_out_channels=channels, layers_per_block=2),
        scheduler=diffusers.DDIMScheduler(clip_sample=False, set_alpha_to_one=False, steps_offset=1),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(target)  # fmt: skip


# ── the walk ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def walk(folder: Path, names: list[str], steps: int, seed: int) -> Figures:
    started = time.monotonic()
    figures = Figures(models=len(names))

    # 1 Each model once, as often as it takes the C heap and the libraries to have what they keep
    open_wide = TextPipeline.on_this_machine(folder, device="cpu", cache_folder=folder.parent / "cache")
    specs = {name: open_wide.catalog.find(name) for name in names}
    for name in names:
        Walker(open_wide, specs, Figures(), random.Random(0)).use(name)
        figures.sum_bytes += open_wide.loaded()[-1]["size_bytes"]
        open_wide.cache.unload_all()
    measure.give_back_memory()
    figures.base_bytes = measure.held_bytes("ram")
    figures.budget_bytes = figures.sum_bytes // 2

    # 2 The walk, under half of what they take together
    cache = ModelCache(OwnLedger(figures.budget_bytes, lambda: measure.free_bytes("ram")))
    pipeline = TextPipeline(open_wide.catalog, cache, open_wide.starters, CPU, Learnt())
    is_over = threading.Event()
    sampler = threading.Thread(target=sample, args=(figures, is_over), daemon=True)
    sampler.start()
    Walker(pipeline, specs, figures, random.Random(seed)).walk(steps // 2)
    share = (steps - steps // 2) // THREADS
    walkers = [Walker(pipeline, specs, figures, random.Random(f"{seed} {number}")) for number in range(THREADS)]
    threads = [threading.Thread(target=walker.walk, args=(share,), daemon=True) for walker in walkers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(STUCK_SECONDS + steps)
    figures.is_stuck = any(thread.is_alive() for thread in threads)
    is_over.set()
    sampler.join()

    # 3 Everything goes
    cache.unload_all()
    measure.give_back_memory()
    figures.end_bytes = measure.held_bytes("ram") - figures.base_bytes
    figures.seconds = time.monotonic() - started
    return figures


def sample(figures: Figures, is_over: threading.Event) -> None:
    while not is_over.wait(SAMPLE_SECONDS):
        figures.most_bytes = max(figures.most_bytes, measure.held_bytes("ram") - figures.base_bytes)
        figures.samples += 1


class Walker:
    """One who walks: uses, unloads, pins and stops models at random."""

    def __init__(
        self, pipeline: Pipeline, specs: dict[str, ModelSpec], figures: Figures, chance: random.Random
    ) -> None:
        self._pipeline = pipeline
        self._images = ImagePipeline.beside(pipeline)
        self._texts = TextPipeline.beside(pipeline)
        self._specs = specs
        self._figures = figures
        self._chance = chance

    def walk(self, steps: int) -> None:
        kinds: dict[str, tuple[int, Callable[[str], None]]] = {
            "use": (70, self.use), "hold": (12, self.hold), "unload": (8, self.unload), "pin": (4, self.pin),
            "stop": (6, self.stop),
        }  # fmt: skip
        names = list(self._specs)
        for _ in range(steps):
            (kind,) = self._chance.choices(list(kinds), [weight for weight, _ in kinds.values()])
            try:
                kinds[kind][1](self._chance.choice(names))
                self._count(kind)
            except MemoryPinned:
                self._count("refused for a pinned one")
            except ModelTooLarge:
                self._figures.refused_without_reason += 1
            except Exception as error:  # noqa: BLE001  whatever it is, the walk has failed and says with what
                self._figures.errors.append(f"{kind}: {error!r}"[:300])

    def use(self, name: str) -> None:
        """Through its pipeline, as a person would."""
        loaded: list[bool] = []

        def listen(event: Any) -> None:
            loaded.append(isinstance(event, Loading) and event.stage == "ready")
            if loaded[-1]:
                self._compare(name)

        if name.startswith("sd"):
            self._images.generate(ImageRequest(name, prompt="a cat", width=64, height=64, steps=2, seed=1), listen)
        else:
            sampling = Sampling(max_new_tokens=3, seed=1)
            self._texts.generate(TextRequest(name, text="hello", sampling=sampling), listen)

    def hold(self, name: str) -> None:
        """One or two models at once for a while; they must be there to the end."""
        other = self._chance.choice(list(self._specs))
        with ExitStack() as held:
            for one in dict.fromkeys([name, other] if self._chance.random() < 0.5 else [name]):
                try:
                    held.enter_context(self._pipeline.lease(self._specs[one], (), ignore))
                except ModelTooLarge:  # two who hold something wait for each other, and one is told so
                    if one == name:
                        raise
                    self._count("refused beside its own")
                    return
                rows = {row["model"]: row for row in self._pipeline.loaded()}
                time.sleep(self._chance.random() * 0.05)
                rows = {row["model"]: row for row in self._pipeline.loaded()}
                if one not in rows or not rows[one]["leases"] or rows[one]["is_parked"]:
                    self._figures.leased_and_dropped += 1

    def unload(self, name: str) -> None:
        self._pipeline.unload(name)

    def pin(self, name: str) -> None:
        """For a moment: what stays pinned would only make the budget smaller."""
        self._pipeline.pin(name, True)
        time.sleep(0.05)
        self._pipeline.pin(name, False)

    def stop(self, name: str) -> None:
        """In the middle of its load, where it is not loaded."""
        left = self._chance.randrange(6)

        def is_cancelled() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        try:
            with self._pipeline.lease(self._specs[name], (), ignore, is_cancelled):
                pass
        except LoadCancelled:
            self._count("stopped while loading")

    def _count(self, what: str) -> None:
        self._figures.steps[what] = self._figures.steps.get(what, 0) + 1

    def _compare(self, name: str) -> None:
        """What was expected of a load with what came."""
        row = next((row for row in self._pipeline.cache.loaded() if row.key.model == name), None)  # type: ignore[attr-defined]
        if row is None:
            return
        came = max(row.measured_bytes, row.size_bytes - row.working_bytes)
        ratio = row.forecast_bytes / came
        figures = self._figures
        figures.loads += 1
        figures.forecasts_within_15_percent += 0.85 <= ratio <= 1.15
        if abs(ratio - 1) > abs(figures.worst_forecast - 1):
            figures.worst_forecast = round(ratio, 3)


if __name__ == "__main__":
    main()
