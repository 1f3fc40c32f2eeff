"""The Library tab: everything is found again, and an exported file brings its settings back."""

import re
from pathlib import Path

from gradio_client import Client
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.server import StudioServer

SEED = "4242"


def write(page: Page, text: str) -> None:
    """Run the task “Write” with SEED and wait for its result."""
    page.get_by_role("tab", name="Tasks", exact=True).click()
    page.locator("#task-prompt textarea").fill(text)
    if not page.locator("#task-seed input").is_visible():
        page.locator("#task-more").click()
    page.locator("#task-seed input").fill(SEED)
    page.locator("#task-seed input").blur()
    page.locator("#task-run").click()
    expect(page.locator("#task-recent")).to_contain_text(text)
    expect(page.locator("#task-facts")).to_contain_text(f"seed {SEED}")


def open_library(page: Page) -> None:
    page.get_by_role("tab", name="Library", exact=True).click()
    expect(page.locator("#library-search")).to_be_visible()


def test_an_empty_library_says_what_will_stand_there(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_library(page)
    expect(page.locator("#library-items")).to_contain_text("Everything you make stands here")
    page.locator("#library-items button").click()
    expect(page.locator("#text-send")).to_be_visible()


def test_results_are_searched_starred_and_deleted(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    write(page, "A line about lighthouses.")
    write(page, "A line about windmills.")
    open_library(page)
    cards = page.locator("#library-items article")
    expect(cards).to_have_count(2)
    page.locator("#library-search").get_by_role("textbox").press_sequentially("lighthouse")
    expect(cards).to_have_count(1)
    cards.get_by_role("button", name="Star", exact=True).click()
    page.locator("#library-search").get_by_role("textbox").fill("")
    expect(cards).to_have_count(2)
    page.locator("#library-starred input").check()
    expect(cards).to_have_count(1)
    expect(cards).to_contain_text("lighthouses")
    cards.get_by_role("button", name="Delete", exact=True).click()
    expect(cards).to_contain_text("for good")
    cards.get_by_role("button", name="Delete", exact=True).click()
    expect(cards).to_have_count(0)
    page.locator("#library-starred input").uncheck()
    expect(cards).to_have_count(1)


def test_a_downloaded_result_dropped_on_the_page_gives_its_settings_back(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    write(page, "A line about tides.")
    first = page.locator("#task-result").inner_text()
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
    other.locator("#task-run").click()
    expect(other.locator("#task-facts")).to_contain_text(f"seed {SEED}")
    assert other.locator("#task-result").inner_text() == first, "the same recipe gives the same text"


def test_an_exported_conversation_dropped_on_the_page_opens_the_chat(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    page.locator("#text-prompt textarea").fill("Name a bird.")
    page.locator("#text-send").click()
    expect(page.locator("#text-facts")).to_contain_text("seed")
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
        toast = page.get_by_test_id("toast-body").last
        expect(toast).to_contain_text("gives no settings back")
        page.get_by_test_id("toast-close").last.click()


def test_a_one_time_link_opens_the_library_in_one_more_browser(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    write(page, "A line about kites.")
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
    page.reload()
    expect(page.locator("#text-conversations")).to_contain_text("Name a fish.")
