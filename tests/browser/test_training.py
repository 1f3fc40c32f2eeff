"""The Training tab as a person uses it: start, watch, stop and save, go on, finish; reload; others; two languages."""

import json
import re
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import OpenPage
from tests.browser.talk import open_more, open_tab, reload, settle, type_in
from tests.hub import LocalHub
from tests.pipelines.tiny_texts import save_causal
from tests.pipelines.training.uploads.seeded import packed
from tests.server import StudioServer

# A machine that is busy with other things gives a run only what is left.
RUN_MILLISECONDS = 300_000

STEPS = 400
TOKEN = "hf_ofJaneAlone"
ATTACK = "<img src=x onerror='window.__pwned=1'>"


@pytest.fixture(scope="module")
def training_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StudioServer]:
    with LocalHub() as hub:
        hub.accounts[TOKEN] = "jane"
        home = tmp_path_factory.mktemp("training-studio") / "home"
        server = StudioServer(home, HF_ENDPOINT=hub.address, HF_HUB_OFFLINE="0").start(is_worker_awaited=False)
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
    expect(page.locator("#training-trainer input")).to_have_value("Picture classifier (small CNN)")
    settle(page)

    # What is said of a picture is kept as soon as its box is left, and examined again
    card.locator('[data-action="captions"]').click()
    boxes = page.locator("#training-captions textarea")
    expect(boxes).to_have_count(12)
    expect(page.locator("#training-captions img").first).to_be_visible()
    type_in(boxes.first, ATTACK)
    boxes.first.blur()
    expect(card).to_contain_text("has HTML tags in it")
    card.locator('[data-action="captions"]').click()
    expect(boxes.first).to_have_value(ATTACK)
    assert page.evaluate("window.__pwned") is None

    # What the changes would do is seen before the start
    make_it_small(page, 5, "Pets")
    type_in(setting(page, "augment-rotate"), "30")
    page.locator("#training-show-changes").click()
    expect(page.locator("#training-changes img")).to_have_count(2, timeout=RUN_MILLISECONDS)
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

    # Pushed to the hub with a token that is kept nowhere
    page.locator("#training-push-part > button").click()
    token = page.locator("#training-token input")
    expect(token).to_be_visible()
    type_in(token, TOKEN)
    press(page, "push")
    expect(page.locator("#training-pushed")).to_contain_text("is there: jane/pets", timeout=RUN_MILLISECONDS)
    expect(token).to_have_value("")
    assert training_studio.files_with(TOKEN) == [] and TOKEN not in training_studio.log.read_text()

    # The data go when their person says so; the model stays
    page.locator('#training-data [data-action="remove"]').click()
    page.locator('#training-data [data-action="remove-sure"]').click()
    expect(page.locator("#training-dataset input")).not_to_have_value("pets (yours, 12)")


def test_start_watch_stop_and_save_resume_and_finish(training_studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(training_studio.url)
    open_training(page)
    expect(page.locator("#training-head")).to_contain_text("Nothing has been trained yet")
    expect(page.locator("#training-forecast")).to_contain_text("memory, counted from the settings")

    # 1 Start, and see it learn; the command for several GPUs says the same
    type_in(setting(page, "plan-steps"), str(STEPS))
    type_in(page.locator("#training-name").get_by_role("textbox"), "My digits")
    page.locator("#training-show-launch").click()
    commands = page.locator("#training-launch code")
    expect(commands).to_have_count(3)
    expect(commands.first).to_contain_text("accelerate launch --multi_gpu --num_processes 2")
    expect(commands.first).to_contain_text(f"'--name=My digits' --set=plan.steps={STEPS}")
    page.locator("#training-launch button").first.click()
    expect(page.locator("#training-launch button").first).to_have_text("Copied")
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

    # 3 Another run beside it, and a search for settings that waits: names are only text there, too
    settle(page)
    press(page, "start")
    expect(page.locator("#training-runs li")).to_have_count(2, timeout=RUN_MILLISECONDS)
    for number in (0, 1):
        button = page.locator('#training-runs [data-action="compare"]').nth(number)
        button.click()
        expect(button).to_have_attribute("aria-pressed", "true")
    expect(page.locator("#training-comparison")).to_contain_text("have to be measured before they can be judged")
    expect(page.locator("#training-comparison table")).to_be_visible()
    page.locator("#training-study-part button").first.click()
    expect(page.locator("#training-vary")).to_contain_text("Learning rate")
    settle(page)
    page.locator("#training-search").click()
    expect(page.locator("#training-study")).to_contain_text("0 of 12 trials")
    page.locator('#training-study [data-action="study-stop"]').click()
    expect(page.locator("#training-study")).to_contain_text("cancelled")
    press(page, "cancel")
    expect_state(page, "cancelled")
    page.locator("#training-runs .line").nth(1).click()
    expect_state(page, "step")
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


def test_a_tuned_language_model_is_asked_beside_its_base_and_used_in_the_text_tab(
    training_studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    """Dialogues of one's own: a LoRA is trained over a tiny base, asked beside it, and laid over it in the Text tab."""
    save_causal(training_studio.home / "models" / "tiny-base")
    rows = [{"instruction": f"number {n}", "output": "ahoy, sailor"} for n in range(20)]
    (tmp_path / "ahoy.jsonl").write_text("\n".join(map(json.dumps, rows)))
    page = open_page(training_studio.url)
    open_training(page)

    # 1 Bring the dialogues: the trainer that reads them is chosen; the tiny base by its name
    page.locator("#training-bring-part button").first.click()
    page.locator("#training-bring input[type=file]").set_input_files(tmp_path / "ahoy.jsonl")
    expect(page.locator("#training-data")).to_contain_text("20 dialogues")
    expect(page.locator("#training-trainer input")).to_have_value(re.compile("^Language model, tuned"))
    settle(page)
    base = page.locator("#training-base input")
    base.click()
    page.get_by_role("option", name=re.compile("tiny-base")).click()
    type_in(setting(page, "plan-steps"), "3")
    type_in(page.locator("#training-name").get_by_role("textbox"), "Sailor")
    press(page, "start")
    expect(page.locator("#training-head h3")).to_have_text("Sailor")
    expect_state(page, "finished")

    # 2 Base and tuned at one seed
    type_in(page.locator("#training-question textarea"), "number 5")
    page.locator("#training-ask").click()
    expect(page.locator("#training-answers figure")).to_have_count(2)
    expect(page.locator("#training-ask")).to_be_enabled(timeout=RUN_MILLISECONDS)

    # 3 Saved with its card, and merged into its base
    with page.expect_download() as saved:
        page.locator("#training-model a[download]").click()
    with zipfile.ZipFile(saved.value.path()) as archive:
        assert b"tiny-base" in archive.read("sailor/README.md")
    page.locator('#training-model [data-action="merge"]').click()
    expect(page.get_by_test_id("toast-body")).to_contain_text("merged")
    deadline = time.monotonic() + RUN_MILLISECONDS / 1000
    while not (training_studio.home / "models" / "sailor-merged" / "model.json").exists():
        assert time.monotonic() < deadline
        page.wait_for_timeout(200)

    # 4 Into the Text tab, under its base
    page.locator('#training-model [data-action="use"]').click()
    expect(page.get_by_role("tab", name="Text", exact=True)).to_have_attribute("aria-selected", "true")
    open_more(page)
    expect(page.locator("#text-adapter input, #text-adapter textarea").first).to_have_value("sailor")
