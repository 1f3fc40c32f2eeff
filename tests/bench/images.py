"""How fast pictures are: `python -m tests.bench.images [--model FOLDER or id]`. Medians of pairs measured in one run.

    pipeline    steps/s of ImagePipeline with its previews, against the bare diffusers call with the same weights and seeds
    previews    ImagePipeline with previews against itself without them
    studio      steps/s of one picture by a job of a running studio, against the bare call; previews are made and kept
    page        the same, asked for in a Chromium that shows it on its way, on the same processors

A rate counts the denoising steps over the whole call: words, steps, decoding. Whoever is first in a pair takes turns.
The same by CPU time tells more on a machine that has other work.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from gradio_client import Client
from playwright.sync_api import sync_playwright

import pipelines.diffusion.previews
from pipelines.image import ImagePipeline
from pipelines.loading.placement.devices import wait_asleep
from pipelines.types.events import Preview
from pipelines.types.image import ImageRequest
from tests import chromium
from tests.bench.record import record
from tests.browser import draw
from tests.browser.conftest import ARGUMENTS
from tests.server import StudioServer

STARTER = "openmoji-128"
PROMPT = "a red apple"
SEED = 1
PAGE_STEPS = 300  # so that a person sees them go by


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=STARTER, help="a catalog id or a folder in diffusers' layout")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--count", type=int, default=8, help="pictures in a batch")
    parser.add_argument("--steps", type=int, default=60, help="denoising steps: enough that there are previews")
    asked = parser.parse_args()
    wait_asleep()  # as the studio does: both sides compute with threads that sleep while they wait
    bench = Bench(asked.model, asked.count, asked.steps)
    figures = bench.about() | bench.measure(asked.pairs) | measure_studio(asked.model, asked.steps, asked.pairs)
    print(record("images", figures | measure_page(asked.model, asked.pairs)))


class Bench:
    """One model, loaded twice: by ImagePipeline and by diffusers alone."""

    def __init__(self, model: str, count: int, steps: int | None) -> None:
        import diffusers

        self.images = ImagePipeline.on_this_machine()
        self.previews = 0
        first = self.images.generate(ImageRequest(model, prompt=PROMPT, seed=SEED, count=count, steps=steps))
        self.request = first.request
        self.result = first
        spec = self.images.catalog.find(model)
        folder = self.images.starters.folder(spec.location, print) if spec.source == "starter" else Path(spec.location)
        self.bare = diffusers.DiffusionPipeline.from_pretrained(folder, dtype=self._dtype()).to(self.images.device)
        self.bare.set_progress_bar_config(disable=True)

    def about(self) -> dict[str, float | int | str]:
        request = self.request
        return {
            "model": Path(request.model).name,
            "pictures": request.count,
            "pixels": f"{request.width} × {request.height}",
            "steps": request.steps or 0,
            "8 bits that differ from the bare call": self._difference(),
        }

    def measure(self, pairs: int) -> dict[str, float | int | str]:
        through, direct = _pairs(pairs, self._through, self._direct)
        with_previews, without = _pairs(pairs, self._through, self._without_previews)
        steps = self.request.steps or 1
        return {
            "pairs": pairs,
            "bare diffusers, steps/s": steps / statistics.median(cost.wall for cost in direct),
            "through the pipeline, steps/s": steps / statistics.median(cost.wall for cost in through),
            "seconds for all pictures": statistics.median(cost.wall for cost in through),
            "speed through the pipeline / bare diffusers": _ratio(direct, through, "wall"),
            "speed through the pipeline / bare diffusers, by CPU time": _ratio(direct, through, "cpu"),
            "previews of a run": self.previews / (2 * pairs + 2),
            "cost of previews, share of the time": 1 - _ratio(without, with_previews, "wall"),
            "cost of previews, share of the CPU time": 1 - _ratio(without, with_previews, "cpu"),
        }

    def _through(self) -> None:
        shown: list[Preview] = []
        self.images.generate(self.request, lambda event: shown.append(event) if isinstance(event, Preview) else None)
        self.previews += len(shown)

    def _without_previews(self) -> None:
        usual, pipelines.diffusion.previews.EVERY_SECONDS = pipelines.diffusion.previews.EVERY_SECONDS, float("inf")
        self.images.generate(self.request)
        pipelines.diffusion.previews.EVERY_SECONDS = usual

    def _direct(self) -> list:
        import torch

        request = self.request
        return self.bare(
            request.prompt,
            width=request.width,
            height=request.height,
            num_inference_steps=request.steps,
            guidance_scale=request.guidance_scale,
            num_images_per_prompt=request.count,
            generator=[torch.Generator().manual_seed(SEED + number) for number in range(request.count)],
        ).images

    def _difference(self) -> int:
        """The largest difference of a pixel between both ways: they do the same work."""
        import numpy

        pairs = zip(self.result.images, self._direct(), strict=True)
        return max(int(numpy.abs(numpy.asarray(a).astype(int) - numpy.asarray(b).astype(int)).max()) for a, b in pairs)

    def _dtype(self) -> object:
        import torch

        return getattr(torch, self.images.place.dtype)


def measure_studio(model: str, steps: int, pairs: int) -> dict[str, float | int | str]:
    """One picture at a time, by a client of a studio in a process of its own."""
    bench = Bench(model, 1, steps)
    with tempfile.TemporaryDirectory() as folder:
        server = StudioServer(Path(folder) / "home").start()
        try:
            client = Client(server.url, verbose=False)

            def ask() -> None:
                client.predict(prompt=PROMPT, model=model, steps=steps, seed=SEED, api_name="/generate_image")

            _, direct = _pairs(pairs, ask, bench._direct)
            rate = statistics.median(_rates(server))
        finally:
            server.stop()
    bare = steps / statistics.median(cost.wall for cost in direct)
    return {
        "one picture, bare diffusers, steps/s": bare,
        "one picture, by a job of the studio, steps/s": rate,
        "speed by a job of the studio / bare diffusers": rate / bare,
    }


def measure_page(model: str, pairs: int) -> dict[str, float | int | str]:
    """One picture at a time, by a person at the page: the browser shows steps and previews meanwhile."""
    bench = Bench(model, 1, PAGE_STEPS)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = StudioServer(Path(folder) / "home").start()
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=ARGUMENTS)
        try:
            page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
            page.goto(server.url)
            draw.open_images(page)
            draw.say(page, PROMPT)
            draw.enter(page, "steps", str(PAGE_STEPS))
            draw.count(page, 1)

            def ask() -> None:
                ended = len(list(server.home.glob("jobs/*/end.json")))
                draw.run(page)
                while len(list(server.home.glob("jobs/*/end.json"))) == ended:
                    time.sleep(0.5)  # looking more often, and through the browser, would itself take from the two cores

            _, direct = _pairs(pairs, ask, bench._direct)
            rates = _rates(server)[1:]
        finally:
            browser.close()
            server.stop()
    bare = [PAGE_STEPS / cost.wall for cost in direct]
    ratios = [through / alone for through, alone in zip(rates, bare, strict=True)]
    return {
        "one picture of many steps, bare diffusers, steps/s": statistics.median(bare),
        "one picture of many steps, at the page, steps/s": statistics.median(rates),
        "speed at the page / bare diffusers": statistics.median(ratios),
    }


def _rates(server: StudioServer) -> list[float]:
    """Steps a second of every picture that is done, the oldest first."""
    ends = sorted(server.home.glob("jobs/*/end.json"), key=lambda path: path.stat().st_mtime)
    results = [json.loads(path.read_text())["result"] for path in ends]
    return [result["steps_done"] / result["seconds"] for result in results]


class Cost(NamedTuple):
    """Seconds of a call, by the clock and on the processors."""

    wall: float
    cpu: float


def _pairs(pairs: int, first: Callable[[], object], second: Callable[[], object]) -> tuple[list[Cost], list[Cost]]:
    """The costs of both, called in alternating order; a pair before them warms up."""
    costs: tuple[list[Cost], list[Cost]] = [], []
    for pair in range(pairs + 1):
        for which in (0, 1) if pair % 2 else (1, 0):
            costs[which].append(_cost((first, second)[which]))
    return costs[0][1:], costs[1][1:]


def _cost(work: Callable[[], object]) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Cost(time.perf_counter() - wall, time.process_time() - cpu)


def _ratio(above: list[Cost], below: list[Cost], which: str) -> float:
    """The median over the pairs."""
    return statistics.median(getattr(a, which) / getattr(b, which) for a, b in zip(above, below, strict=True))


if __name__ == "__main__":
    main()
