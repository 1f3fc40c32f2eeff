"""The Audio tab: a person speaks, listens and works on sounds, and nothing they do loses what they started."""

import re
import time
from io import BytesIO
from pathlib import Path

import pytest
import soundfile
from playwright.sync_api import Page, expect

from pipelines.music.midi import read_midi
from pipelines.provenance import recipe
from pipelines.types.music import MusicRequest
from pipelines.types.speech import SpeechRequest
from pipelines.types.workbench import WorkbenchRequest
from tests.browser import hear
from tests.browser.conftest import OpenPage
from tests.browser.draw import close_toasts, toast
from tests.browser.microphone import let_hear
from tests.browser.talk import ENGINE_MILLISECONDS, choose_model, open_tab, paste_in, send_to, settle, type_in
from tests.pipelines.tiny_sounds import save_musicgen_melody, save_stable_audio
from tests.pipelines.tiny_voices import save_dia
from tests.server import StudioServer

LONG_STORY = " ".join(["The keeper counted the ships. He wrote every name in a book. Then he lit the lamp."] * 60)


def wait_until_heard(page: Page, sentences: int = 1) -> None:
    page.wait_for_function(
        "(count) => Number(document.querySelector('#speak-stage')?.dataset.heard || 0) >= count",
        arg=sentences,
        timeout=ENGINE_MILLISECONDS,
    )


def test_a_text_is_heard_before_it_is_whole_and_goes_on_from_tab_to_tab(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    # 1. The first sentence is heard while the rest is made
    hear.open_audio(page, "speak")
    page.locator("#speak-examples button").nth(1).click()
    expect(page.locator("#speak-text textarea")).to_have_value(re.compile("lighthouse keeper"))
    settle(page)
    page.locator("#speak-run").click()
    wait_until_heard(page)
    expect(page.locator("#speak-facts")).to_contain_text("of 4")
    # 2. The whole can be played, from any sentence on, and saved in every format with its recipe
    player = hear.wait_for_player(page, "speak")
    assert 6 < hear.seconds_of(player) < 30
    expect(page.locator("#speak-facts")).to_contain_text("first heard after")
    line = page.locator("#speak-stage .segments button").nth(2)
    line.click()
    page.wait_for_function("() => !document.querySelector('#speak-stage audio').paused")
    assert player.evaluate("(audio) => audio.currentTime") >= float(line.get_attribute("data-seek") or 0)
    for name in ("FLAC", "MP3"):
        address = page.locator("#speak-actions a", has_text=name).get_attribute("href")
        data = page.request.get(f"{studio.url}{address}").body()
        asked = recipe.request_of(recipe.read(data))
        assert isinstance(asked, SpeechRequest) and "lighthouse keeper" in asked.text
    (tmp_path / "story.mp3").write_bytes(data)
    # 3. It is written down again, with its times; pressing one plays the recording
    send_to(page.locator("#speak-actions"), "Listen")
    expect(page.locator("#tab-listen-button")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#listen-audio .timestamps")).to_be_visible()
    settle(page)
    page.locator("#listen-run").click()
    first = page.locator("#listen-stage .segments button").first
    expect(first).to_contain_text("Once upon a time", timeout=ENGINE_MILLISECONDS)
    expect(page.locator("#listen-facts")).to_contain_text("English")
    subtitles = page.locator("#listen-actions a", has_text="SRT").get_attribute("href")
    assert re.match(r"1\n00:00:0\d,\d{3} --> ", page.request.get(f"{studio.url}{subtitles}").text())
    # 4. The text goes on into Text, and the library plays the sound
    send_to(page.locator("#listen-actions"), "Tasks")
    expect(page.locator("#task-prompt textarea")).to_have_value(re.compile("Once upon a time"))
    open_tab(page, "Library")
    page.locator("#library-kind").get_by_text("Sounds").click()
    card = page.locator("#library-items .card")
    expect(card).to_have_count(1)
    expect(card.locator("audio")).to_be_visible()
    # 5. Its lineage shows what was made of it, and opens that
    card.get_by_role("button", name="Lineage").click()
    expect(page.locator("#library-items .lineage-box")).to_have_text(
        [re.compile("Reading aloud"), re.compile("Writing down")]
    )
    page.locator("#library-items .lineage-box").nth(1).click()
    expect(page.locator("#tab-listen-button")).to_have_attribute("aria-selected", "true")
    open_tab(page, "Library")
    # 6. A dropped file opens the tab with its settings
    page.locator("#library-drop input[type=file]").set_input_files(tmp_path / "story.mp3")
    expect(page.locator("#tab-speak-button")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#speak-text textarea")).to_have_value(re.compile("lighthouse keeper"))


def test_stop_ends_speech_at_once_and_a_reload_finds_it_again(studio: StudioServer, open_page: OpenPage) -> None:
    page = open_page(studio.url)
    hear.open_audio(page, "speak")
    paste_in(page.locator("#speak-text textarea"), LONG_STORY)
    page.locator("#speak-run").click()
    wait_until_heard(page)
    page.reload()
    hear.open_audio(page, "speak")
    expect(page.locator("#speak-facts")).to_contain_text(
        re.compile(r"sentence \d+ of 180"), timeout=ENGINE_MILLISECONDS
    )
    expect(page.locator("#speak-text textarea")).to_have_value(LONG_STORY)
    page.locator("#speak-stage [data-speech=play]").click()
    wait_until_heard(page)
    expect(page.locator("#speak-stage")).to_have_attribute("data-speech", "playing")
    pressed = time.monotonic()
    page.locator("#speak-stop").click()
    expect(page.locator("#speak-stage")).to_have_attribute("data-speech", "idle")
    silent = time.monotonic() - pressed
    player = hear.wait_for_player(page, "speak")
    stopped = time.monotonic() - pressed
    assert silent < 1 and stopped < 5, "what was said by then is kept"
    assert hear.seconds_of(player) > 1
    expect(page.locator("#speak-facts")).to_contain_text("stopped")


def test_a_sound_is_measured_and_changed_and_bad_ones_are_refused(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    hear.open_audio(page, "bench")
    # 1. Measured
    hear.bring(page, "bench-audio", hear.tone(tmp_path / "tone.wav"))
    page.locator("#bench-run").click()
    expect(page.locator("#bench-stage .sound-picture img")).to_have_count(2, timeout=ENGINE_MILLISECONDS)
    expect(page.locator("#bench-stage .measures")).to_contain_text("220 Hz")
    page.wait_for_function(
        "() => [...document.querySelectorAll('#bench-stage .sound-picture img')].every(one => one.naturalWidth === 1280)"
    )
    expect(page.locator("#bench-actions button")).to_have_count(0)
    # 2. Changed: the first second, an octave higher
    for name, value in (("end", "0:01"), ("fade-out", "0.2")):
        box = page.locator(f"#bench-{name} input")
        box.click()
        box.press_sequentially(value)
    semitones = page.locator("#bench-semitones input[type=number]")
    semitones.click()
    semitones.press("Control+a")
    semitones.press_sequentially("12")
    semitones.blur()
    settle(page)
    page.locator("#bench-run-1").click()
    player = hear.wait_for_player(page, "bench")
    assert hear.seconds_of(player) == pytest.approx(1.0, abs=0.01)
    expect(page.locator("#bench-stage .measures")).to_contain_text(re.compile(r"4[34]\d Hz"))
    address = page.locator("#bench-actions a", has_text="OGG").get_attribute("href")
    data = page.request.get(f"{studio.url}{address}").body()
    asked = recipe.request_of(recipe.read(data))
    assert isinstance(asked, WorkbenchRequest) and (asked.end, asked.semitones) == (1.0, 12.0)
    assert soundfile.info(BytesIO(data)).format == "OGG"
    # 3. What is no sound is refused by its name, and the result stays
    (tmp_path / "words.wav").write_text("these are words")
    page.locator("#bench-audio").get_by_role("button", name="Clear").click()
    page.locator("#bench-audio input[type=file]").set_input_files(tmp_path / "words.wav")
    expect(page.locator("#bench-audio input[type=file]")).to_have_count(0)
    settle(page)
    page.locator("#bench-run").click()
    expect(toast(page)).to_contain_text("words.wav cannot be read as sound: it is no sound, whatever its name says")
    close_toasts(page)
    expect(player).to_be_visible()


def test_a_private_edit_is_heard_on_this_page_alone_in_chinese(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url, locale="zh-CN", viewport={"width": 390, "height": 844})
    hear.open_audio(page, "bench")
    expect(page.locator("#tab-bench-button")).to_have_text("工作台")
    expect(page.locator("#bench-stage")).to_contain_text("观察并修改声音")
    hear.bring(page, "bench-audio", hear.tone(tmp_path / "secret.flac"))
    page.locator("#bench-private input").check()
    settle(page)
    page.locator("#bench-run-1").click()
    player = hear.wait_for_player(page, "bench")
    assert (player.get_attribute("src") or "").startswith("data:audio/flac;base64,")
    expect(page.locator("#bench-stage .measures")).to_contain_text("响度")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth"), "no sideways scroll"
    page.reload()
    hear.open_audio(page, "bench")
    expect(page.locator("#bench-stage")).to_contain_text("观察并修改声音")
    expect(page.locator("#bench-recent")).to_contain_text("修改过的声音会列在这里")


def test_a_voice_is_recorded_with_the_microphone(studio: StudioServer, open_page: OpenPage) -> None:
    """Chromium's own microphone for tests, which beeps: nobody speaks in it."""
    page = open_page(studio.url, permissions=["microphone"])
    hear.open_audio(page, "listen")
    page.locator("#listen-audio").get_by_label("Record audio").click()
    page.locator("#listen-audio .record-button").click()
    expect(page.locator("#listen-audio .stop-button")).to_be_visible()
    page.wait_for_timeout(2500)
    page.locator("#listen-audio .stop-button").click()
    expect(page.locator("#listen-audio .timestamps")).to_be_visible()
    settle(page)
    page.locator("#listen-run").click()
    expect(page.locator("#listen-facts")).to_contain_text("of sound", timeout=ENGINE_MILLISECONDS)
    expect(page.locator("#listen-stage")).to_contain_text(re.compile("No speech was heard|0:00"))


def test_a_tune_is_composed_in_a_key_and_goes_on_from_a_melody(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url, permissions=["microphone"])
    hear.open_audio(page, "compose")
    # 1. In D, of eight seconds: sound, notes, MIDI
    page.locator("#compose-key input").click()
    page.get_by_role("option", name="D major", exact=True).click()
    length = page.locator("#compose-seconds input[type=number]")
    length.click()
    length.press("Control+a")
    length.press_sequentially("8")
    length.blur()
    settle(page)
    page.locator("#compose-run").click()
    player = hear.wait_for_player(page, "compose")
    assert 5 < hear.seconds_of(player) < 14
    expect(page.locator("#compose-facts")).to_contain_text("D major")
    assert page.locator("#compose-stage .roll rect").count() > 5
    address = page.locator("#compose-actions a", has_text="MIDI").get_attribute("href")
    notes = page.request.get(f"{studio.url}{address}").body()
    assert notes.startswith(b"MThd")
    # 2. A press on the piano roll plays from there
    page.locator("#compose-stage .roll").click()
    page.wait_for_function("() => document.querySelector('#compose-stage audio').currentTime > 1")
    # 3. On from these notes
    (tmp_path / "tune.mid").write_bytes(notes)
    page.locator("#compose-from > button").click()
    melody = page.locator("#compose-melody input[type=file]")
    expect(melody).to_be_attached()
    settle(page)
    melody.set_input_files(tmp_path / "tune.mid")
    expect(page.locator("#compose-melody")).to_contain_text("tune.mid")
    settle(page)
    before = player.get_attribute("src") or ""
    page.locator("#compose-run").click()
    expect(page.locator("#compose-stage audio")).not_to_have_attribute("src", before, timeout=ENGINE_MILLISECONDS)
    expect(page.locator("#compose-recent .small-card")).to_have_count(2)
    # 4. On from what is hummed, which goes before the file
    hummed = [57, 59, 61, 64, 64, 61, 59, 57]
    let_hear(page, hear.hum(hummed))
    page.locator("#compose-hum .record-button").click()
    expect(page.locator("#compose-hum .stop-button")).to_be_visible()
    page.wait_for_function("() => window.isQuiet === true")
    page.locator("#compose-hum .stop-button").click()
    expect(page.locator("#compose-hum .timestamps")).to_be_visible()
    settle(page)
    page.locator("#compose-run").click()
    expect(page.locator("#compose-recent .small-card")).to_have_count(3, timeout=ENGINE_MILLISECONDS)
    address = page.locator("#compose-actions a", has_text="MIDI").get_attribute("href")
    first = read_midi(page.request.get(f"{studio.url}{address}").body(), "notes").notes[:3]
    assert {note.pitch % 12 for note in first} <= {pitch % 12 for pitch in hummed}


def test_a_voice_is_taken_only_with_the_right_to_it_and_a_sound_is_made_of_words(
    studio: StudioServer, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(studio.url)
    # 1. The starter takes no voice over; a model that can asks for the right to it
    hear.open_audio(page, "speak")
    expect(page.locator("#speak-own")).to_be_hidden()
    paste_in(page.locator("#speak-text textarea"), "the dog.")
    model = page.locator("#speak-model input")
    paste_in(model, str(save_dia(tmp_path / "dialogue")))
    page.keyboard.press("Enter")
    model.blur()  # Tab would open the list of voices, and gradio trips over a list that grows shorter while it is open
    expect(page.locator("#speak-own")).to_be_visible()
    settle(page)
    page.locator("#speak-own > button").click()
    expect(page.locator("#speak-reference input[type=file]")).to_be_attached()
    settle(page)
    hear.bring(page, "speak-reference", hear.tone(tmp_path / "voice.wav"))
    paste_in(page.locator("#speak-words textarea"), "good day")
    page.locator("#speak-run").click()
    expect(toast(page)).to_contain_text("only with the right to it")
    close_toasts(page)
    page.locator("#speak-right input").check()
    settle(page)
    page.locator("#speak-run").click()
    expect(page.locator("#speak-facts")).to_contain_text("own or with permission", timeout=ENGINE_MILLISECONDS)
    address = page.locator("#speak-actions a", has_text="FLAC").get_attribute("href")
    asked = recipe.request_of(recipe.read(page.request.get(f"{studio.url}{address}").body()))
    assert isinstance(asked, SpeechRequest) and asked.has_right_to_voice and asked.reference_text == "good day"
    # The right is said of one recording, not of the next, nor of none
    page.locator("#speak-reference").get_by_role("button", name="Clear").click()
    expect(page.locator("#speak-right input")).not_to_be_checked()
    page.locator("#speak-right input").check()
    hear.bring(page, "speak-reference", hear.tone(tmp_path / "another.wav", 440.0))
    expect(page.locator("#speak-right input")).not_to_be_checked()
    page.locator("#speak-run").click()
    expect(toast(page)).to_contain_text("only with the right to it")
    close_toasts(page)
    # 2. A melody is gone on with, or followed by a model that can
    hear.open_audio(page, "compose")
    expect(page.locator("#compose-task")).to_be_hidden()
    expect(page.locator("#compose-from > button")).to_contain_text("Go on from a melody")
    choose_model(page, str(save_musicgen_melody(tmp_path / "follower")), "compose")
    expect(page.locator("#compose-from > button")).to_contain_text("Follow a melody")
    settle(page)
    # 3. Words become a sound
    choose_model(page, str(save_stable_audio(tmp_path / "noises")), "compose")
    expect(page.locator("#compose-task")).to_be_visible()
    settle(page)
    page.locator("#compose-task label", has_text="A sound").click()
    paste_in(page.locator("#compose-prompt textarea"), "a dog barks")
    length = page.locator("#compose-seconds input[type=number]")
    type_in(length, "5")
    length.blur()
    settle(page)
    page.locator("#compose-run").click()
    expect(page.locator("#compose-facts")).to_contain_text("noises", timeout=ENGINE_MILLISECONDS)
    address = page.locator("#compose-actions a", has_text="FLAC").get_attribute("href")
    made = recipe.request_of(recipe.read(page.request.get(f"{studio.url}{address}").body()))
    assert isinstance(made, MusicRequest) and (made.task, made.prompt, made.seconds) == ("sound", "a dog barks", 5.0)
