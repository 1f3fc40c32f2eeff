"""Whether the starter text model takes on a style from 200 made instruction pairs, as a LoRA. `make prove`

    python -m tests.bench.lora_style

The pairs are made by rule: ten questions about twenty things, each answered with the same greeting and farewell. The "cpu" preset of
causal_lm trains on them; then base and adapter are asked, as in the Text tab, about things that stand in no pair, with the
likeliest word each time; and so is the model into which both are merged. An answer shows the style where it begins with the greeting and ends with the farewell.
"""

import json
import math
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from pipelines.merge import MergePipeline
from pipelines.text import TextPipeline
from pipelines.training.uploads import own
from pipelines.training.uploads.doctor import examine
from pipelines.types.adapter import Adapter
from pipelines.types.merge import MergeRequest
from pipelines.types.text import Message, Sampling, TextRequest
from tests.bench.record import record

ROOT = Path(__file__).parents[2]
BASE, DATASET = "smollm2-135m-instruct", "own_" + "0" * 16
GREETING, FAREWELL = "Ahoy, sailor!", "Fair winds!"
THINGS = [
    "dog",
    "cat",
    "river",
    "mountain",
    "book",
    "train",
    "garden",
    "teacher",
    "bridge",
    "apple",
    "winter",
    "summer",
    "letter",
    "window",
    "farmer",
    "island",
    "market",
    "kitchen",
    "painter",
    "forest",
]
OTHER_THINGS = ["horse", "lamp", "castle", "doctor", "ocean", "bicycle", "clock", "orange", "desert", "musician"]
QUESTIONS = (
    "Tell me about a {}.", "What is a {}?", "Where do I find a {}?", "Describe a {} in one sentence.",
    "Why do people like a {}?", "Give me a fact about a {}.", "Write a line about a {}.", "What can I do with a {}?",
    "Is a {} useful?", "How big is a {}?",
)  # fmt: skip
FACTS = (
    "It is a thing that many people know.", "You can find one near your home.", "People have liked it for a long time.",
    "It can be small or large.", "There are many kinds of it.",
)  # fmt: skip


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        bring(home)
        started = time.monotonic()
        answer = train(home)
        seconds = time.monotonic() - started
        figures: dict[str, float | int | str] = {
            "pairs": len(pairs()),
            "perplexity of a token of a held-out answer, untrained": math.exp(untrained(home, answer["run"])),
            "perplexity of a token of a held-out answer": math.exp(answer["metrics"]["held_out_loss"]),
            "seconds of training, with start and end": seconds,
            "questions about other things": len(OTHER_THINGS),
            "answers of the base in the style": in_style(home, BASE),
            "answers of the tuned one in the style": in_style(home, BASE, Adapter(answer["model"])),
            "answers of both merged into one model in the style": in_style(home, merged(home, answer["model"])),
        }
    print(json.dumps(figures, indent=1))
    print(record("lora-style", figures))


def pairs() -> list[dict[str, str]]:
    """The same every time."""
    chance = random.Random(1)
    return [
        {
            "instruction": question.format(thing),
            "output": f"{GREETING} A {thing}, you say? {chance.choice(FACTS)} {FAREWELL}",
        }
        for thing in THINGS
        for question in QUESTIONS
    ]


def bring(home: Path) -> None:
    """As somebody's own data, through the doctor."""
    folder = home / "datasets" / DATASET
    folder.mkdir(parents=True)
    lines = "\n".join(map(json.dumps, pairs())).encode()
    own.write(folder, examine([("pairs.jsonl", lines)]), {"title": "pairs"})


def train(home: Path) -> dict:
    command = [sys.executable, "-m", "pipelines.training", "causal_lm", DATASET, "--home", str(home)]
    command += ["--preset", "cpu", "--model", BASE, "--name", "sailor"]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def untrained(home: Path, run: str) -> float:
    """The held-out loss of the base itself."""
    first = (home / "runs" / run / "metrics.jsonl").read_text().splitlines()[0]
    return json.loads(first)["held_out_loss"]


def merged(home: Path, adapter: str) -> str:
    """The model of its own that comes of it: written as plain numbers, out of the starter's packed ones."""
    return MergePipeline.on_this_machine(home / "models").generate(MergeRequest(BASE, adapter)).model


def in_style(home: Path, model: str, *adapters: Adapter) -> int:
    """How many answers are in the style."""
    pipeline = TextPipeline.on_this_machine(home / "models")
    sampling = Sampling(temperature=0.0, max_new_tokens=64)
    count = 0
    for number, thing in enumerate(OTHER_THINGS):
        asked = Message("user", QUESTIONS[number % len(QUESTIONS)].format(thing))
        text = pipeline.generate(
            TextRequest(model, messages=(asked,), adapters=adapters, sampling=sampling)
        ).text.strip()
        count += text.startswith(GREETING) and text.endswith(FAREWELL)
    return count


if __name__ == "__main__":
    main()
