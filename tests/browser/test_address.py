"""The open tab stands in the address: a reload opens it again, and it can be linked."""

import re

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.talk import open_tab, reload, settle
from tests.server import StudioServer

PHONE = {"width": 390, "height": 844}  # where the last tabs stand in a menu


def test_a_reload_opens_the_tab_that_was_open(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    expect(page.locator("#tab-text")).to_be_visible()
    for name in ("Models", "Image"):
        open_tab(page, name)
        expect(page).to_have_url(re.compile(f"#{name.lower()}$"))
        reload(page)
        expect(page.locator(f"#tab-{name.lower()}")).to_be_visible()
        expect(page.locator("#tab-text")).to_be_hidden()
        expect(page).to_have_url(re.compile(f"#{name.lower()}$"))


@pytest.mark.parametrize("viewport", [None, PHONE], ids=["desk", "phone"])
def test_a_tab_can_be_linked(studio: StudioServer, open_page: OpenPage, viewport: dict | None) -> None:
    page = open_page(f"{studio.url}#library", **({"viewport": viewport} if viewport else {}))
    expect(page.locator("#tab-library")).to_be_visible()
    expect(page.locator("#library-search")).to_be_visible()


def test_an_address_that_names_no_tab_opens_the_first(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(f"{studio.url}#%22%3E<nonsense>")
    settle(page)
    expect(page.locator("#tab-text")).to_be_visible()
