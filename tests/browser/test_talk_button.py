"""The button of a talk alone, with the browser's own microphone: there is one open at a time, and none when it rests."""

import json
from pathlib import Path

from playwright.sync_api import Browser, expect

from studio.ui.multimodal.talk_layout import IN_BROWSER

SCRIPT = Path(__file__).parents[2] / "assets" / "js" / "talk.js"
WORDS = {key.removeprefix("talk_"): [key, key] for key in IN_BROWSER}
PAGE = (
    f"<!doctype html><div id='talk'><div class='talk-control' data-words='{json.dumps(WORDS)}'></div></div>"
    """<script>
  window.streams = [];
  const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  navigator.mediaDevices.getUserMedia = async (asked) => { const one = await open(asked); streams.push(one); return one; };
</script><script src="talk.js"></script><script>window.studioTalk(document.querySelector("#talk"), () => {});</script>"""
)
OPEN = "() => streams.filter((one) => one.getTracks().some((track) => track.readyState === 'live')).length"


def test_hands_free_ends_a_turn_that_is_going_on_and_its_microphone(browser: Browser) -> None:
    context = browser.new_context(permissions=["microphone"])
    context.route("http://localhost/talk.js", lambda route: route.fulfill(path=SCRIPT))
    context.route("http://localhost/", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page = context.new_page()
    page.goto("http://localhost/")
    control, hold, free = (page.locator(f".talk-{part}") for part in ("control", "hold", "free"))
    hold.click()  # a short press: it listens until the next one
    expect(control).to_have_attribute("data-state", "hearing")
    free.click()
    expect(free).to_have_attribute("aria-pressed", "true")
    assert page.evaluate("() => streams.length") == 2 and page.evaluate(OPEN) == 1
    free.click()
    expect(control).to_have_attribute("data-state", "idle")
    assert page.evaluate(OPEN) == 0
    context.close()
