"""What a person does with conversations beyond asking: edit, name, search, delete, attach, and keep nothing."""

import json
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from pypdf import PdfWriter
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from tests.browser.conftest import OpenPage
from tests.browser.talk import (
    ask,
    choose_model,
    choose_preset,
    composer,
    keep_private,
    last_answer,
    longer_answers,
    open_more,
    open_tab,
    paste_in,
    reload,
    see_only,
    settle,
    type_in,
    wait_until_done,
)
from tests.server import StudioServer

SECONDS_UNTIL_FORGOTTEN = 60.0


def questions(page: Page) -> list[str]:
    return [text.strip() for text in page.locator("#text-chat [data-testid=user]").all_inner_texts()]


def last_request(studio: StudioServer) -> dict:
    newest = max((studio.home / "jobs").glob("*/request.json"), key=lambda path: path.stat().st_mtime_ns)
    return dict(json.loads(newest.read_text())["request"])


def attach(page: Page, *paths: Path) -> None:
    page.locator("#text-prompt input[type=file]").set_input_files(list(paths))
    expect(page.locator("#text-prompt .thumbnail-item")).to_have_count(len(paths))


def pdf(path: Path, line: str) -> Path:
    writer = PdfWriter()
    font = {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}
    fonts = DictionaryObject()
    fonts[NameObject("/F1")] = DictionaryObject({NameObject(k): NameObject(v) for k, v in font.items()})
    content = DecodedStreamObject()
    content.set_data(f"BT /F1 12 Tf 20 100 Td ({line}) Tj ET".encode())
    page = writer.add_blank_page(300, 200)
    page[NameObject("/Contents")] = writer._add_object(content)
    page[NameObject("/Resources")] = DictionaryObject({NameObject("/Font"): fonts})
    writer.write(path)
    return path


def test_an_edited_question_is_a_second_version_with_an_answer_of_its_own(
    studio: StudioServer, open_page: OpenPage
) -> None:
    page = open_page(studio.url)
    ask(page, "What is the capital of Italy?")
    first = wait_until_done(page)
    page.locator("#text-chat [data-testid=user]").hover()
    page.locator("#text-chat").get_by_role("button", name="Edit", exact=True).click()
    paste_in(page.locator("#text-chat textarea"), "What is the capital of France?")
    page.locator("#text-chat").get_by_role("button", name="Submit", exact=True).click()
    expect(page.locator("#text-versions")).to_contain_text("2 / 2")
    assert "Paris" in wait_until_done(page)
    assert questions(page) == ["What is the capital of France?"]
    page.locator("#text-previous").click()
    expect(page.locator("#text-versions")).to_contain_text("1 / 2")
    assert (questions(page), last_answer(page)) == (["What is the capital of Italy?"], first)


def test_the_last_turn_is_deleted_and_stays_deleted(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    ask(page, "Name a bird.")
    wait_until_done(page)
    ask(page, "Name a fish.")
    expect(page.locator("#text-chat [data-testid=user]")).to_have_count(2)
    wait_until_done(page)
    page.locator("#text-delete").click()
    expect(page.locator("#text-chat [data-testid=user]")).to_have_count(1)
    reload(page)
    expect(page.locator("#text-chat [data-testid=user]")).to_have_count(1)
    assert questions(page) == ["Name a bird."]


def test_a_conversation_is_named_searched_and_deleted(studio: StudioServer, open_page: OpenPage) -> None:
    """What is searched for are words that stand in no answer of the model to the other question."""
    page = open_page(studio.url)
    listed = page.locator("#text-conversations li")
    search = page.locator("#text-search").get_by_role("textbox")
    ask(page, "Name a bird, no ostrich.")
    wait_until_done(page)
    page.locator("#text-new").click()
    expect(page.locator("#text-chat [data-testid=user]")).to_have_count(0)
    settle(page)
    ask(page, "Name a fish.")
    wait_until_done(page)
    expect(listed).to_have_count(2)
    page.locator("#text-rename").click()
    name = page.locator("#text-name").get_by_role("textbox")
    expect(name).to_have_value("Name a fish.")
    type_in(name, "For the aquarist")
    page.locator("#text-save-name").click()
    see_only(listed, "For the aquarist", "Name a bird, no ostrich.")
    type_in(search, "ostrich")
    see_only(listed, "Name a bird, no ostrich.")
    type_in(search, "aquarist")
    see_only(listed, "For the aquarist")
    page.locator("#text-delete-conversation").click()
    page.locator("#text-delete-sure").click()
    expect(page.locator("#text-chat [data-testid=user]")).to_have_count(0)
    expect(page.locator("#text-conversations")).to_contain_text("No conversation has these words")
    reload(page)
    see_only(listed, "Name a bird, no ostrich.")


def test_what_is_private_is_kept_nowhere(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    keep_private(page)
    ask(page, "My private word is xylophonist.")
    wait_until_done(page)
    ask(page, "Which word was it, xylophonist?")
    expect(page.locator("#text-chat [data-testid=user]")).to_have_count(2)
    wait_until_done(page)
    expect(page.locator("#text-conversations")).not_to_contain_text("xylophonist")
    page.locator("#jobs-chip").click()
    expect(page.locator("#jobs-rows")).not_to_contain_text("xylophonist")
    until = time.monotonic() + SECONDS_UNTIL_FORGOTTEN
    while studio.files_with("xylophonist") and time.monotonic() < until:
        time.sleep(0.2)
    assert studio.files_with("xylophonist") == []
    reload(page)
    expect(page.locator("#text-examples")).to_contain_text("capital of France")
    expect(page.locator("#text-chat")).not_to_contain_text("xylophonist")
    open_tab(page, "Library")
    expect(page.locator("#library-items")).to_contain_text("Everything you make stands here")


def test_attached_files_are_named_and_read_by_the_model(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("The password of the gate is 'heron'.")
    page = open_page(studio.url)
    attach(page, notes, pdf(tmp_path / "plan.pdf", "The bridge opens in June."))
    ask(page, "What do these say?")
    expect(page.locator("#text-chat [data-testid=user]").first).to_contain_text("notes.txt, plan.pdf")
    (message,) = [one for one in last_request(studio)["messages"] if one["role"] == "user"]
    assert "The password of the gate is 'heron'." in message["text"]
    assert "The bridge opens in June." in message["text"] and message["text"].endswith("What do these say?")
    wait_until_done(page)


def test_too_many_files_are_refused_and_the_message_is_kept(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    paths = [tmp_path / f"{n}.txt" for n in range(6)]
    for path in paths:
        path.write_text(path.name)
    page = open_page(studio.url)
    attach(page, *paths)
    paste_in(composer(page), "What do these say?")
    page.locator("#text-send").click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("at most 5 files")
    expect(composer(page)).to_have_value("What do these say?")
    expect(page.locator("#text-prompt .thumbnail-item")).to_have_count(len(paths))


def test_settings_survive_a_reload(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    type_in(page.locator("#text-system textarea"), "You are a pirate.")
    choose_preset(page, "Creative")
    open_more(page)
    expect(page.locator("#text-temperature input[type=number]")).to_have_value("1")
    longer_answers(page, 77)
    type_in(page.locator("#text-seed input"), "4711")
    expect(page.locator("#text-preset input:checked")).to_have_value("own")
    reload(page)
    expect(page.locator("#text-system textarea")).to_have_value("You are a pirate.")
    expect(page.locator("#text-preset input:checked")).to_have_value("own")
    open_more(page)
    expect(page.locator("#text-max-new-tokens input[type=number]")).to_have_value("77")
    expect(page.locator("#text-temperature input[type=number]")).to_have_value("1")
    expect(page.locator("#text-seed input")).to_have_value("4711")


@pytest.mark.parametrize("folder", ["empty", None])
def test_a_model_that_is_none_is_said_plainly_and_the_message_is_kept(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path, folder: str | None
) -> None:
    (tmp_path / "empty").mkdir()
    model = str(tmp_path / folder) if folder else '<a href="https://evil.example">Log in again</a>'
    page = open_page(studio.url)
    choose_model(page, model)
    paste_in(composer(page), "Name a bird.")
    page.locator("#text-send").click()
    toast = page.get_by_test_id("toast-body")
    expect(toast).to_contain_text("no weights" if folder else f"There is no model called “{model}”")
    assert toast.locator("a").count() == 0
    expect(composer(page)).to_have_value("Name a bird.")
    expect(page.locator("#text-conversations")).to_contain_text(re.compile("Send a first message"))


def test_opening_more_settings_fixes_no_seed(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    open_more(page)
    expect(page.locator("#text-seed").get_by_role("textbox")).to_have_value("")
    seeds = set()
    for _ in range(2):
        ask(page, "Name a colour.")
        wait_until_done(page)
        seeds.add(page.locator("#text-facts").inner_text().partition("seed ")[2].split()[0])
    assert len(seeds) == 2
    type_in(page.locator("#text-seed").get_by_role("textbox"), "1.5")
    paste_in(composer(page), "Name a tree.")
    page.locator("#text-send").click()
    expect(page.get_by_text("it must lie between 0 and")).to_be_visible()


def test_a_private_message_never_goes_on_in_a_kept_conversation(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    ask(page, "An ordinary question.")
    wait_until_done(page)
    keep_private(page)
    expect(page.locator("#text-chat [data-testid=user]")).to_have_count(0)
    ask(page, "My private word is quetzal.")
    wait_until_done(page)
    reload(page)
    expect(page.locator("#text-conversations")).to_contain_text("An ordinary question.")
    expect(page.locator("#text-private input")).to_be_checked()
    ask(page, "My other private word is ocelot.")
    wait_until_done(page)
    kept = [path.read_text() for path in (studio.home / "conversations").glob("*.jsonl")]
    assert any("An ordinary question." in text for text in kept)
    assert not any("quetzal" in text or "ocelot" in text for text in kept)
