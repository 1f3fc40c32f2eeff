"""What the memory of models does: a long random walk, switches, loads, and text beside pictures. `make prove`.

    walk           300 steps over ten models of text and image under half of what they take together (tests/pipelines/walk.py)
    resident       a lease of one of two idle models that are both in memory, in turns
    warm switch    the same where only one has room and the other is parked, in turns; without a GPU nothing is copied
    cold load      a model of text of 1 GB, and one of pictures, from files that the system has in its cache, against reading them
    beside         an answer by OpenVINO and the denoising of a picture in one process, against each alone

The file cache of the machine is not emptied: the reading that a load is compared with comes from memory as well.
"""

import argparse
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from pipelines.image import ImagePipeline
from pipelines.loading.memory.cache import ModelCache
from pipelines.loading.memory.ledger import OwnLedger
from pipelines.loading.placement.devices import CPU
from pipelines.text import TextPipeline
from pipelines.types.events import ignore
from pipelines.types.image import ImageRequest
from pipelines.types.text import Sampling, TextRequest
from tests.bench.record import record
from tests.pipelines.tiny_texts import save_causal
from tests.pipelines.walk import make_sd, walk_in_a_process
from tests.server import ROOT

STARTER = "smollm2-135m-instruct"
ANSWER_TOKENS = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pairs", type=int, default=5)
    options = parser.parse_args()
    figures = measure_walk(options.steps, options.seed)
    with tempfile.TemporaryDirectory() as folder:
        figures |= measure_switch(Path(folder), options.pairs)
        figures |= measure_cold_load(Path(folder), options.pairs)
        figures |= measure_beside(Path(folder), options.pairs)
    print(record("memory", figures))


def measure_walk(steps: int, seed: int) -> dict[str, float | int | str]:
    walked = walk_in_a_process(steps, seed, "small")
    return {
        "models": walked.models,
        "all together, MB": round(walked.sum_bytes / 1e6),
        "budget, MB": round(walked.budget_bytes / 1e6),
        "most at once above the base, MB": round(walked.most_bytes / 1e6),
        "most / budget": walked.most_bytes / walked.budget_bytes,
        "base, MB": round(walked.base_bytes / 1e6),
        "left after unload all / base": walked.end_bytes / walked.base_bytes,
        **{f"steps: {kind}": count for kind, count in sorted(walked.steps.items())},
        "loads": walked.loads,
        "loads forecast within 15 %": walked.forecasts_within_15_percent / walked.loads,
        "leased models that went": walked.leased_and_dropped,
        "errors": len(walked.errors),
        "stuck": int(walked.is_stuck),
    }


def measure_switch(folder: Path, pairs: int) -> dict[str, float | int | str]:
    wide = {"hidden_size": 768, "num_hidden_layers": 8, "intermediate_size": 2048, "head_dim": 64}
    pipeline = TextPipeline.on_this_machine(device="cpu", cache_folder=folder / "cache")
    specs = [pipeline.catalog.find(str(save_causal(folder / name, "Llama", **wide))) for name in ("one", "two")]
    seconds = []
    for spec in specs * (pairs + 1):
        seconds.append(_seconds(lambda spec=spec: _lease(pipeline, spec)))  # type: ignore[misc]
    row = pipeline.cache.loaded()[0]
    room = OwnLedger(int(1.5 * row.size_bytes) + row.about.forecast.working_bytes)  # for one that works, not for two
    cache = ModelCache(room, "cuda", OwnLedger(10**12))
    parking = TextPipeline(pipeline.catalog, cache, pipeline.starters, CPU)
    switched = [_seconds(lambda spec=spec: _lease(parking, spec)) for spec in specs * (pairs + 1)]  # type: ignore[misc]
    return {
        "between two idle resident models, seconds": max(seconds[2:]),
        "warm switch by parking (no GPU), seconds": max(switched[2:]),
    }


def measure_cold_load(folder: Path, pairs: int) -> dict[str, float | int | str]:
    wide = {"hidden_size": 2048, "num_hidden_layers": 8, "intermediate_size": 5632, "head_dim": 128}
    text = save_causal(folder / "large", "Llama", **wide)
    make_sd(folder / "sd-large", (448, 896))
    return _cold_load(text, "", pairs) | _cold_load(folder / "sd-large", " of pictures", pairs)


def _cold_load(target: Path, what: str, pairs: int) -> dict[str, float | int | str]:
    weights = list(target.rglob("*.safetensors"))
    told = [
        subprocess.run(
            [sys.executable, "-c", COLD_LOAD, str(target), *map(str, weights)],
            capture_output=True, text=True, check=True, cwd=ROOT,
        ).stdout.split()
        for _ in range(pairs)
    ]  # fmt: skip
    reads, loads = ([float(row[at]) for row in told] for at in (0, 1))
    return {
        f"cold load{what} of, MB": round(sum(file.stat().st_size for file in weights) / 1e6),
        f"reading the files{what}, seconds": statistics.median(reads),
        f"cold load{what}, seconds": statistics.median(loads),
        f"cold load / reading{what}": statistics.median(load / read for load, read in zip(loads, reads, strict=True)),
    }


# In a process whose imports are done, as a worker's are after its first model.
COLD_LOAD = """
import sys, time
from pathlib import Path
from pipelines.text import TextPipeline
from pipelines.types.events import ignore
from tests.pipelines.tiny_texts import save_causal
from tests.pipelines.walk import make_sd
import tempfile
with tempfile.TemporaryDirectory() as folder:
    pipeline = TextPipeline.on_this_machine(device="cpu", cache_folder=Path(folder))
    make_sd(Path(folder) / "sd-tiny", (32, 64))
    for tiny in (save_causal(Path(folder) / "tiny"), Path(folder) / "sd-tiny"):
        with pipeline.lease(pipeline.catalog.find(str(tiny)), (), ignore):
            pass
started = time.perf_counter()
held = [Path(name).read_bytes() for name in sys.argv[2:]]
read = time.perf_counter() - started
del held
started = time.perf_counter()
with pipeline.lease(pipeline.catalog.find(sys.argv[1]), (), ignore):
    print(read, time.perf_counter() - started)
"""


def measure_beside(folder: Path, pairs: int) -> dict[str, float | int | str]:
    """Tokens and denoising steps a second: alone, together in this process, and with the text in another process."""
    text = TextPipeline.on_this_machine(device="cpu")
    images = ImagePipeline.beside(text)
    make_sd(folder / "sd", (128, 256))
    picture = ImageRequest(str(folder / "sd"), prompt="a cat", width=128, height=128, steps=20, seed=1)
    answer = TextRequest(
        STARTER, "write", text="A long story.", sampling=Sampling(max_new_tokens=ANSWER_TOKENS, seed=2)
    )

    def draw() -> float:
        return images.generate(picture).steps_per_second

    def write() -> float:
        return text.generate(answer).decode_tokens_per_second

    # In turns, since the machine has other work too; the other process sleeps in between
    draw(), write()
    other = subprocess.Popen([sys.executable, "-c", WRITE_FOR_EVER], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert other.stdout is not None
    other.stdout.readline()
    alone, together, apart = [], [], []
    for _ in range(pairs):
        other.send_signal(signal.SIGSTOP)
        alone.append((draw(), write()))
        together.append(_while_running(draw, write))
        other.send_signal(signal.SIGCONT)
        apart.append(draw())
    other.kill()
    other.wait()
    return {
        "pictures alone, steps/s": statistics.median(steps for steps, _ in alone),
        "pictures beside text, steps/s": statistics.median(steps for steps, _ in together),
        "pictures beside text in another process, steps/s": statistics.median(apart),
        "text alone, tokens/s": statistics.median(tokens for _, tokens in alone),
        "text beside pictures, tokens/s": statistics.median(tokens for _, tokens in together),
    }


WRITE_FOR_EVER = f"""
from pipelines.text import TextPipeline
from pipelines.types.text import Sampling, TextRequest
pipeline = TextPipeline.on_this_machine(device="cpu")
while True:
    pipeline.generate(TextRequest({STARTER!r}, "write", text="A long story.", sampling=Sampling(max_new_tokens=100, seed=2)))
    print("written", flush=True)
"""


def _while_running(draw: Callable[[], float], write: Callable[[], float]) -> tuple[float, float]:
    """(steps/s of a picture while text is written all along, tokens/s of that text)."""
    is_over, rates = threading.Event(), []

    def write_on() -> None:
        while not is_over.is_set():
            rates.append(write())

    writer = threading.Thread(target=write_on)
    writer.start()
    time.sleep(0.5)
    steps = draw()
    is_over.set()
    writer.join()
    return steps, rates[0]


def _lease(pipeline: TextPipeline, spec: object) -> None:
    with pipeline.lease(spec, (), ignore):  # type: ignore[arg-type]
        pass


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
