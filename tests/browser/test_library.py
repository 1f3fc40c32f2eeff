"""The Library tab: everything is found again, and an exported file brings its settings back."""

import re
from pathlib import Path

from gradio_client import Client
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.talk import ask, open_tab, reload, see_only, settle, type_in, wait_for_result, wait_until_done, write
from tests.server import StudioServer

SEED = 4242


def open_library(page: Page) -> None:
    open_tab(page, "Library")
    expect(page.locator("#library-items .cards, #library-items .nothing")).to_be_attached()
    settle(page)


def test_an_empty_library_says_what_will_stand_there(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_library(page)
    expect(page.locator("#library-items")).to_contain_text("Everything you make stands here")
    page.locator("#library-items button").click()
    expect(page.locator("#text-send")).to_be_visible()


def test_the_kinds_stand_on_one_line(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_library(page)
    tops = page.locator("#library-kind label").evaluate_all("all => all.map((one) => one.getBoundingClientRect().top)")
    assert len(tops) >= 4 and len(set(tops)) == 1


def test_results_are_searched_starred_and_deleted(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    write(page, "A line about lighthouses.", SEED)
    write(page, "A line about windmills.", SEED)
    open_library(page)
    cards = page.locator("#library-items article")
    expect(cards).to_have_count(2)
    search = page.locator("#library-search").get_by_role("textbox")
    type_in(search, "lighthouse")
    see_only(cards, "lighthouses")
    cards.get_by_role("button", name="Star", exact=True).click()
    type_in(search, "")  # at once, while the star is on its way
    expect(cards).to_have_count(2)
    page.locator("#library-starred input").check()
    see_only(cards, "lighthouses")
    cards.get_by_role("button", name="Delete", exact=True).click()
    see_only(cards, "for good")
    cards.get_by_role("button", name="Delete", exact=True).click()
    expect(cards).to_have_count(0)
    page.locator("#library-starred input").uncheck()
    see_only(cards, "windmills")


def test_a_downloaded_result_dropped_on_the_page_gives_its_settings_back(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    first = write(page, "A line about tides.", SEED)
    open_library(page)
    with page.expect_download() as download:
        page.locator("#library-items").get_by_role("link", name="Download").click()
    exported = tmp_path / download.value.suggested_filename
    download.value.save_as(exported)
    assert exported.suffix == ".md" and "A line about tides." in exported.read_text()

    other = open_page(studio.url)
    open_library(other)
    other.locator("#library-drop input[type=file]").set_input_files(exported)
    expect(other.locator("#task-prompt textarea")).to_have_value("A line about tides.")
    settle(other)
    other.locator("#task-run").click()
    assert wait_for_result(other, SEED) == first, "the same recipe gives the same text"


def test_an_exported_conversation_dropped_on_the_page_opens_the_chat(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    ask(page, "Name a bird.")
    wait_until_done(page)
    for button, suffix in (("#text-export-md", ".md"), ("#text-export-json", ".json")):
        with page.expect_download() as download:
            page.locator(button).click()
        exported = tmp_path / f"conversation{suffix}"
        download.value.save_as(exported)
        assert "Name a bird." in exported.read_text()
        other = open_page(studio.url)
        open_library(other)
        other.locator("#library-drop input[type=file]").set_input_files(exported)
        expect(other.locator("#text-chat").get_by_test_id("user")).to_have_text("Name a bird.")
        expect(other.locator("#text-conversations")).to_contain_text("Name a bird.")


def test_a_file_without_a_recipe_is_said_plainly(studio: StudioServer, open_page: OpenPage, tmp_path: Path) -> None:
    page = open_page(studio.url)
    open_library(page)
    for name, data in (("notes.md", b"# Just notes"), ("broken.json", b'{"recipe": '), ("odd.txt", bytes(range(256)))):
        (tmp_path / name).write_bytes(data)
        page.locator("#library-drop input[type=file]").set_input_files(tmp_path / name)
        expect(page.get_by_test_id("toast-body")).to_contain_text("gives no settings back")
        expect(page.locator("#library-drop .file-preview")).to_have_count(0)  # there is room for the next one
        page.get_by_test_id("toast-close").click()
        expect(page.get_by_test_id("toast-body")).to_have_count(0)
        settle(page)


def test_a_one_time_link_opens_the_library_in_one_more_browser(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    write(page, "A line about kites.", SEED)
    open_library(page)
    page.get_by_role("button", name="Your library elsewhere").click()
    page.locator("#elsewhere-link").click()
    made = page.locator("#elsewhere-made").get_by_role("textbox")
    expect(made).to_have_value(re.compile(r"/link\?token="))
    link = made.input_value()
    other = open_page(studio.url)
    other.goto(link)
    other.get_by_role("button").click()
    open_library(other)
    expect(other.locator("#library-items")).to_contain_text("A line about kites.")
    third = open_page(studio.url)
    third.goto(link)
    third.get_by_role("button").click()
    expect(third.get_by_text("does not exist any more")).to_be_visible()


def test_a_token_lets_a_script_act_as_its_owner(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_library(page)
    page.get_by_role("button", name="Your library elsewhere").click()
    page.locator("#elsewhere-token").click()
    made = page.locator("#elsewhere-made").get_by_role("textbox")
    expect(made).to_have_value(re.compile("."))
    client = Client(studio.url, headers={"Authorization": f"Bearer {made.input_value()}"}, verbose=False)
    answer, conversation = client.predict(message="Name a fish.", api_name="/chat")
    again, _ = client.predict(message="And a bird.", conversation_id=conversation, api_name="/chat")
    assert answer and again
    reload(page)
    expect(page.locator("#text-conversations")).to_contain_text("Name a fish.")
