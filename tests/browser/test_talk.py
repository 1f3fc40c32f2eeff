"""Talk: a person speaks and hears the answer while it is written, interrupts it, and finds it again."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gradio_client import Client
from playwright.sync_api import Page, expect

from pipelines.sound.files import open_sound, to_bytes
from pipelines.types.sound import Wave
from studio.identity import Identity
from tests.browser.conftest import OpenPage
from tests.browser.microphone import TELL_WHEN_SILENT, let_hear, say_while_holding, silence
from tests.browser.talk import ENGINE_MILLISECONDS, LONG_QUESTION, open_tab, paste_in, reload, settle
from tests.server import StudioServer


@pytest.fixture(scope="module")
def question(studio: StudioServer) -> Iterator[Path]:
    """Somebody's voice: that of the studio itself."""
    token = Identity(studio.home).api_token(Identity.new_visitor())
    client = Client(studio.url, headers={"Authorization": f"Bearer {token}"}, verbose=False)
    said = client.predict(text="What is the capital of France?", file_format="wav", api_name="/speak")
    yield Path(said)


def open_talk(page: Page) -> None:
    open_tab(page, "Multimodal")
    open_tab(page, "Talk")
    expect(page.locator("#talk-stage .stage")).to_be_visible()
    settle(page)


def wait_until_heard(page: Page) -> None:
    page.wait_for_function(
        "() => document.querySelector('#talk-spoken').dataset.speech === 'playing' && document.querySelector('#talk-spoken').dataset.heard",
        timeout=ENGINE_MILLISECONDS,
    )


def wait_until_silent(page: Page) -> None:
    expect(page.locator("#talk-spoken")).to_have_attribute("data-speech", "idle")


def test_a_question_is_spoken_and_its_answer_heard(studio: StudioServer, open_page: OpenPage, question: Path) -> None:
    page = open_page(studio.url)
    open_talk(page)
    # 1. Hold, speak, let go: the words, the answer, its voice
    let_hear(page, question.read_bytes())
    say_while_holding(page)
    expect(page.locator("#talk-stage .talk-user")).to_contain_text("capital of France", timeout=ENGINE_MILLISECONDS)
    wait_until_heard(page)
    expect(page.locator("#talk-facts")).to_contain_text("first sound after")
    expect(page.locator("#talk-stop")).to_be_disabled(timeout=ENGINE_MILLISECONDS)
    wait_until_silent(page)
    # 2. A long answer is heard before it is whole; Stop is heard at once, and what was written stays
    paste_in(page.locator("#talk-text textarea"), LONG_QUESTION)
    page.locator("#talk-text textarea").press("Enter")
    expect(page.locator("#talk-stage .talk-user")).to_have_count(2)
    wait_until_heard(page)
    expect(page.locator("#talk-spoken .spoken:not([data-whole])")).to_be_attached(timeout=1)
    page.evaluate(TELL_WHEN_SILENT)
    page.locator("#talk-stop").click()
    wait_until_silent(page)
    assert silence(page) < 1000
    expect(page.locator("#talk-actions [data-action=aloud]")).to_be_visible()
    # 3. Hands-free: who speaks interrupts
    page.locator("#talk-actions [data-action=aloud]").click()
    wait_until_heard(page)
    let_hear(page, after_a_silence(question))
    page.locator("#talk-button .talk-free").click()
    wait_until_silent(page)
    page.locator("#talk-actions [data-action=aloud]").click()
    expect(page.locator("#talk-button .talk-control")).to_have_attribute("data-state", "hearing")
    wait_until_silent(page)
    expect(page.locator("#talk-stage .talk-user")).to_have_count(3, timeout=ENGINE_MILLISECONDS)
    expect(page.locator("#talk-stage .talk-user").last).to_contain_text("capital", timeout=ENGINE_MILLISECONDS)
    # 4. A reload finds it again, and so does the chat
    reload(page)
    open_talk(page)
    expect(page.locator("#talk-stage .talk-line")).to_have_count(6)
    expect(page.locator("#talk-stop")).to_be_disabled(timeout=ENGINE_MILLISECONDS)
    page.locator("#talk-actions [data-action=chat]").click()
    expect(page.locator("#tab-chat-button")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#text-chat [data-testid=user]")).to_have_count(3)


def test_a_reload_while_it_listens_loses_nothing_in_chinese(
    studio: StudioServer, open_page: OpenPage, question: Path
) -> None:
    """Whatever of the turn is done by then, the page that comes back takes the rest."""
    page = open_page(studio.url, locale="zh-CN", viewport={"width": 390, "height": 844})
    page.locator("#tab-multimodal-button").click()
    page.locator("#tab-talk-button").click()
    expect(page.locator("#talk-stage")).to_contain_text("和本机上的模型对谈")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "no sideways scroll"
    let_hear(page, question.read_bytes())
    say_while_holding(page)
    expect(page.locator("#talk-stage")).to_contain_text(re.compile("正在听写|capital of France"))  # it may be quick
    page.reload()
    page.locator("#tab-multimodal-button").click()
    page.locator("#tab-talk-button").click()
    expect(page.locator("#talk-stage .talk-user")).to_contain_text("capital of France", timeout=ENGINE_MILLISECONDS)
    expect(page.locator("#talk-actions [data-action=aloud]")).to_be_visible(timeout=ENGINE_MILLISECONDS)
    paste_in(page.locator("#talk-text textarea"), "法国的首都是哪里？")
    page.locator("#talk-send").click()
    expect(page.locator("#talk-notice")).to_contain_text("中文")
    page.locator("#talk-stop").click()


def after_a_silence(question: Path) -> bytes:
    wave = open_sound(question)
    silence = np.zeros(2 * wave.sampling_rate, np.float32)
    samples = wave.samples if wave.samples.ndim == 1 else wave.samples[:, 0]
    return to_bytes(Wave(np.concatenate([silence, samples]), wave.sampling_rate), "wav")
