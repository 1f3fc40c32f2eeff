"""The Story sub-tab: one sentence becomes a film, through a reload, and a changed scene is made again alone."""

import re
import subprocess
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import expect

from pipelines.film.ffmpeg import find_ffmpeg
from pipelines.provenance import recipe
from pipelines.types.film import StoryRequest
from tests.browser.conftest import OpenPage
from tests.browser.draw import close_toasts, toast
from tests.browser.talk import ENGINE_MILLISECONDS, open_tab, reload, settle
from tests.server import StudioServer


def test_a_sentence_becomes_a_film_and_one_scene_is_drawn_again(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)

    def open_story() -> None:
        open_tab(page, "Multimodal")
        open_tab(page, "Story")
        expect(page.locator("#story-stage .stage")).to_be_visible()

    # 1. Nothing to tell is refused in plain words
    open_story()
    page.locator("#story-run").click()
    expect(toast(page)).to_contain_text("at least one scene")
    close_toasts(page)
    # 2. Scenes are written, and can be read and changed
    page.locator("#story-theme textarea").press_sequentially("a fox and a rocket")
    page.locator("#story-count input[type=number]").fill("2")
    page.locator("#story-shape").get_by_text("1:1").click()
    settle(page)
    page.locator("#story-run-1").click()
    script = page.locator("#story-script textarea")
    expect(script).to_have_value(
        re.compile(r"^\[.+\]\nOnce upon a time[^\n]+\n\n\[.+\]\nAt last"), timeout=ENGINE_MILLISECONDS
    )
    cards = page.locator("#story-stage .board li")
    expect(cards).to_have_count(2)
    # 3. The film is made, with its progress, and a reload in the middle loses nothing
    page.locator("#story-run").click()
    expect(page.locator("#story-facts")).to_contain_text(re.compile(r"\d of 6 parts made"), timeout=ENGINE_MILLISECONDS)
    expect(cards.first.locator("img")).to_be_visible(timeout=ENGINE_MILLISECONDS)
    reload(page)
    open_story()
    expect(script).to_have_value(re.compile("Once upon a time"))
    film = page.locator("#story-stage video")
    expect(film).to_be_visible(timeout=ENGINE_MILLISECONDS)
    page.wait_for_function("() => document.querySelector('#story-stage video').readyState >= 1")
    assert 6 < film.evaluate("(film) => film.duration") < 60
    page.wait_for_function("() => document.querySelector('#story-stage video').textTracks[0].cues?.length >= 2")
    first_cue = film.evaluate("(film) => film.textTracks[0].cues[0].text")
    assert first_cue.startswith("Once upon a time")
    expect(cards.locator("audio")).to_have_count(2)
    expect(page.locator("#story-actions a")).to_have_count(3)
    # 4. Another picture for one scene: the other scene stays as it is
    address, drawn = (
        film.locator("source").get_attribute("src"),
        [one.get_attribute("src") for one in cards.locator("img").all()],
    )
    cards.nth(1).get_by_role("button", name="Another picture").click()
    expect(script).to_have_value(re.compile(r"; take 2\]\nAt last"))
    expect(film.locator(f'source:not([src="{address}"])')).to_be_attached(timeout=ENGINE_MILLISECONDS)
    again = [one.get_attribute("src") for one in cards.locator("img").all()]
    assert again[0] == drawn[0] and again[1] != drawn[1]
    # 5. Both films stand in the library, and open here
    open_tab(page, "Library")
    page.locator("#library-kind").get_by_text("Films").click()
    expect(page.locator("#library-items .card")).to_have_count(2)  # the pictures are gone from it
    expect(page.locator("#library-items .card video")).to_have_count(2)
    page.locator("#library-items .card").last.get_by_role("button", name="Open", exact=True).click()
    expect(page.locator("#tab-story-button")).to_have_attribute("aria-selected", "true")
    expect(film.locator(f'source[src="{address}"]')).to_be_attached()
    expect(script).not_to_have_value(re.compile("take 2"))
    expect(cards.locator("img")).to_have_count(2)


def test_a_client_makes_a_film(studio: StudioServer) -> None:
    client = Client(studio.url, verbose=False)
    film = Path(client.predict("[fox]\nA fox runs home.", 1, "jm_kumo", has_music=False, api_name="/make_film"))
    asked = recipe.request_of(recipe.read(film.read_bytes()))
    assert isinstance(asked, StoryRequest) and asked.voice == "jm_kumo"
    said = subprocess.run(
        [find_ffmpeg(), "-i", str(film), "-map", "0:s", "-f", "srt", "-"], capture_output=True, check=True
    )
    assert "A fox runs home." in said.stdout.decode()
    with pytest.raises(AppError, match="Scene 2"):
        client.predict("[fox]\nA fox.\n\n[]", 2, "", api_name="/make_film")
