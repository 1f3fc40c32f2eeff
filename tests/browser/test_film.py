"""Film: pictures become a film, the film gives its pictures back, and what cannot be made is said."""

import re
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.draw import close_toasts, toast
from tests.browser.talk import ENGINE_MILLISECONDS, open_tab, reload, send_to, settle, type_in
from tests.server import StudioServer


def ball(path: Path, at: int) -> Path:
    picture = Image.new("RGB", (160, 120), (230, 230, 210))
    ImageDraw.Draw(picture).ellipse((at, 45, at + 30, 75), fill=(200, 30, 30))
    picture.save(path)
    return path


def choose(page: Page, words: str, room: str) -> None:
    """What the film is made of; returns when its room is open."""
    page.locator("#film-what").get_by_text(words, exact=True).click()
    expect(page.locator(room)).to_be_visible()
    settle(page)


def test_pictures_become_a_film_and_the_film_gives_its_pictures_back(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    open_tab(page, "Multimodal")
    open_tab(page, "Film")
    expect(page.locator("#film-stage")).to_contain_text("Pictures that move")

    # 1. Without a picture it says what is missing; without a model, which can be added
    page.locator("#film-run").click()
    expect(toast(page)).to_contain_text("no pictures to make a film of")
    close_toasts(page)
    choose(page, "Words or a picture", "#film-prompt")
    expect(page.locator("#film-note")).to_contain_text(re.compile(r"Models tab: .*Wan 2\.1"))

    # 2. What is only called a film is refused
    choose(page, "Pictures from a film", "#film-film")
    (tmp_path / "no film.mp4").write_text("This is text.")
    page.locator("#film-film input[type=file]").set_input_files(tmp_path / "no film.mp4")
    expect(page.locator("#film-film")).to_contain_text("mp4")
    settle(page)
    page.locator("#film-run").click()
    expect(toast(page)).to_contain_text("no film, whatever its name says")
    close_toasts(page)

    # 3. Two pictures become a film
    choose(page, "Several pictures", "#film-pictures")
    pictures = [ball(tmp_path / "a.png", 40), ball(tmp_path / "b.png", 62)]
    page.locator("#film-pictures input[type=file]").set_input_files(pictures)
    expect(page.locator("#film-pictures").get_by_role("row")).to_have_count(2)
    type_in(page.locator("#film-seconds input"), "1")
    page.locator("#film-run").click()
    expect(page.locator("#film-stage video")).to_be_visible(timeout=ENGINE_MILLISECONDS)
    expect(page.locator("#film-facts")).to_contain_text("62 frames")

    # 4. It gives its pictures back, each of them after the film
    send_to(page.locator("#film-actions"), "take pictures from it")
    expect(page.locator("#film-every")).to_be_visible()
    expect(page.locator("#film-film")).to_contain_text(".mp4")
    settle(page)
    taken = page.locator("#film-stage .board li")
    page.locator("#film-private input").check()
    page.locator("#film-run").click()
    expect(taken).to_have_count(3, timeout=ENGINE_MILLISECONDS)
    taken.nth(1).get_by_role(
        "button", name="PNG"
    ).click()  # of what is not kept a whole picture comes when it is asked for
    expect(page.locator("#film-actions a")).to_have_attribute("download", "002.png")
    expect(page.locator("#film-actions a")).to_have_attribute("href", re.compile("^data:image/png"))
    page.locator("#film-private input").uncheck()
    page.locator("#film-run").click()
    expect(taken.get_by_role("link", name="PNG")).to_have_count(3, timeout=ENGINE_MILLISECONDS)

    # 5. A reload finds the room and the pictures again; one of them is one more picture of the next film
    reload(page)
    open_tab(page, "Multimodal")
    open_tab(page, "Film")
    expect(taken).to_have_count(3)
    expect(page.locator("#film-every")).to_be_visible()
    send_to(taken.nth(1), "as one of its pictures")
    expect(page.locator("#film-pictures").get_by_role("row")).to_have_count(1)
    open_tab(page, "Library")
    expect(page.locator("#library-items .card")).to_have_count(4)
    page.locator("#library-items .card").first.get_by_role("button", name="Lineage").click()
    expect(page.locator(".lineage-box")).to_have_count(2)


def test_a_client_makes_a_film_and_takes_pictures_from_it(studio: StudioServer, tmp_path: Path) -> None:
    client = Client(studio.url, verbose=False)
    pictures = [handle_file(ball(tmp_path / f"{at}.png", at)) for at in (40, 62)]
    film = client.predict(pictures=pictures, seconds=0, join="flow", join_seconds=1, frame_rate=10, api_name="/frames_to_film")  # fmt: skip
    assert Path(film).read_bytes()[4:8] == b"ftyp"
    taken = client.predict(film=handle_file(film), count=3, api_name="/film_to_frames")
    assert [Image.open(one).size for one in taken] == [(160, 120)] * 3
    (tmp_path / "no film.mp4").write_text("This is text.")
    with pytest.raises(AppError, match="no film, whatever its name says"):
        client.predict(film=handle_file(tmp_path / "no film.mp4"), api_name="/film_to_frames")
    with pytest.raises(AppError, match="No model for this task"):
        client.predict(prompt="A fox runs.", api_name="/make_video")
