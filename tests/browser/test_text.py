"""The Text tab: a person talks with the starter model, and nothing they do loses what they started."""

import os
import re
import signal
import time

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.server import StudioServer

# With these seeds the starter writes for seconds: long enough to do something in the middle.
LONG_STORY = "Write a very long story about a river that wanted to see the sea, with many chapters."


def ask(page: Page, text: str) -> None:
    """Send a message; returns when it was taken."""
    page.locator("#text-prompt textarea").fill(text)
    page.locator("#text-send").click()
    expect(page.locator("#text-prompt textarea")).to_have_value("")


def last_answer(page: Page) -> str:
    """In one look, because the page may change between two."""
    return str(
        page.evaluate("""() => [...document.querySelectorAll('#text-chat [data-testid=bot]')].pop()?.innerText ?? ''""")
    )


def wait_until_writing(page: Page, characters: int = 80) -> str:
    """Wait until an answer is on its way; what it says so far."""
    page.wait_for_function(
        """n => { const b = document.querySelectorAll('#text-chat [data-testid=bot]');
                  return b.length && b[b.length - 1].innerText.length > n }""",
        arg=characters,
    )
    return last_answer(page)


def wait_until_done(page: Page) -> str:
    """Wait for the line of facts, which stands there when the answer is complete; the answer."""
    expect(page.locator("#text-facts")).to_contain_text("seed")
    expect(page.locator("#text-stop")).to_be_disabled()
    return last_answer(page)


def run_again(page: Page) -> None:
    """Press “Run again” below an answer that failed, and see it being written."""
    page.locator("#text-again").click()
    expect(page.locator("#text-stop")).to_be_enabled()
    wait_until_writing(page)
    page.locator("#text-stop").click()
    wait_until_done(page)


def longer_answers(page: Page) -> None:
    """Let an answer grow to 4,000 tokens, so that there is time to do something in the middle of it."""
    page.get_by_role("button", name="More settings").first.click()
    length = page.locator("#text-max-new-tokens input[type=number]")
    length.fill("4000")
    length.blur()


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
    page.locator("#text-prompt textarea").fill(LONG_STORY)
    page.keyboard.press("Control+Enter")
    wait_until_writing(page)
    page.keyboard.press("Escape")
    expect(page.locator("#text-facts")).to_contain_text("stopped")
    assert last_answer(page)


def test_stop_ends_the_answer_within_a_second_and_keeps_it(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    longer_answers(page)
    ask(page, LONG_STORY)
    wait_until_writing(page)
    pressed = time.monotonic()
    page.locator("#text-stop").click()
    expect(page.locator("#text-facts")).to_contain_text("stopped")
    assert time.monotonic() - pressed < 1.0
    said = last_answer(page)
    time.sleep(0.5)
    assert last_answer(page) == said != ""


def test_a_reload_in_the_middle_finds_the_answer_and_sees_it_finish(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    longer_answers(page)
    ask(page, LONG_STORY)
    before = wait_until_writing(page)
    page.reload()
    after = wait_until_writing(page, len(before))
    assert after.startswith(before[:40])
    page.locator("#text-stop").click()
    wait_until_done(page)
    assert last_answer(page).startswith(before[:40])


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
        page.reload()
        expect(page.locator("#text-conversations")).to_contain_text(own)
        page.get_by_role("tab", name="Library", exact=True).click()
        expect(page.locator("#library-items")).to_contain_text(own)
        page.locator("#jobs-chip").click()
        expect(page.locator("#jobs-drawer")).to_contain_text(own)
        assert other not in page.content()


def test_the_page_speaks_chinese_and_says_what_the_starter_cannot(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url, locale="zh-CN")
    expect(page.get_by_role("tab", name="文本", exact=True)).to_be_visible()
    expect(page.locator("#text-send")).to_have_text("发送")
    page.locator("#text-prompt textarea").fill("   ")
    page.locator("#text-send").click()
    expect(page.get_by_text("还没有内容")).to_be_visible()
    ask(page, "给我讲一个关于河流的故事。")
    expect(page.locator("#text-notice")).to_contain_text("Qwen3")


def test_a_message_sent_too_early_is_refused_and_the_answer_goes_on(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    longer_answers(page)
    ask(page, LONG_STORY)
    wait_until_writing(page)
    page.locator("#text-prompt textarea").fill("And another one.")
    page.locator("#text-send").click()
    expect(page.get_by_text("An answer is being written")).to_be_visible()
    expect(page.locator("#text-prompt textarea")).to_have_value("And another one.")
    wait_until_writing(page, len(last_answer(page)))
    page.locator("#text-stop").click()
    wait_until_done(page)


def test_regenerate_edit_and_versions(studio: StudioServer, open_page: OpenPage) -> None:
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
    page.reload()
    expect(page.locator("#text-versions")).to_contain_text("2 / 2")
    assert last_answer(page) == second


def test_a_huge_message_is_refused_plainly_and_kept(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    page.locator("#text-prompt textarea").fill("x " * 500_000)
    page.locator("#text-send").click()
    expect(page.get_by_text("the limit is 400,000")).to_be_visible()
    assert len(page.locator("#text-prompt textarea").input_value()) >= 400_000


@pytest.mark.parametrize("width", [1440, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_sideways_scroll(studio: StudioServer, open_page: OpenPage, width: int, scheme: str) -> None:
    page = open_page(studio.url, viewport={"width": width, "height": 844}, color_scheme=scheme)
    for tab in ("Library", "Text"):
        page.get_by_role("tab", name=tab, exact=True).click()
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{tab} is {wide} px too wide"


def test_what_a_model_says_cannot_run_or_fetch(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    page.evaluate("window.__pwned = 0")
    page.on("dialog", lambda dialog: (_ for _ in ()).throw(AssertionError(dialog.message)))
    for attack in (
        "<img src=x onerror='window.__pwned=1'>",
        "![x](https://example.com/leak.png)",
        "<script>window.__pwned=1</script>",
        "[click](javascript:window.__pwned=1)",
        "$\\href{javascript:window.__pwned=1}{x}$",
        "<svg/onload=window.__pwned=1>",
    ):
        ask(page, f"Repeat: {attack}")
        wait_until_done(page)
    assert page.evaluate("window.__pwned") == 0  # and open_page fails if any other host was asked


def test_a_killed_worker_is_said_and_the_next_message_works(own_studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(own_studio.url)
    longer_answers(page)
    ask(page, LONG_STORY)
    wait_until_writing(page)
    (worker,) = own_studio.worker_pids()
    os.kill(worker, signal.SIGKILL)
    expect(page.get_by_text("The engine stopped while it worked on this")).to_be_visible()
    run_again(page)


def test_a_killed_server_is_started_again_and_the_answer_is_there(
    own_studio: StudioServer, open_page: OpenPage
) -> None:
    page = open_page(own_studio.url)
    longer_answers(page)
    ask(page, LONG_STORY)
    before = wait_until_writing(page)
    own_studio.kill()
    own_studio.start()
    page.goto(own_studio.url)
    assert wait_until_done(page).startswith(before[:40])  # the worker finished what the server could not


def test_server_and_worker_killed_leave_an_answer_one_click_from_running_again(
    own_studio: StudioServer, open_page: OpenPage
) -> None:
    page = open_page(own_studio.url)
    longer_answers(page)
    ask(page, LONG_STORY)
    wait_until_writing(page)
    (worker,) = own_studio.worker_pids()
    own_studio.kill()
    os.kill(worker, signal.SIGKILL)
    own_studio.start()
    page.goto(own_studio.url)
    expect(page.get_by_text("The studio was stopped while it worked on this")).to_be_visible()
    run_again(page)
