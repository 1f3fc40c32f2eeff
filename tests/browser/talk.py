"""What a person does on the page again and again, and no faster than a person: whoever acts sees first what they act on.

A script is quicker than any person. So each act here waits for what shows that the page has taken the one before.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Locator, Page, Request, Route, expect

# The starter answers this for long enough to do something in the middle: of 24 answers the shortest had 1,930 characters. (A very
# long story it ended after one sentence, twice in a hundred times.)
LONG_QUESTION = (
    "Explain in great detail, step by step, how a house is built, from the first drawing to the last nail."
    " Give at least fifty numbered steps with a long explanation of each."
)

# What the engine writes may have to wait until a model is loaded by a machine that is busy with other things.
ENGINE_MILLISECONDS = 180_000

# ── the page ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def settle(page: Page) -> None:
    """Let ten frames pass. Gradio 6.31 sets what a tab or an accordion shows for the first time once more, two or three
    frames after it is there; an event that only runs in the browser is over by then, too.
    """
    page.evaluate("async () => { for (let n = 0; n < 10; n++) await new Promise(requestAnimationFrame) }")


def wait_until_open(page: Page) -> None:
    """Wait until the page is complete: what the server brings when it is opened stands there."""
    expect(page.locator("#text-conversations ul, #text-conversations .nothing")).to_be_attached()
    expect(page.locator("#device-chip")).not_to_be_empty()
    settle(page)


def reload(page: Page) -> None:
    page.reload()
    wait_until_open(page)


def come_back(page: Page, url: str) -> Page:
    """Another page of the same browser in place of this one."""
    other = page.context.new_page()
    page.close()
    other.goto(url)
    wait_until_open(other)
    return other


def open_tab(page: Page, name: str) -> None:
    tab = page.get_by_role("tab", name=name, exact=True)
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")
    settle(page)


def open_more(page: Page, area: str = "text") -> None:
    """Open More settings, or leave it open."""
    seed = page.locator(f"#{area}-seed input")
    if not seed.is_visible():
        page.locator(f"#{area}-more button").first.click()
    expect(seed).to_be_visible()
    settle(page)


def see_only(entries: Locator, *words: str) -> None:
    """See these entries of a list and no others, in this order, each by words in it."""
    expect(entries).to_have_text([re.compile(re.escape(one)) for one in words])


def send_to(results: Locator, place: str) -> None:
    """Send a result to another tab, in two presses."""
    results.locator(".send-menu summary").first.click()
    results.get_by_role("button", name=place).click()


@contextmanager
def held(page: Page) -> Iterator[None]:
    """While this lasts nothing that the page asks arrives at the server; then all of it does, in its order."""
    asked: list[Route] = []
    requests = re.compile("/gradio_api/(queue/join|run/predict)")
    page.route(requests, lambda route: asked.append(route))
    yield
    for route in asked:
        route.continue_()
    page.unroute(requests)


# ── fields ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def type_in(field: Locator, text: str) -> None:
    """Type in place of what stands in a field; returns when the page has taken it."""
    settle(field.page)
    field.click()
    field.press("ControlOrMeta+a")
    field.press("Delete")
    field.press_sequentially(text)
    _is_taken(field, text)


def paste_in(field: Locator, text: str) -> None:
    """Paste in place of what stands in a field; returns when the page has taken it."""
    settle(field.page)
    field.fill(text)
    _is_taken(field, text)


def _is_taken(field: Locator, text: str) -> None:
    """What the page had not taken would be gone after some frames."""
    settle(field.page)
    expect(field).to_have_value(text)


def set_number(page: Page, name: str, number: float, area: str = "text") -> None:
    """Type a number beside a slider under More settings."""
    open_more(page, area)
    field = page.locator(f"#{area}-{name} input[type=number]")
    type_in(field, str(number))
    field.blur()
    _is_taken(field, str(number))


def longer_answers(page: Page, tokens: int = 4000) -> None:
    """Let an answer grow, so that there is time to do something in the middle of it."""
    set_number(page, "max-new-tokens", tokens)


def choose_preset(page: Page, name: str, area: str = "text") -> None:
    page.locator(f"#{area}-preset").get_by_text(name, exact=True).click()
    expect(page.locator(f"#{area}-preset input:checked")).to_have_value(name.lower())
    settle(page)


def choose_model(page: Page, model: str, area: str = "text") -> None:
    """Paste a model, as a person does."""
    field = page.locator(f"#{area}-model input")
    paste_in(field, model)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    _is_taken(field, model)


# ── the chat ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def composer(page: Page) -> Locator:
    return page.locator("#text-prompt textarea")


def ask(page: Page, text: str) -> None:
    """Send a message; returns when it was taken. The facts of the answer before are gone by then."""
    paste_in(composer(page), text)
    page.locator("#text-send").click()
    expect(composer(page)).to_have_value("")


def keep_private(page: Page) -> None:
    """Tick “Private”; returns when the empty conversation is shown: only then does the page ask for the list beside it."""
    asked: list[str] = []

    def asks_again(request: Request) -> bool:
        asked.extend([request.url] if "/queue/join" in request.url else [])
        return len(asked) == 2

    with page.expect_request(asks_again):
        page.locator("#text-private input").check()
    settle(page)


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
        timeout=ENGINE_MILLISECONDS,
    )
    return last_answer(page)


def wait_until_done(page: Page) -> str:
    """Wait for the line of facts, which stands there when the answer is complete; the answer.

    Whoever calls this has seen that the answer has begun: until then there may be the facts of the one before.
    """
    expect(page.locator("#text-facts")).to_contain_text("seed", timeout=ENGINE_MILLISECONDS)
    expect(page.locator("#text-stop")).to_be_disabled()
    settle(page)
    return last_answer(page)


def run_again(page: Page) -> None:
    """Press “Run again” below an answer that failed, and see it being written."""
    page.locator("#text-again").click()
    expect(page.locator("#text-stop")).to_be_enabled()
    wait_until_writing(page)
    page.locator("#text-stop").click()
    wait_until_done(page)


# ── the tasks ─────────────────────────────────────────────────────────────────────────────────────────────────────────

# what the text of a task is called, by which the page shows that the task was switched
TASKS = {
    "Write": "What should it write?",
    "Summarise": "Text to summarise",
    "Rewrite": "Text to rewrite",
    "Translate": "Text to translate",
    "Continue": "How does it begin?",
    "Fill the mask": "Sentence with [MASK]",
    "Poem": "Title or subject",
}


def open_task(page: Page, name: str) -> None:
    open_tab(page, "Tasks")
    page.locator("#task-kind").get_by_text(name, exact=True).click()
    expect(page.locator("#task-prompt")).to_contain_text(TASKS[name])
    settle(page)


def write(page: Page, text: str, seed: int) -> str:
    """Run the task “Write”; the result. A text that was not written before shows that it is this one."""
    open_task(page, "Write")
    paste_in(page.locator("#task-prompt textarea"), text)
    open_more(page, "task")
    type_in(page.locator("#task-seed input"), str(seed))
    expect(page.locator("#task-recent")).not_to_contain_text(text)
    page.locator("#task-run").click()
    expect(page.locator("#task-recent")).to_contain_text(text, timeout=ENGINE_MILLISECONDS)
    return wait_for_result(page, seed)


def wait_for_result(page: Page, seed: int | None = None) -> str:
    """Wait for the line of facts of the first result on a page; the result."""
    facts = "seed" if seed is None else f"seed {seed} "
    expect(page.locator("#task-facts")).to_contain_text(facts, timeout=ENGINE_MILLISECONDS)
    settle(page)
    return page.locator("#task-result").inner_text()
