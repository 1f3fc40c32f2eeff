"""The tasks beside the chat: each kind runs, and what cannot run says what to do."""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.server import StudioServer


def open_task(page: Page, name: str) -> None:
    page.get_by_role("tab", name="Tasks", exact=True).click()
    page.locator("#task-kind").get_by_text(name, exact=True).click()
    expect(page.locator("#task-examples button").first).to_be_visible()


def run_example(page: Page) -> str:
    """Take the first example and run it; what was asked."""
    prompt = page.locator("#task-prompt textarea")
    page.locator("#task-examples button").first.click()
    expect(prompt).not_to_have_value("")
    asked = prompt.input_value()
    page.locator("#task-run").click()
    return asked


@pytest.mark.parametrize("name", ["Write", "Summarise", "Rewrite", "Translate", "Continue"])
def test_each_task_runs_with_its_example(studio: StudioServer, open_page: OpenPage, name: str) -> None:
    page = open_page(studio.url)
    open_task(page, name)
    expect(page.locator("#task-option")).to_have_count(1 if name in ("Rewrite", "Translate") else 0)
    asked = run_example(page)
    expect(page.locator("#task-facts")).to_contain_text("seed")
    assert page.locator("#task-result").inner_text().strip()
    expect(page.locator("#task-recent")).to_contain_text(asked[:30])


def test_fill_mask_without_a_model_says_what_to_do(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_task(page, "Fill the mask")
    run_example(page)
    expect(page.locator("#task-result")).to_contain_text("is not on this machine and could not be downloaded")
    expect(page.locator("#task-result")).to_contain_text("choose a model marked")
    expect(page.locator("#task-again")).to_be_visible()


def test_fill_mask_without_a_gap_says_what_to_do(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_task(page, "Fill the mask")
    page.locator("#task-prompt textarea").fill("Paris is the capital of France.")
    page.locator("#task-run").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("Put [MASK] where the missing word is")


def test_a_result_goes_on_in_the_chat(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_task(page, "Write")
    run_example(page)
    expect(page.locator("#task-facts")).to_contain_text("seed")
    page.locator("#task-to-chat").click()
    expect(page.locator("#text-prompt textarea")).not_to_have_value("")
