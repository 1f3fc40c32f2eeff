"""Find: what a person keeps, by words, by a picture; nobody else's; opened with one press."""

from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image
from playwright.sync_api import Page, expect

from studio.identity import Identity
from tests.browser.conftest import OpenPage
from tests.browser.talk import ENGINE_MILLISECONDS, open_tab, see_only, settle, type_in, write
from tests.server import StudioServer

SEED = 4243


def open_find(page: Page) -> None:
    open_tab(page, "Multimodal")
    open_tab(page, "Find")
    expect(page.locator("#find-hits")).to_contain_text("Find what you have made")
    settle(page)


def look_for(page: Page, words: str) -> None:
    field = page.locator("#find-words").get_by_role("textbox")
    type_in(field, words)
    field.press("Enter")
    expect(page.locator("#find-status")).to_contain_text("found in", timeout=ENGINE_MILLISECONDS)


def test_words_and_a_picture_find_what_is_kept(studio: StudioServer, open_page: OpenPage, tmp_path: Path) -> None:
    # 1. By its words, before there is any index; narrowed to a kind that it is not, it is gone
    page = open_page(studio.url)
    write(page, "A line about lighthouses.", SEED)
    open_find(page)
    look_for(page, "lighthouse")
    cards = page.locator("#find-hits article")
    see_only(cards, "lighthouses")
    expect(cards).to_contain_text("its words")
    expect(page.locator("#find-status")).not_to_contain_text("so far", timeout=ENGINE_MILLISECONDS)
    expect(cards).to_contain_text("its meaning")  # which came later, and was looked for by itself
    page.locator("#find-kind").get_by_text("Pictures", exact=True).click()
    expect(page.locator("#find-hits")).to_contain_text("Nothing you keep is like this")
    page.locator("#find-kind").get_by_text("All", exact=True).click()
    see_only(cards, "lighthouses")

    # 2. A picture is taken as a question as soon as it is there
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    type_in(page.locator("#find-words").get_by_role("textbox"), "")
    page.locator("#find-picture input[type=file]").set_input_files(tmp_path / "red.png")
    expect(page.locator("#find-picture img")).to_be_visible()
    expect(page.locator("#find-status")).to_contain_text("found in")

    # 3. Nobody else finds it; its person opens it
    other = open_page(studio.url, locale="zh-CN")
    open_tab(other, "多模态")
    open_tab(other, "查找")
    settle(other)
    type_in(other.locator("#find-words").get_by_role("textbox"), "lighthouse")
    other.locator("#find-run").click()
    expect(other.locator("#find-hits")).to_contain_text("没有找到相近的内容", timeout=ENGINE_MILLISECONDS)
    page.locator("#find-picture").get_by_label("Remove Image").click()
    expect(page.locator("#find-hits")).to_contain_text("Find what you have made")
    look_for(page, "lighthouse")
    see_only(cards, "lighthouses")
    cards.get_by_role("button", name="Open").click()
    expect(page.locator("#task-prompt textarea")).to_have_value("A line about lighthouses.")


def test_a_client_searches_its_own_library(studio: StudioServer) -> None:
    mine, other = (
        Client(studio.url, headers={"Authorization": f"Bearer {token}"}, verbose=False)
        for token in (Identity(studio.home).api_token(Identity.new_visitor()) for _ in range(2))
    )
    mine.predict(prompt="Name the seven seas.", max_new_tokens=4, seed=1, api_name="/generate_text")
    told = mine.predict(query="seven seas", kind="text", api_name="/search_library")
    (hit,) = told["hits"]
    assert hit["title"] == "Name the seven seas." and hit["kind"] == "text" and hit["found_by"][0] == "text"
    assert told["only_words"] == ""
    assert mine.predict(query="seven seas", kind="image", api_name="/search_library")["hits"] == []
    assert other.predict(query="seven seas", api_name="/search_library")["hits"] == []
    with pytest.raises(AppError, match="nothing to work on"):
        mine.predict(query=" ", api_name="/search_library")
