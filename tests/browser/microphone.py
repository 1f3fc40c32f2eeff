"""What a browser hears in place of a room: a recording that begins when the page opens the microphone."""

import base64

from playwright.sync_api import Page

# Milliseconds from a press on Stop to silence, by the clock of the page: the hand of a test is slow where much else runs
TELL_WHEN_SILENT = """() => {
  delete window.silentAfter;
  const look = (pressed) => {
    if (document.querySelector('#talk-spoken').dataset.speech === 'idle') window.silentAfter = performance.now() - pressed;
    else setTimeout(look, 10, pressed);
  };
  document.querySelector('#talk-stop').addEventListener('click', () => look(performance.now()), { once: true });
}"""

# A real stream of the browser's own; only what comes out of the air is given
_HEARD = """() => {
  navigator.mediaDevices.getUserMedia = async () => {
    const context = new AudioContext();
    const room = context.createMediaStreamDestination();
    const source = context.createBufferSource();
    source.buffer = await context.decodeAudioData(await (await fetch(window.inTheRoom)).arrayBuffer());
    source.onended = () => { window.isQuiet = true; };
    source.connect(room);
    window.isQuiet = false;
    source.start();
    return room.stream;
  };
}"""


def let_hear(page: Page, wav: bytes) -> None:
    """From now on whoever opens the microphone hears `wav` from its beginning, then silence."""
    page.evaluate(_HEARD)
    page.evaluate(
        "(url) => { window.inTheRoom = url; window.isQuiet = false; }",
        f"data:audio/wav;base64,{base64.b64encode(wav).decode()}",
    )


def say_while_holding(page: Page) -> None:
    """Hold the button until the recording in the room is over."""
    button = page.locator("#talk-button .talk-hold")
    button.dispatch_event("pointerdown", {"button": 0})
    page.wait_for_function("() => window.isQuiet === true")
    page.evaluate(
        "() => { window.releasedAt = performance.now(); window.dispatchEvent(new PointerEvent('pointerup')); }"
    )


def silence(page: Page) -> float:
    """What TELL_WHEN_SILENT told, milliseconds."""
    page.wait_for_function("() => window.silentAfter !== undefined")
    return float(page.evaluate("() => window.silentAfter"))
