"""What a person does in the Audio tab again and again, and what stands in for their voice."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page, expect

from pipelines.sound.files import to_bytes
from pipelines.types.sound import Wave
from tests.browser.talk import ENGINE_MILLISECONDS, settle

RATE = 24_000


def open_audio(page: Page, sub_tab: str) -> None:
    """`sub_tab` is "speak", "listen", "compose" or "bench"."""
    page.locator("#tab-audio-button").click()
    tab = page.locator(f"#tab-{sub_tab}-button")
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true")
    expect(page.locator(f"#{sub_tab}-stage .stage")).to_be_visible()
    settle(page)


def bring(page: Page, box: str, path: Path) -> None:
    """Choose a file in a box of sound, and see it there."""
    page.locator(f"#{box} input[type=file]").set_input_files(path)
    expect(page.locator(f"#{box} [data-testid=waveform-{box}], #{box} .timestamps").first).to_be_visible()
    settle(page)


def wait_for_player(page: Page, area: str) -> Locator:
    """The result as a whole, ready to be played."""
    player = page.locator(f"#{area}-stage audio")
    expect(player).to_be_visible(timeout=ENGINE_MILLISECONDS)
    page.wait_for_function("(at) => document.querySelector(at)?.readyState >= 1", arg=f"#{area}-stage audio")
    return player


def seconds_of(player: Locator) -> float:
    return float(player.evaluate("(audio) => audio.duration"))


def tone(path: Path, hertz: float = 220.0, seconds: float = 2.0) -> Path:
    samples: Any = (0.4 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.float32)
    path.write_bytes(to_bytes(Wave(samples, RATE), path.suffix.removeprefix(".")))
    return path


def hum(pitches: Sequence[int], seconds: float = 0.45) -> bytes:
    """MIDI numbers by a voice, as WAV, after a second in which nobody hums."""
    time = np.arange(int(seconds * RATE)) / RATE
    swell = np.minimum(1, np.minimum(time, time[::-1]) / 0.03)
    parts = [np.zeros(RATE)]
    for pitch in pitches:
        phase = 2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time
        parts.append(swell * sum(np.sin(number * phase) / number**1.5 for number in range(1, 8)))
    return to_bytes(Wave((0.2 * np.concatenate(parts)).astype(np.float32), RATE))
