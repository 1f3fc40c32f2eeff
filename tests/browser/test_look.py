"""Look: a picture is named in two languages, what is no icon is said to be none, and what was said goes on from there."""

import re
from pathlib import Path

import numpy
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageDraw
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.draw import close_toasts, toast
from tests.browser.talk import ENGINE_MILLISECONDS, choose_model, open_tab, reload, send_to, settle, type_in
from tests.pipelines.tiny_eyes import save_llava
from tests.server import StudioServer


def heart(path: Path) -> Path:
    picture = Image.new("RGB", (300, 200), "white")
    pen = ImageDraw.Draw(picture)
    pen.ellipse((80, 40, 154, 114), fill="#ea5a47")
    pen.ellipse((146, 40, 220, 114), fill="#ea5a47")
    pen.polygon([(86, 96), (150, 180), (214, 96), (150, 70)], fill="#ea5a47")
    picture.save(path)
    return path


def field(path: Path) -> Path:
    """Nothing that has a name: clouds of grey and green."""
    dice = numpy.random.default_rng(3)
    coarse = Image.fromarray(dice.integers(60, 160, (9, 12, 3), dtype=numpy.uint8))
    noise = dice.integers(0, 40, (240, 320, 3), dtype=numpy.uint8)
    pixels = numpy.asarray(coarse.resize((320, 240), Image.Resampling.BICUBIC), dtype=numpy.uint8) + noise
    Image.fromarray(pixels).save(path, quality=80)
    return path


def bring(page: Page, path: Path) -> None:
    page.locator("#look-picture input[type=file]").set_input_files(path)
    expect(page.locator("#look-picture img")).to_be_visible()
    settle(page)


def test_a_picture_is_named_and_the_name_goes_on_from_there(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    open_tab(page, "Multimodal")
    open_tab(page, "Look")
    expect(page.locator("#look-stage")).to_contain_text("What is on this picture?")
    settle(page)

    # 1. Without a picture it says what is missing
    page.locator("#look-run").click()
    expect(toast(page)).to_contain_text("no picture to look at")
    close_toasts(page)

    # 2. Names in both languages with their probabilities, beside the picture
    bring(page, heart(tmp_path / "heart.png"))
    page.locator("#look-run").click()
    names = page.locator("#look-stage .names li")
    expect(names.first).to_be_visible(timeout=ENGINE_MILLISECONDS)
    expect(page.locator("#look-stage .names")).to_contain_text(re.compile(r"heart.*心", re.DOTALL))
    expect(names.first).to_contain_text(re.compile(r"\d+%"))
    expect(page.locator("#look-stage img.looked-at")).to_be_visible()
    expect(page.locator("#look-facts")).to_contain_text("Icon names")

    # 3. A question is refused in words by a model that only names
    type_in(page.locator("#look-question textarea"), "Who drew it?")
    page.locator("#look-run").click()
    expect(toast(page)).to_contain_text("answers no questions")
    close_toasts(page)
    type_in(page.locator("#look-question textarea"), "")
    page.locator("#look-what").get_by_text("Read the writing").click()
    settle(page)
    page.locator("#look-run").click()
    expect(toast(page)).to_contain_text(re.compile("reads no writing.*TrOCR"))
    close_toasts(page)
    page.locator("#look-what").get_by_text("Say what is on it").click()
    settle(page)

    # 4. What was said is kept, and goes on: its lineage holds the picture's name as a prompt
    send_to(page.locator("#look-actions"), "as the prompt")
    expect(page.locator("#image-prompt textarea")).to_have_value(re.compile("heart"))

    # 5. What it does not know it says, and keeps nothing of it
    open_tab(page, "Multimodal")
    page.locator("#look-picture").get_by_label("Remove Image").click()
    bring(page, field(tmp_path / "field.jpg"))
    page.locator("#look-run").click()
    expect(page.locator("#look-stage")).to_contain_text("not an icon-like picture", timeout=ENGINE_MILLISECONDS)
    open_tab(page, "Library")
    expect(page.locator("#library-items .card")).to_have_count(1)

    # 6. A model that sees talks about the picture: question after question, also after a reload
    open_tab(page, "Multimodal")
    further, stage = page.locator("#look-further-question textarea"), page.locator("#look-stage .stage-looked")
    expect(page.locator("#look-note")).to_contain_text("SmolVLM 256M")
    choose_model(page, str(save_llava(tmp_path / "tiny-eyes")), "look")
    for number, question in enumerate(("What colour is it?", "How large?"), 1):
        type_in(further, question)
        further.press("Enter")
        expect(stage.locator(".asked")).to_have_count(number, timeout=ENGINE_MILLISECONDS)
        expect(stage.locator(".asked").last).to_have_text(question)
    reload(page)
    open_tab(page, "Multimodal")
    expect(stage.locator(".asked")).to_have_text(["What colour is it?", "How large?"])
    expect(stage.locator("img.looked-at")).to_be_visible()
    expect(page.locator("#look-actions [data-action=again]")).to_be_visible()
    open_tab(page, "Library")
    expect(page.locator("#library-items .card")).to_have_count(3)


def test_a_client_has_a_picture_captioned(studio: StudioServer, tmp_path: Path) -> None:
    client = Client(studio.url, verbose=False)
    assert "heart" in client.predict(image=handle_file(heart(tmp_path / "a.png")), api_name="/caption")
    assert "红" in client.predict(image=handle_file(tmp_path / "a.png"), language="zh", api_name="/caption")
    told = client.predict(image=handle_file(field(tmp_path / "b.jpg")), api_name="/caption")
    assert "not an icon-like picture" in told
    with pytest.raises(AppError, match="No model for this task"):
        client.predict(image=handle_file(tmp_path / "a.png"), question="Who drew it?", api_name="/caption")
    eyes = str(save_llava(tmp_path / "eyes"))
    answer = client.predict(handle_file(tmp_path / "a.png"), "Who drew it?", eyes, api_name="/caption")
    assert isinstance(answer, str) and answer and "Who drew it?" not in answer
    with pytest.raises(AppError, match="No model for this task"):
        client.predict(image=handle_file(tmp_path / "a.png"), reads=True, api_name="/caption")
