"""How fast text is: `make bench`. Every figure is the median of repeated pairs measured in one run.

    first page     `python app.py` until the page is there, against `python -c "import gradio"`
    in a browser   tokens/s of an answer that a Chromium on the same cores shows while it is written
    one answer     tokens/s that a client sees through the queue, against the engine called bare with the same request
    four answers   four at once through the queue, against one
    transformers   the bare engine against transformers' float32 `generate` on the same weights
    second load    from the cache of starter models to ready, in a process of its own

Rates count the tokens that the model made over the whole time that the caller waited, prompt and queue included.
"""

import argparse
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from urllib.request import urlopen

from gradio_client import Client
from playwright.sync_api import expect, sync_playwright

from pipelines.loading.openvino import import_openvino_genai
from pipelines.text import TextPipeline
from pipelines.types.events import ignore
from pipelines.types.text import Sampling, TextRequest
from tests import chromium
from tests.bench.record import record
from tests.browser.conftest import ARGUMENTS
from tests.server import ROOT, StudioServer

MODEL = "smollm2-135m-instruct"
PROMPT = "Write a very long story about a river that wanted to see the sea, with many chapters."
NEW_TOKENS = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    pairs = parser.parse_args().pairs
    figures: dict[str, float | int | str] = {"pairs": pairs, "model": MODEL, "tokens of an answer": NEW_TOKENS}
    figures |= measure_first_page(pairs)
    figures |= measure_answers(pairs)
    figures |= measure_transformers(pairs)
    figures |= measure_second_load(pairs)
    print(record("speed", figures))


def measure_first_page(pairs: int) -> dict[str, float | int | str]:
    pages, imports = [], []
    for _ in range(pairs):
        imports.append(_seconds(lambda: subprocess.run([sys.executable, "-c", "import gradio"], check=True, cwd=ROOT)))
        with tempfile.TemporaryDirectory() as folder:
            server = StudioServer(Path(folder) / "home")
            start = time.perf_counter()
            server.start(is_worker_awaited=False)
            urlopen(server.url, timeout=30).read()
            pages.append(time.perf_counter() - start)
            server.stop()
    page, importing = statistics.median(pages), statistics.median(imports)
    return {
        "first page, seconds": page,
        "import gradio, seconds": importing,
        "first page / import gradio": statistics.median(p / i for p, i in zip(pages, imports, strict=True)),
    }


def measure_answers(pairs: int) -> dict[str, float | int | str]:
    """Through the queue and bare, in turns; then one after another and four at once, in turns."""
    pipeline = TextPipeline.on_this_machine()
    bare = BareEngine(pipeline)
    seeds = _seeds_of_long_answers(pipeline, count=4)
    with tempfile.TemporaryDirectory() as folder:
        server = StudioServer(Path(folder) / "home").start()
        client = Client(server.url, verbose=False)

        def ask(seed: int) -> int:
            """One request through the queue; the tokens of its answer."""
            text = client.predict(
                prompt=PROMPT, model=MODEL, max_new_tokens=NEW_TOKENS, temperature=0.7, seed=seed,
                api_name="/generate_text",
            )  # fmt: skip
            return bare.count(text)

        ask(seeds[0])
        bare.generate(seeds[0])
        through, direct, alone, together = [], [], [], []
        for pair in range(pairs):
            seed = seeds[pair % len(seeds)]
            direct.append(_rate(partial(bare.generate, seed)))
            through.append(_rate(partial(ask, seed)))
        for _ in range(pairs):
            alone.append(_rate(lambda: sum(ask(seed) for seed in seeds)))
            together.append(_rate(lambda: _at_once(ask, seeds)))
        shown = _rates_in_a_browser(server, pairs)
        server.stop()
    return {
        "bare engine, tokens/s": statistics.median(direct),
        "through the queue, tokens/s": statistics.median(through),
        "through the queue / bare engine": statistics.median(t / d for t, d in zip(through, direct, strict=True)),
        "read in a browser, tokens/s": statistics.median(shown),
        "four one after another, tokens/s": statistics.median(alone),
        "four at once, tokens/s": statistics.median(together),
        "four at once / one after another": statistics.median(t / a for t, a in zip(together, alone, strict=True)),
    }


def measure_transformers(pairs: int) -> dict[str, float | int | str]:
    """The bare engine against transformers' float32 `generate`: the same weights, prompt and number of tokens, greedy."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    pipeline = TextPipeline.on_this_machine()
    bare = BareEngine(pipeline)
    (packed,) = pipeline.starters.folder(MODEL, ignore).glob("*.gguf")
    tokenizer = AutoTokenizer.from_pretrained(packed.parent, gguf_file=packed.name)
    model = AutoModelForCausalLM.from_pretrained(packed.parent, gguf_file=packed.name, dtype=torch.float32)
    prompt = tokenizer(PROMPT, return_tensors="pt")

    def generate() -> int:
        answer = model.generate(**prompt, max_new_tokens=128, min_new_tokens=128, do_sample=False)
        return int(answer.shape[1] - prompt["input_ids"].shape[1])

    generate()
    bare.generate(0, new_tokens=128)
    slow, fast = [], []
    for _ in range(pairs):
        slow.append(_rate(generate))
        fast.append(_rate(lambda: bare.generate(0, new_tokens=128)))
    return {
        "transformers float32, tokens/s": statistics.median(slow),
        "bare engine / transformers": statistics.median(f / s for f, s in zip(fast, slow, strict=True)),
    }


def measure_second_load(pairs: int) -> dict[str, float | int | str]:
    """A process that has its imports done loads the starter from the cache folder, as a worker does."""
    loads = []
    for _ in range(pairs):
        told = subprocess.run([sys.executable, "-c", LOAD], capture_output=True, text=True, check=True, cwd=ROOT)
        loads.append(float(told.stdout))
    return {"second load of the starter, seconds": statistics.median(loads)}


LOAD = f"""
from pipelines.text import TextPipeline
from pipelines.types.text import Sampling, TextRequest
pipeline = TextPipeline.on_this_machine()
print(pipeline.generate(TextRequest({MODEL!r}, text="Hi", sampling=Sampling(max_new_tokens=1))).seconds_load)
"""


class BareEngine:
    """OpenVINO GenAI called directly, without a pipeline, a job or a page."""

    def __init__(self, pipeline: TextPipeline) -> None:
        self._genai = import_openvino_genai()
        scheduler = self._genai.SchedulerConfig()
        scheduler.cache_size = 1
        scheduler.enable_prefix_caching = True
        folder = pipeline.starters.folder(MODEL, ignore)
        self._engine = self._genai.ContinuousBatchingPipeline(str(folder), scheduler, "CPU", {})
        self._tokenizer = self._engine.get_tokenizer()

    def generate(self, seed: int, new_tokens: int = NEW_TOKENS) -> int:
        """One answer to PROMPT; the number of its tokens."""
        config = self._engine.get_config()
        config.max_new_tokens = config.min_new_tokens = new_tokens
        config.do_sample, config.temperature, config.rng_seed = True, 0.7, seed
        config.top_p, config.top_k, config.repetition_penalty = 0.9, 40, 1.1
        prompt = self._tokenizer.apply_chat_template([{"role": "user", "content": PROMPT}], add_generation_prompt=True)
        (answer,) = self._engine.generate(prompt, config)
        return self.count(answer.m_generation_ids[0])

    def count(self, text: str) -> int:
        return int(self._tokenizer.encode(text, add_special_tokens=False).input_ids.shape[1])


def _seeds_of_long_answers(pipeline: TextPipeline, count: int) -> list[int]:
    """Seeds with which the answer does not end early, so that what is timed is mostly decoding."""
    seeds: list[int] = []
    for seed in range(200):
        request = TextRequest(MODEL, "chat", text=PROMPT, sampling=Sampling(max_new_tokens=NEW_TOKENS, seed=seed))
        if pipeline.generate(request).finish_reason == "length":
            seeds.append(seed)
        if len(seeds) == count:
            return seeds
    raise RuntimeError(f"fewer than {count} of 200 seeds gave an answer of {NEW_TOKENS} tokens")


def _rates_in_a_browser(server: StudioServer, count: int) -> list[float]:
    """Tokens/s of answers that a Chromium on the same cores shows while they are written, from Send to the last token."""
    rates = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=ARGUMENTS)
        page = browser.new_page(locale="en-US")
        page.goto(server.url)
        for _ in range(count):
            page.locator("#text-new").click()
            page.locator("#text-prompt textarea").fill(PROMPT)
            start = time.perf_counter()
            page.locator("#text-send").click()
            facts = page.locator("#text-facts")
            expect(facts).to_contain_text("seed", timeout=60_000)
            seconds = time.perf_counter() - start
            told = re.search(r"([\d,]+) tokens ·", facts.inner_text())
            assert told is not None
            rates.append(int(told[1].replace(",", "")) / seconds)
        browser.close()
    return rates


def _at_once(ask: Callable[[int], int], seeds: list[int]) -> int:
    with ThreadPoolExecutor(len(seeds)) as people:
        return sum(people.map(ask, seeds))


def _rate(work: Callable[[], int]) -> float:
    """Tokens per second of `work`, which says how many it made."""
    start = time.perf_counter()
    tokens = work()
    return tokens / (time.perf_counter() - start)


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
