"""How soon a talk answers: `python -m tests.bench.talk`.

A browser holds the button while a recording of a question is in the room, lets go when it ends, and counts the seconds until
the first sound of the answer plays. The recordings are said by the starter model for speech, the first turn is with no model
in memory but those that came while it was spoken, the others with all of them.
"""

import os
import statistics
import tempfile
import time
from pathlib import Path

from gradio_client import Client
from playwright.sync_api import Page, expect, sync_playwright

from studio.identity import Identity
from tests import chromium
from tests.bench.record import record
from tests.browser.conftest import ARGUMENTS, WAIT_MILLISECONDS
from tests.browser.microphone import TELL_WHEN_SILENT, let_hear, say_while_holding, silence
from tests.browser.talk import ENGINE_MILLISECONDS, open_tab, wait_until_open
from tests.server import StudioServer

QUESTIONS = (
    "Hello, how are you today?",
    "What is the capital of France?",
    "Can you tell me a short story about a cat?",
    "Why is the sky blue?",
    "What should I cook for dinner tonight?",
    "Who wrote the play Romeo and Juliet?",
)


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        recordings = said(Path(folder) / "voice")
        studio = StudioServer(Path(folder) / "home").start()
        try:
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium.find(), args=ARGUMENTS)
                expect.set_options(timeout=WAIT_MILLISECONDS)
                page = browser.new_page()
                page.goto(studio.url)
                wait_until_open(page)
                open_tab(page, "Multimodal")
                open_tab(page, "Talk")
                turns = [turn(page, wav) for wav in recordings]
                browser.close()
        finally:
            studio.stop()
    warm = turns[1:]
    figures = {
        "load of the machine": os.getloadavg()[0],
        "turns": len(turns),
        "first sound after seconds, first turn": turns[0]["first"],
        "first sound after seconds, median of the others": statistics.median(one["first"] for one in warm),
        "first sound after seconds, most of the others": max(one["first"] for one in warm),
        "of which on the server, median": statistics.median(one["server"] for one in warm),
        "answers that were still being written at the first sound": sum(one["written"] for one in turns),
        "silent after Stop, seconds, most": max(one["stop"] for one in turns),
    }
    print(record("talk", figures))


def said(home: Path) -> list[bytes]:
    """The questions as recordings. In a studio of its own: the one that is measured begins with empty hands."""
    studio = StudioServer(home).start()
    try:
        token = Identity(home).api_token(Identity.new_visitor())
        client = Client(studio.url, headers={"Authorization": f"Bearer {token}"}, verbose=False)
        paths = [client.predict(text=text, file_format="wav", api_name="/speak") for text in QUESTIONS]
        return [Path(path).read_bytes() for path in paths]
    finally:
        studio.stop()


def turn(page: Page, wav: bytes) -> dict[str, float]:
    """One question, its answer up to the first sound, and Stop half a second later."""
    # 1. Seconds from the end of speech to the first sound, and how much of it passed on the server
    let_hear(page, wav)
    page.evaluate("() => { delete document.querySelector('#talk-spoken').dataset.heard; }")
    say_while_holding(page)
    heard = "() => document.querySelector('#talk-spoken').dataset.heard && performance.now() - window.releasedAt"
    first = page.wait_for_function(heard, timeout=ENGINE_MILLISECONDS, polling=20).json_value() / 1000
    is_being_written = page.locator("#talk-actions [data-action=aloud]").count() == 0
    expect(page.locator("#talk-facts")).to_contain_text("first sound after")
    server = float(page.locator("#talk-facts").inner_text().partition("after ")[2].split()[0])
    # 2. Seconds from a press on Stop to silence
    time.sleep(0.5)
    is_speaking = page.evaluate("() => document.querySelector('#talk-spoken').dataset.speech") == "playing"
    silent = 0.0
    if is_speaking and page.locator("#talk-stop").is_enabled():
        page.evaluate(TELL_WHEN_SILENT)
        page.locator("#talk-stop").click()
        silent = silence(page) / 1000
    page.wait_for_function("() => document.querySelector('#talk-stop').disabled", timeout=ENGINE_MILLISECONDS)
    print(f"{first:6.2f} s  {page.locator('#talk-stage').inner_text()[-160:]!r}", flush=True)
    return {"first": first, "server": server, "written": float(is_being_written), "stop": silent}


if __name__ == "__main__":
    main()
