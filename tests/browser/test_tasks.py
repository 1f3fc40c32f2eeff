"""The tasks beside the chat: each kind runs, and what cannot run says what to do."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.talk import (
    ENGINE_MILLISECONDS,
    composer,
    open_tab,
    open_task,
    paste_in,
    reload,
    send_to,
    settle,
    type_in,
    wait_for_result,
    write,
)
from tests.server import StudioServer


def run_example(page: Page) -> str:
    """Take the first example and run it; what was asked."""
    prompt = page.locator("#task-prompt textarea")
    page.locator("#task-examples button").first.click()
    expect(prompt).not_to_have_value("")
    settle(page)
    asked = prompt.input_value()
    page.locator("#task-run").click()
    return asked


@pytest.mark.parametrize("name", ["Write", "Summarise", "Rewrite", "Translate", "Continue"])
def test_each_task_runs_with_its_example(studio: StudioServer, open_page: OpenPage, name: str) -> None:
    page = open_page(studio.url)
    open_task(page, name)
    expect(page.locator("#task-option")).to_have_count(1 if name in ("Rewrite", "Translate") else 0)
    asked = run_example(page)
    assert wait_for_result(page).strip()
    expect(page.locator("#task-recent")).to_contain_text(asked[:30])


def test_fill_mask_without_a_model_says_what_to_do(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_task(page, "Fill the mask")
    run_example(page)
    said = page.locator("#task-result")
    expect(said).to_contain_text("is not on this machine and could not be downloaded", timeout=ENGINE_MILLISECONDS)
    expect(page.locator("#task-result")).to_contain_text("choose a model marked")
    expect(page.locator("#task-again")).to_be_visible()


def test_fill_mask_without_a_gap_says_what_to_do(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_task(page, "Fill the mask")
    paste_in(page.locator("#task-prompt textarea"), "Paris is the capital of France.")
    page.locator("#task-run").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("Put [MASK] where the missing word is")


def test_the_last_result_is_there_after_a_reload(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    result = write(page, "A line about harbours.", 7)
    reload(page)
    open_tab(page, "Tasks")
    assert wait_for_result(page, 7) == result
    expect(page.locator("#task-recent")).to_contain_text("A line about harbours.")
    expect(page.locator("#task-prompt textarea")).to_have_value("A line about harbours.")


def test_a_result_goes_on_in_the_chat(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_task(page, "Write")
    run_example(page)
    wait_for_result(page)
    send_to(page.locator("#task-send"), "Chat")
    expect(composer(page)).not_to_have_value("")


def test_a_poem_is_written_with_its_first_characters(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_task(page, "Poem")
    expect(page.locator("#task-heads")).to_be_visible()
    expect(page.locator("#task-model input")).to_have_value(re.compile("Tang poems"))
    settle(page)
    type_in(page.locator("#task-heads").get_by_role("textbox"), "春夏秋冬")
    page.locator("#task-run").click()
    lines = [line for line in re.split("[，。\n]", wait_for_result(page)) if line.strip()]
    assert [line.strip()[0] for line in lines] == list("春夏秋冬") and {len(line.strip()) for line in lines} == {5}
    paste_in(page.locator("#task-prompt textarea"), "An English title")
    page.locator("#task-run").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("at most 12 Chinese characters")
