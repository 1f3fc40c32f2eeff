"""The Text tab: a person talks with the starter model, and nothing they do loses what they started."""

import os
import re
import signal
import time
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import OpenPage
from tests.browser.talk import (
    LONG_QUESTION,
    ask,
    come_back,
    composer,
    last_answer,
    longer_answers,
    open_tab,
    paste_in,
    reload,
    run_again,
    wait_until_done,
    wait_until_writing,
)
from tests.server import StudioServer


def modified(path: Path) -> float:
    return path.stat().st_mtime


def test_the_first_answer(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    ask(page, "What is the capital of France?")
    answer = wait_until_done(page)
    assert "Paris" in answer
    facts = page.locator("#text-facts").inner_text()
    assert re.search(r"\d+ tokens/s", facts) and "seed" in facts
    expect(page.locator("#text-conversations")).to_contain_text("What is the capital of France?")


def test_ctrl_enter_sends_and_escape_stops(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    longer_answers(page)
    paste_in(composer(page), LONG_QUESTION)
    page.keyboard.press("Control+Enter")
    wait_until_writing(page)
    page.keyboard.press("Escape")
    expect(page.locator("#text-facts")).to_contain_text("stopped")
    assert last_answer(page)


def test_stop_ends_the_answer_within_a_second_and_keeps_it(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    longer_answers(page)
    ask(page, LONG_QUESTION)
    wait_until_writing(page)
    page.locator("#text-stop").click()
    expect(page.locator("#text-facts")).to_contain_text("stopped")
    asked = max((studio.home / "jobs").glob("*/cancel"), key=modified)
    # by the clock of the files: how long the browser takes for its part depends on the machine
    assert modified(asked.with_name("end.json")) - modified(asked) < 1.0
    said = last_answer(page)
    time.sleep(0.5)
    assert last_answer(page) == said != ""


def test_a_reload_in_the_middle_finds_the_answer_and_sees_it_finish(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    longer_answers(page, 1200)
    for _ in range(
        5
    ):  # now and then an answer ends before the page is there again: then the middle is looked for once more
        ask(page, LONG_QUESTION)
        before = wait_until_writing(page)
        page.reload()
        after = wait_until_writing(page, len(before) - 1)  # it may have ended before the page went
        if page.locator("#text-stop").is_enabled():
            break
        wait_until_done(page)
    else:
        pytest.fail("no answer was still being written after a reload")
    answer = wait_until_done(page)
    assert after.startswith(before[:40]) and answer.startswith(before[:40]) and len(answer) > len(after)
    expect(page.locator("#text-facts")).not_to_contain_text("stopped")


def test_a_second_tab_of_the_same_person_sees_the_same_answer(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    ask(page, "Write a story about a river.")
    wait_until_writing(page, 20)
    second = page.context.new_page()
    second.goto(studio.url)
    expect(second.locator("#text-conversations")).to_contain_text("Write a story about a river.")
    second.locator("#text-conversations").get_by_text("Write a story about a river.").click()
    first_says = wait_until_done(page)
    assert wait_until_done(second) == first_says


def test_two_people_never_see_each_other(studio: StudioServer, open_page: OpenPage) -> None:
    ann, bo = open_page(studio.url), open_page(studio.url)
    ask(ann, "Ann asks about apples.")
    ask(bo, "Bo asks about boats.")
    wait_until_done(ann)
    wait_until_done(bo)
    for page, own, other in ((ann, "apples", "boats"), (bo, "boats", "apples")):
        reload(page)
        expect(page.locator("#text-conversations")).to_contain_text(own)
        open_tab(page, "Library")
        expect(page.locator("#library-items")).to_contain_text(own)
        page.locator("#jobs-chip").click()
        expect(page.locator("#jobs-drawer")).to_contain_text(own)
        assert other not in page.content()


def test_the_page_speaks_chinese_and_says_what_the_starter_cannot(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url, locale="zh-CN")
    expect(page.get_by_role("tab", name="文本", exact=True)).to_be_visible()
    expect(page.locator("#text-send")).to_have_text("发送")
    paste_in(composer(page), "   ")
    page.locator("#text-send").click()
    expect(page.get_by_text("还没有内容")).to_be_visible()
    ask(page, "给我讲一个关于河流的故事。")
    expect(page.locator("#text-notice")).to_contain_text("Qwen3")


def test_a_message_sent_too_early_is_refused_and_the_answer_goes_on(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    longer_answers(page)
    ask(page, LONG_QUESTION)
    wait_until_writing(page)
    paste_in(composer(page), "And another one.")
    page.locator("#text-send").click()
    expect(page.get_by_text("An answer is being written")).to_be_visible()
    expect(composer(page)).to_have_value("And another one.")
    wait_until_writing(page, len(last_answer(page)))
    page.locator("#text-stop").click()
    wait_until_done(page)


def test_regenerate_and_versions(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    ask(page, "Name an animal.")
    first = wait_until_done(page)
    page.locator("#text-regenerate").click()
    expect(page.locator("#text-versions")).to_contain_text("2 / 2")
    second = wait_until_done(page)
    page.locator("#text-previous").click()
    expect(page.locator("#text-versions")).to_contain_text("1 / 2")
    assert last_answer(page) == first
    page.locator("#text-next").click()
    expect(page.locator("#text-versions")).to_contain_text("2 / 2")
    assert last_answer(page) == second
    reload(page)
    expect(page.locator("#text-versions")).to_contain_text("2 / 2")
    assert last_answer(page) == second


def test_a_huge_message_is_refused_plainly_and_kept(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    composer(page).fill("x " * 500_000)
    page.locator("#text-send").click()
    expect(page.get_by_text("the limit is 400,000")).to_be_visible()
    assert len(composer(page).input_value()) >= 400_000


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_sideways_scroll(studio: StudioServer, open_page: OpenPage, width: int, scheme: str) -> None:
    page = open_page(studio.url, viewport={"width": width, "height": 844}, color_scheme=scheme)
    for tab in ("Library", "Text"):
        open_tab(page, tab)
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{tab} is {wide} px too wide"


def test_a_killed_worker_is_said_and_the_next_message_works(own_studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(own_studio.url)
    longer_answers(page)
    ask(page, LONG_QUESTION)
    wait_until_writing(page)
    (worker,) = own_studio.worker_pids()
    os.kill(worker, signal.SIGKILL)
    expect(page.get_by_text("The engine stopped while it worked on this")).to_be_visible()
    ask(page, "What is the capital of France?")
    assert wait_until_done(page).strip()
    expect(page.get_by_text("The engine stopped while it worked on this")).to_be_visible()
    assert "engine stopped" not in last_answer(page)
    (next_worker,) = own_studio.worker_pids()
    assert next_worker != worker


def test_a_killed_worker_leaves_an_answer_one_click_from_running_again(
    own_studio: StudioServer, open_page: OpenPage
) -> None:
    page = open_page(own_studio.url)
    longer_answers(page)
    ask(page, LONG_QUESTION)
    wait_until_writing(page)
    (worker,) = own_studio.worker_pids()
    os.kill(worker, signal.SIGKILL)
    expect(page.get_by_text("The engine stopped while it worked on this")).to_be_visible()
    run_again(page)


def test_a_killed_server_is_started_again_and_the_answer_is_there(
    own_studio: StudioServer, open_page: OpenPage
) -> None:
    page = open_page(own_studio.url)
    longer_answers(page, 600)
    ask(page, LONG_QUESTION)
    before = wait_until_writing(page)
    own_studio.kill()
    own_studio.start()
    page = come_back(page, own_studio.url)
    assert wait_until_done(page).startswith(before[:40])  # the worker finished what the server could not


def test_server_and_worker_killed_leave_an_answer_one_click_from_running_again(
    own_studio: StudioServer, open_page: OpenPage
) -> None:
    page = open_page(own_studio.url)
    longer_answers(page)
    ask(page, LONG_QUESTION)
    wait_until_writing(page)
    (worker,) = own_studio.worker_pids()
    own_studio.kill()
    os.kill(worker, signal.SIGKILL)
    own_studio.start()
    page = come_back(page, own_studio.url)
    expect(page.get_by_text("The studio was stopped while it worked on this")).to_be_visible()
    run_again(page)
