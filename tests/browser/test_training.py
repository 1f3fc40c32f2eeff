"""The Training tab as a person uses it: start, watch, stop and save, go on, finish; reload; others; two languages."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.talk import open_tab, reload, settle, type_in
from tests.pipelines.training.uploads.test_doctor import packed
from tests.server import StudioServer

# A machine that is busy with other things gives a run only what is left.
RUN_MILLISECONDS = 300_000

STEPS = 400
ATTACK = "<img src=x onerror='window.__pwned=1'>"


@pytest.fixture(scope="module")
def training_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    server = StudioServer(tmp_path_factory.mktemp("training-studio") / "home").start(is_worker_awaited=False)
    yield server
    server.stop()


def open_training(page: Page, name: str = "Training") -> None:
    open_tab(page, name)
    expect(setting(page, "plan-steps")).to_be_visible()
    expect(page.locator("#training-head h3")).to_be_visible()
    settle(page)


def setting(page: Page, name: str) -> Locator:
    return page.locator(f"#training-set-{name}")


def make_it_small(page: Page, steps: int, name: str) -> None:
    """A network of the classifier that learns on any machine within seconds."""
    for field, value in (("plan-steps", steps), ("batch", 8)):
        type_in(setting(page, field), str(value))
    page.locator("#training-settings summary").click()
    for field, value in (("side", 16), ("width", 4), ("stages", 1)):
        expect(setting(page, field)).to_be_visible()
        type_in(setting(page, field), str(value))
    type_in(page.locator("#training-name").get_by_role("textbox"), name)


def press(page: Page, action: str) -> None:
    page.locator(f"#training-{action}").click()


def expect_state(page: Page, words: str) -> None:
    expect(page.locator("#training-head [role=status]")).to_contain_text(words, timeout=RUN_MILLISECONDS)


def steps_done(page: Page) -> int:
    words = page.locator("#training-head [role=status]").inner_text()
    found = re.search(r"step ([\d,]+) of", words)
    return int(found[1].replace(",", "")) if found else 0


def test_own_data_is_examined_and_trained_on(
    training_studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    """A ZIP of pictures in two folders, one of them damaged: it is named, the classifier is chosen, and it learns."""
    ((_, data),) = packed(("dog/broken.png", b"not a picture"))
    (tmp_path / "pets.zip").write_bytes(data)
    page = open_page(training_studio.url)
    open_training(page)
    page.locator("#training-bring-part button").first.click()
    page.locator("#training-bring input[type=file]").set_input_files(tmp_path / "pets.zip")
    card = page.locator("#training-data")
    expect(card).to_contain_text("12 pictures with labels · 2 classes: cat, dog")
    expect(card).to_contain_text("dog/broken.png cannot be opened as a picture")
    expect(page.locator("#training-dataset input")).to_have_value("pets (yours, 12)")
    expect(page.locator("#training-trainer input")).to_have_value("Picture classifier (ResNet)")
    settle(page)
    make_it_small(page, 5, "Pets")
    press(page, "start")
    expect_state(page, "finished")

    # The classifier is tried where it was trained, with a drawing
    expect(page.locator("#training-tell")).to_be_visible(timeout=RUN_MILLISECONDS)
    canvas = page.locator("#training-drawing canvas").first
    canvas.scroll_into_view_if_needed()
    page.wait_for_timeout(1500)  # the canvas has drawn itself
    box = canvas.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.6, steps=10)
    page.mouse.up()
    page.locator("#training-tell").click()
    expect(page.locator("#training-answer .word")).to_have_count(2, timeout=RUN_MILLISECONDS)
    assert set(page.locator("#training-answer .word").all_inner_texts()) == {"cat", "dog"}

    # The data go when their person says so; the model stays
    page.locator('#training-data [data-action="remove"]').click()
    page.locator('#training-data [data-action="remove-sure"]').click()
    expect(page.locator("#training-dataset input")).not_to_have_value("pets (yours, 12)")


def test_start_watch_stop_and_save_resume_and_finish(training_studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(training_studio.url)
    open_training(page)
    expect(page.locator("#training-head")).to_contain_text("Nothing has been trained yet")
    expect(page.locator("#training-forecast")).to_contain_text("unknown until the first steps")

    # 1 Start, and see it learn
    type_in(setting(page, "plan-steps"), str(STEPS))
    type_in(page.locator("#training-name").get_by_role("textbox"), "My digits")
    press(page, "start")
    expect(page.locator("#training-head h3")).to_have_text("My digits")
    expect(page.locator("#training-curves svg")).to_have_count(2, timeout=RUN_MILLISECONDS)
    expect(page.locator("#training-curves polyline").first).to_be_visible(timeout=RUN_MILLISECONDS)
    expect(page.locator("#training-curves .level")).to_be_attached()
    expect(page.locator("#training-samples img").first).to_be_visible(timeout=RUN_MILLISECONDS)
    assert page.locator("#training-samples img").first.evaluate("image => image.complete && image.naturalWidth") > 0

    # 2 Stop and save, then go on to the end, also after a reload
    press(page, "stop")
    expect_state(page, "stopped and saved")
    assert 0 < steps_done(page) < STEPS
    reload(page)
    open_training(page)
    expect(page.locator("#training-head h3")).to_have_text("My digits")
    press(page, "resume")
    expect_state(page, "finished")
    assert steps_done(page) == STEPS
    expect(page.locator("#training-model")).to_contain_text("my-digits")
    expect(page.locator("#training-runs li")).to_have_count(1)

    # 3 What it took is known now
    type_in(setting(page, "plan-steps"), "100")
    setting(page, "plan-steps").blur()
    expect(page.locator("#training-forecast")).to_contain_text("as the last one here")

    # 4 Delete asks first; the model stays
    press(page, "ask-delete")
    press(page, "delete")
    expect(page.locator("#training-head")).to_contain_text("Nothing has been trained yet")
    assert (training_studio.home / "models" / "my-digits" / "model.json").exists()


def test_a_reload_finds_a_run_others_do_not_and_a_name_is_only_text(
    training_studio: StudioServer, open_page: OpenPage
) -> None:
    page = open_page(training_studio.url)
    open_training(page)
    make_it_small(page, 1_000_000, ATTACK)
    press(page, "start")
    expect(page.locator("#training-head h3")).to_have_text(ATTACK)

    # 1 A reload finds it again, and the job drawer knows it
    expect(page.locator("#training-curves polyline").first).to_be_attached(timeout=RUN_MILLISECONDS)
    reload(page)
    open_training(page)
    expect(page.locator("#training-head h3")).to_have_text(ATTACK)
    expect(page.locator("#jobs-chip")).to_contain_text("1 running")

    # 2 Somebody else has nothing
    other = open_page(training_studio.url, locale="zh-CN")
    open_training(other, "训练")
    expect(other.locator("#training-head")).to_contain_text("还没有训练过")
    expect(other.locator("#training-start")).to_have_text("开始训练")
    press(page, "cancel")
    expect_state(page, "cancelled")
    assert page.evaluate("window.__pwned") is None


def test_a_setting_out_of_its_range_is_refused_and_nothing_typed_is_lost(
    training_studio: StudioServer, open_page: OpenPage
) -> None:
    page = open_page(training_studio.url)
    open_training(page)
    type_in(setting(page, "plan-steps"), "0")
    press(page, "start")
    expect(page.get_by_test_id("toast-body")).to_contain_text("must lie between")
    expect(setting(page, "plan-steps")).to_have_value("0")


def test_examples_of_a_data_set_are_shown_when_they_are_asked_for(
    training_studio: StudioServer, open_page: OpenPage
) -> None:
    page = open_page(training_studio.url)
    open_training(page)
    expect(page.locator("#training-data")).to_contain_text("CC-BY-4.0")
    asks = page.locator("#training-data").get_by_role("button", name="Show examples")
    if asks.count():  # once for a machine
        asks.click()
    expect(page.locator("#training-data img")).to_be_visible(timeout=RUN_MILLISECONDS)
    expect(page.locator("#training-data")).to_contain_text("held out")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_small_screen_shows_everything_without_a_sideways_scroll(
    training_studio: StudioServer, open_page: OpenPage, scheme: str
) -> None:
    page = open_page(training_studio.url, viewport={"width": 390, "height": 844}, color_scheme=scheme, locale="zh-CN")
    open_training(page, "训练")
    expect(page.locator("#training-start")).to_be_in_viewport()
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
