"""What a person does in the chat again and again."""

from playwright.sync_api import Page, expect

# The starter writes for as long as it may: long enough to do something in the middle.
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


def longer_answers(page: Page, tokens: int = 4000) -> None:
    """Let an answer grow, so that there is time to do something in the middle of it."""
    page.get_by_role("button", name="More settings").first.click()
    length = page.locator("#text-max-new-tokens input[type=number]")
    length.fill(str(tokens))
    length.blur()


def choose_model(page: Page, model: str, area: str = "text") -> None:
    """Paste a model, as a person does."""
    page.locator(f"#{area}-model input").fill(model)
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
