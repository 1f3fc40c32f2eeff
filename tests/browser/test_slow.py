"""The server takes its time: what a person does meanwhile stands, and what is shown at last is what they asked for last."""

from pathlib import Path

from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.talk import (
    TASKS,
    ask,
    choose_preset,
    composer,
    held,
    open_more,
    open_tab,
    open_task,
    paste_in,
    see_only,
    settle,
    type_in,
    wait_until_done,
    wait_until_open,
    write,
)
from tests.server import StudioServer


def test_what_is_typed_while_a_message_is_on_its_way_stays(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    (tmp_path / "notes.txt").write_text("The gate is blue.")
    page.locator("#text-prompt input[type=file]").set_input_files(tmp_path / "notes.txt")
    expect(page.locator("#text-prompt .thumbnail-item")).to_have_count(1)
    paste_in(composer(page), "Name a bird.")
    with held(page):
        page.locator("#text-send").click()
        composer(page).press("End")
        composer(page).press_sequentially(" And a fish.")
        settle(page)
    expect(page.locator("#text-chat [data-testid=user]").last).to_contain_text("Name a bird.")
    expect(composer(page)).to_have_value(" And a fish.")
    expect(page.locator("#text-prompt .thumbnail-item")).to_have_count(0)
    wait_until_done(page)
    expect(page.locator("#text-chat")).not_to_contain_text("And a fish.")


def test_settings_changed_before_the_page_is_complete_stay(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    type_in(page.locator("#text-system textarea"), "You are a pirate.")
    choose_preset(page, "Creative")
    open_task(page, "Translate")
    paste_in(page.locator("#task-prompt textarea"), "Good morning.")
    open_more(page, "task")
    type_in(page.locator("#task-seed input"), "7")
    with held(page):
        page.reload()
        system = page.locator("#text-system textarea")
        expect(system).to_have_value("You are a pirate.")  # from the browser, before the server has said anything
        expect(page.locator("#text-preset input:checked")).to_have_value("creative")
        type_in(system, "You are a poet.")
        page.locator("#text-private input").check()
        open_tab(page, "Tasks")
        prompt = page.locator("#task-prompt textarea")
        expect(prompt).to_have_value("Good morning.")
        type_in(prompt, "Good night.")
    wait_until_open(page)
    expect(page.locator("#task-prompt")).to_contain_text(TASKS["Translate"])
    expect(page.locator("#task-kind input:checked")).to_have_value("translate")
    expect(prompt).to_have_value("Good night.")
    open_more(page, "task")
    expect(page.locator("#task-seed input")).to_have_value("7")
    open_tab(page, "Chat")
    expect(system).to_have_value("You are a poet.")
    expect(page.locator("#text-private input")).to_be_checked()


def test_of_two_tasks_the_last_one_is_shown(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_tab(page, "Tasks")
    with held(page):
        for name in ("Summarise", "Translate"):
            page.locator("#task-kind").get_by_text(name, exact=True).click()
            settle(page)
    expect(page.locator("#task-prompt")).to_contain_text(TASKS["Translate"])
    expect(page.locator("#task-option")).to_be_visible()


def test_of_two_searches_the_last_one_is_shown(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    ask(page, "Name a bird.")
    wait_until_done(page)
    write(page, "A line about lighthouses.", 1)
    write(page, "A line about windmills.", 1)
    listed = page.locator("#text-conversations li")
    open_tab(page, "Chat")
    with held(page):
        for words in ("zeppelin", "bird"):
            type_in(page.locator("#text-search").get_by_role("textbox"), words)
    see_only(listed, "Name a bird.")
    open_tab(page, "Library")
    search, cards = page.locator("#library-search").get_by_role("textbox"), page.locator("#library-items article")
    expect(cards).to_have_count(3)
    with held(page):
        cards.filter(has_text="lighthouses").get_by_role("button", name="Star", exact=True).click()
        type_in(search, "lighthouses")
        type_in(search, "windmills")
    see_only(cards, "windmills")
    type_in(search, "")
    expect(cards).to_have_count(3)
    starred = cards.filter(has_text="lighthouses").get_by_role("button", name="Unstar", exact=True)
    expect(starred).to_have_attribute("aria-pressed", "true")


def test_a_new_conversation_keeps_the_search(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    listed = page.locator("#text-conversations li")
    ask(page, "Name a bird.")
    wait_until_done(page)
    type_in(page.locator("#text-search").get_by_role("textbox"), "zeppelin")  # in nothing that the model answers
    expect(listed).to_have_count(0)
    page.locator("#text-new").click()
    expect(page.locator("#text-chat [data-testid=user]")).to_have_count(0)
    ask(page, "Name a zeppelin.")
    wait_until_done(page)
    see_only(listed, "Name a zeppelin.")
