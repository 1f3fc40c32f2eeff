"""A page on which nothing happens leaves the processor to the models."""

from playwright.sync_api import Browser, Page, expect

from tests.browser.talk import wait_until_open
from tests.server import StudioServer

_COUNT_FRAMES = """
window.framesAsked = 0;
const frame = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (draw) => { window.framesAsked += 1; return frame(draw); };
"""


def test_a_page_that_waits_asks_for_few_frames(studio: StudioServer, browser: Browser) -> None:
    with browser.new_context(locale="en-US") as person:
        page = person.new_page()
        page.add_init_script(_COUNT_FRAMES)
        page.goto(studio.url)
        wait_until_open(page)
        expect(page.locator("#text-send")).to_be_visible()
        # the mark on the page's first veil swings out for a while
        assert any(_frames_in_a_second(page) < 10 for _ in range(20))


def _frames_in_a_second(page: Page) -> int:
    before = page.evaluate("framesAsked")
    page.wait_for_timeout(1000)
    return page.evaluate("framesAsked") - before
