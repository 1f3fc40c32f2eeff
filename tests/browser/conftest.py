"""A Chromium, a running studio, and people: each with cookies, a language and a guard of their own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests import chromium
from tests.browser.talk import wait_until_open
from tests.server import StudioServer

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
]
WAIT_MILLISECONDS = 60_000

OpenPage = Callable[..., Page]


# Playwright keeps an event loop running in this thread, in which nobody else could run one: it must end with this package.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    expect.set_options(timeout=WAIT_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    """One server for the tests that leave it alive."""
    server = StudioServer(tmp_path_factory.mktemp("studio") / "home").start()
    yield server
    server.stop()


@pytest.fixture
def own_studio(tmp_path: Path) -> Iterator[StudioServer]:
    """A server that the test may kill."""
    server = StudioServer(tmp_path / "home").start()
    yield server
    server.stop()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """`open_page(url, locale="en-US", …)` is a new person: a context with its own cookies.

    At the end no page may have asked another host for anything, have raised an error of its own, or show what only
    its makers should read.
    """
    contexts: list[BrowserContext] = []
    wrong: list[str] = []

    def open_page(url: str, **options: object) -> Page:
        context = browser.new_context(**{"locale": "en-US", "viewport": {"width": 1440, "height": 900}, **options})
        context.set_default_timeout(WAIT_MILLISECONDS)
        contexts.append(context)
        context.on("weberror", lambda error: wrong.append(str(error.error)))
        context.on("console", lambda m: wrong.append(m.text) if "Content Security Policy" in m.text else None)
        own = (url.partition("#")[0], "data:", "blob:")
        context.on("request", lambda r: None if r.url.startswith(own) else wrong.append(r.url))
        page = context.new_page()
        page.goto(url)
        wait_until_open(page)
        return page

    yield open_page
    for context in contexts:
        wrong += [f"a page shows {words!r}" for page in context.pages for words in _for_makers_only(page)]
        context.close()
    assert wrong == []


def _for_makers_only(page: Page) -> list[str]:
    """The words on a page by which a failure shows that nobody put into plain words."""
    text = page.locator("body").inner_text()
    toasts = " ".join(page.get_by_test_id("toast-body").all_inner_texts())
    return [words for words in ("Traceback", "upstream app", "__i18n__") if words in text] + [
        words for words in ("undefined", "null", "[object") if words in toasts
    ]
