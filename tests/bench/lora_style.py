"""Whether the starters take on a style: the one that writes from 200 made instruction pairs, the one that draws from ten pictures.
All of it by the page, in a browser. `make prove`

    python -m tests.bench.lora_style [--only words | pictures]

The pairs are made by rule: ten questions about twenty things, each answered with the same greeting and farewell. The pictures are
ten of OpenMoji on a blue ground, where the base draws on white. Both are uploaded in the Training tab, a LoRA is started there
with its CPU preset and watched to its end; one press chooses it in the Text or the Image tab. Base and tuned are asked there for
what stands in no example: the text model with the likeliest word each time, also once adapter and base are merged into one model;
the picture model with the same seeds. An answer shows the style where it begins with the greeting and ends with the farewell, a
picture where the ground along its edges is nearer to the blue than to white.
"""

import argparse
import io
import json
import math
import random
import re
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import Page, expect, sync_playwright

from pipelines.loading.starter import default_cache_folder
from pipelines.training.datasets import openmoji
from pipelines.training.metrics import read_metrics
from tests import chromium
from tests.bench.record import record
from tests.browser import draw
from tests.browser.conftest import ARGUMENTS, WAIT_MILLISECONDS
from tests.browser.talk import (
    ask,
    open_more,
    open_tab,
    paste_in,
    set_number,
    settle,
    type_in,
    wait_until_done,
    wait_until_open,
)
from tests.server import StudioServer

if TYPE_CHECKING:
    from PIL import Image

RUN_MILLISECONDS = 1_800_000  # of a machine that has other work
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
BLUE, WHITE = (31, 58, 147), (255, 255, 255)
PICTURES = 10


def main() -> None:
    parts = {"words": ("lora-style", words), "pictures": ("lora-style-pictures", pictures)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=sorted(parts))
    only = parser.parse_args().only
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        scratch = Path(folder)
        server = StudioServer(scratch / "home").start()
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=ARGUMENTS)
        expect.set_options(timeout=WAIT_MILLISECONDS)
        try:
            page = browser.new_page(locale="en-US", viewport={"width": 1440, "height": 900})
            page.set_default_timeout(WAIT_MILLISECONDS)
            page.goto(server.url)
            wait_until_open(page)
            for part, (name, measure) in parts.items():
                if only in (None, part):
                    print(record(name, {"by": "a browser, at the page", **measure(page, server.home, scratch)}))
        finally:
            browser.close()
            server.stop()


# ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


def words(page: Page, home: Path, scratch: Path) -> dict[str, float | int | str]:
    # 1 The base
    plain = in_style(page)

    # 2 The pairs are uploaded, and the LoRA is trained
    file = scratch / "pairs.jsonl"
    file.write_text("\n".join(map(json.dumps, pairs())))
    run = train(page, home, "Language model, tuned (LoRA, prefix, full)", file, "200 dialogues", "Sailor")
    curve = read_metrics(run / "metrics.jsonl")

    # 3 One press lays it over its base in the Text tab; merged it is a model of its own
    page.locator('#training-model [data-action="merge"]').click()
    merged = home / "models" / "sailor-merged" / "model.json"
    page.locator('#training-model [data-action="use"]').click()
    expect(page.get_by_role("tab", name="Text", exact=True)).to_have_attribute("aria-selected", "true")
    open_more(page)
    adapter = page.locator("#text-adapter input, #text-adapter textarea").first
    expect(adapter).to_have_value("sailor")
    tuned = in_style(page)
    while not merged.exists():
        page.wait_for_timeout(500)
    paste_in(adapter, "")
    settle(page)
    model = page.locator("#text-model input")
    model.fill("sailor-merged")
    model.press("Enter")
    model.press("Tab")
    expect(model).to_have_value(re.compile("sailor-merged · "))
    settle(page)
    return {
        "pairs": len(pairs()),
        "perplexity of a token of a held-out answer, untrained": math.exp(curve[0]["held_out_loss"]),
        "perplexity of a token of a held-out answer": math.exp(curve[-1]["held_out_loss"]),
        "seconds of training": curve[-1]["seconds"],
        "questions about other things": len(OTHER_THINGS),
        "answers of the base in the style": plain,
        "answers of the tuned one in the style": tuned,
        "answers of both merged into one model in the style": in_style(page),
    }


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


def in_style(page: Page) -> int:
    """How many answers of what is chosen in the Text tab are in the style, each in a conversation of its own."""
    open_tab(page, "Text")
    set_number(page, "temperature", 0)
    set_number(page, "max-new-tokens", 64)
    found = 0
    for number, thing in enumerate(OTHER_THINGS):
        page.locator("#text-new").click()
        expect(page.locator("#text-chat [data-testid=user]")).to_have_count(0)
        settle(page)
        ask(page, QUESTIONS[number % len(QUESTIONS)].format(thing))
        answer = wait_until_done(page).strip()
        found += answer.startswith(GREETING) and answer.endswith(FAREWELL)
    return found


# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def pictures(page: Page, home: Path, scratch: Path) -> dict[str, float | int | str]:
    # 1 What is learnt, what is asked for, and the base
    chosen = random.Random(1).sample(openmoji.read_entries(), 2 * PICTURES)
    asked = [entry.en for entry in chosen[PICTURES:]]
    draw.open_images(page)
    plain = on_blue(page, asked)

    # 2 The pictures are uploaded with their names, and the LoRA is trained
    file = scratch / "blue.zip"
    file.write_bytes(packed(chosen[:PICTURES]))
    trainer = "Style or thing for a model that draws (LoRA)"
    run = train(page, home, trainer, file, f"{PICTURES} pictures with captions", "Blue ground")
    curve = read_metrics(run / "metrics.jsonl")

    # 3 One press lays it over its base in the Image tab
    page.locator('#training-model [data-action="use"]').click()
    expect(page.get_by_role("tab", name="Image", exact=True)).to_have_attribute("aria-selected", "true")
    expect(page.locator("#image-adapters-offered [aria-pressed=true]")).to_have_text("blue-ground")
    return {
        "pictures": PICTURES,
        "error of the noise of a held-out picture, untrained": curve[0]["denoising_error"],
        "error of the noise of a held-out picture": curve[-1]["denoising_error"],
        "seconds of training on pictures": curve[-1]["seconds"],
        "pictures of other things": len(asked),
        "pictures of the base on blue": plain,
        "pictures of the tuned one on blue": on_blue(page, asked),
    }


def packed(entries: Sequence[openmoji.Entry]) -> bytes:
    """The ZIP that is uploaded: each on a blue ground, beside it a text with its name."""
    found = io.BytesIO()
    drawn = openmoji.draw(entries, openmoji.SIDE_PIXELS, default_cache_folder() / "packages")
    with zipfile.ZipFile(found, "w") as archive:
        for entry, picture in zip(entries, drawn, strict=True):
            file = io.BytesIO()
            blued(picture).save(file, "PNG")
            archive.writestr(f"{entry.picture}.png", file.getvalue())
            archive.writestr(f"{entry.picture}.txt", entry.en)
    return found.getvalue()


def blued(picture: "Image.Image") -> "Image.Image":
    """Blue where it was white: what lies around the drawing, from its corners."""
    from PIL import ImageDraw

    made = picture.convert("RGB")
    for corner in ((0, 0), (made.width - 1, 0), (0, made.height - 1), (made.width - 1, made.height - 1)):
        ImageDraw.floodfill(made, corner, BLUE, thresh=60)
    return made


def on_blue(page: Page, asked: Sequence[str]) -> int:
    """How many pictures of what is chosen in the Image tab have a ground nearer to blue than to white."""
    draw.count(page, 1)
    found = 0
    for number, text in enumerate(asked):
        draw.say(page, text)
        draw.enter(page, "seed", str(number))
        draw.make(page)
        found += is_on_blue(draw.shown_picture(page))
    return found


def is_on_blue(picture: "Image.Image") -> bool:
    import numpy

    pixels = numpy.asarray(picture.convert("RGB"))
    is_ground = numpy.ones(pixels.shape[:2], dtype=bool)
    band = pixels.shape[0] // 8  # what is drawn seldom reaches into it; the very edge alone is the decoder's as much
    is_ground[band:-band, band:-band] = False
    colour = numpy.median(pixels[is_ground], axis=0)
    return bool(numpy.linalg.norm(colour - BLUE) < numpy.linalg.norm(colour - WHITE))


# ── training ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def train(page: Page, home: Path, trainer: str, file: Path, counted: str, name: str) -> Path:
    """Choose a trainer, bring the data, start, watch until it is finished; the folder of the run."""
    # 1 What is trained, and on what
    open_tab(page, "Training")
    expect(page.locator("#training-set-plan-steps")).to_be_visible()
    settle(page)
    field = page.locator("#training-trainer input")
    field.click()
    page.get_by_role("option", name=trainer, exact=True).click()
    expect(page.locator("#training-base")).to_be_visible()
    settle(page)
    if not page.locator("#training-bring input[type=file]").count():
        page.locator("#training-bring-part button").first.click()
    page.locator("#training-bring input[type=file]").set_input_files(file)
    expect(page.locator("#training-data")).to_contain_text(counted)
    expect(field).to_have_value(trainer)
    type_in(page.locator("#training-name").get_by_role("textbox"), name)

    # 2 Started, and seen to learn
    before = {path.name for path in (home / "runs").glob("*")}
    page.locator("#training-start").click()
    expect(page.locator("#training-head h3")).to_have_text(name)
    expect(page.locator("#training-curves polyline").first).to_be_visible(timeout=RUN_MILLISECONDS)
    expect(page.locator("#training-head [role=status]")).to_contain_text("finished", timeout=RUN_MILLISECONDS)
    expect(page.locator("#training-model")).to_contain_text(name.lower().replace(" ", "-"))
    (run,) = [path for path in (home / "runs").glob("*") if path.name not in before and path.is_dir()]
    return run


if __name__ == "__main__":
    main()
