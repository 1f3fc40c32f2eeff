"""How well speech is understood, and how fast it comes: `python -m tests.bench.speech [--voice NAME] [--only HALF]`.

Forty sentences are said by the starter model and written down by the starter model for transcription. Figures compare what
was heard with how a person would say the sentence, which is written by hand. English is brought to one form on both sides
by Whisper's own normaliser (figures, contractions, punctuation, case), Chinese by OpenCC (simplified characters), wetext
(figures as characters) and without punctuation. Errors are counted by jiwer over all words or characters of a group.

The speed by processor seconds tells more on a machine that has other work.

Where the program espeak-ng is installed, the same sentences are said by it too, the Chinese ones from pinyin: what is wrong
there as well may be the listener's.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import time
import unicodedata
from collections.abc import Callable
from pathlib import Path

import jiwer
from pypinyin import Style, lazy_pinyin

from pipelines.audio import AudioPipeline
from pipelines.sound.files import to_bytes
from pipelines.types.events import Event
from pipelines.types.sound import Heard
from pipelines.types.speech import SpeechRequest
from pipelines.types.transcription import TranscribeRequest
from tests.bench.record import record
from tests.bench.sentences import CHINESE, ENGLISH, MINUTE, NUMBERS

SPEAKER, LISTENER = "kokoro-82m", "whisper-base"
ESPEAK_VOICES = {"en": "en-us", "zh": "cmn-latn-pinyin"}

Say = Callable[[str, str, Path], None]  # (text, language, where to)
GROUPS = {
    "english": ("en", tuple((text, text) for text in ENGLISH)),
    "numbers": ("en", NUMBERS),
    "chinese": ("zh", CHINESE),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voice", default="", help="a voice of the starter model, or a mixture")
    parser.add_argument("--show", action="store_true", help="print every sentence that was heard otherwise")
    parser.add_argument("--only", choices=("speed", "errors"), help="one half: the speed wants a quiet machine")
    asked = parser.parse_args()
    audio = AudioPipeline.on_this_machine(device="cpu")
    about = {"voice": asked.voice or audio.catalog.find(SPEAKER).voices[0]}
    if asked.only != "errors":
        print(record("speech-speed", {**about, "load of the machine": os.getloadavg()[0], **speed(audio, asked.voice)}))
    if asked.only != "speed":
        print(record("speech", {**about, **errors(audio, asked.voice, asked.show)}))


def errors(audio: AudioPipeline, voice: str, is_shown: bool) -> dict[str, float]:
    """Of the starter's voice, and of espeak-ng where it is installed."""

    def kokoro(text: str, language: str, target: Path) -> None:
        target.write_bytes(to_bytes(audio.generate(SpeechRequest(SPEAKER, text, voice=voice)).wave))

    figures = {f"{name}, error rate": rate for name, rate in understood(audio, kokoro, is_shown).items()}
    if shutil.which("espeak-ng"):
        rates = understood(audio, espeak, is_shown)
        figures |= {f"{name}, error rate of espeak-ng": rate for name, rate in rates.items()}
    return figures


def speed(audio: AudioPipeline, voice: str) -> dict[str, float | int | str]:
    """A minute of English: cold is with the model on the disk, warm with it in memory."""
    figures: dict[str, float | int | str] = {}
    for state in ("cold", "warm"):
        started, worked = time.perf_counter(), time.process_time()
        first: list[float] = []

        def listen(event: Event, started: float = started, first: list[float] = first) -> None:
            if isinstance(event, Heard):
                first.append(time.perf_counter() - started)

        result = audio.generate(SpeechRequest(SPEAKER, MINUTE, voice=voice), listen)
        figures |= {
            "seconds of the text": result.seconds_audio,
            f"first sound after seconds, {state}": first[0],
            f"real-time factor of speech, {state}": result.seconds / result.seconds_audio,
            f"processor seconds per second of speech, {state}": (time.process_time() - worked) / result.seconds_audio,
        }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "minute.wav"
        path.write_bytes(to_bytes(result.wave))
        heard = audio.generate(TranscribeRequest(LISTENER, audio=str(path)))
    figures["real-time factor of transcription"] = heard.seconds / heard.seconds_audio
    figures["minute, error rate"] = jiwer.wer(english(MINUTE), english(heard.text))
    return figures


def understood(audio: AudioPipeline, say: Say, is_shown: bool) -> dict[str, float]:
    rates = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (language, sentences) in GROUPS.items():
            said, heard = [], []
            for number, (written, spoken) in enumerate(sentences):
                path = Path(folder) / f"{name}-{number}.wav"
                say(written, language, path)
                text = audio.generate(TranscribeRequest(LISTENER, audio=str(path), language=language)).text
                normal = chinese if language == "zh" else english
                said.append(normal(spoken))
                heard.append(normal(text))
                if is_shown and said[-1] != heard[-1]:
                    print(f"  {said[-1]}\n  {heard[-1]}\n")
            rates[name] = jiwer.cer(said, heard) if language == "zh" else jiwer.wer(said, heard)
    return rates


def espeak(text: str, language: str, target: Path) -> None:
    """The program, in a process of its own. Its Chinese dictionary is not in every package: it is given pinyin."""
    if language == "zh":
        text = " ".join(lazy_pinyin(chinese(text), style=Style.TONE3, neutral_tone_with_five=True))
    subprocess.run(["espeak-ng", "-v", ESPEAK_VOICES[language], "-w", str(target), text], check=True)


def english(text: str) -> str:
    from transformers.models.whisper.english_normalizer import EnglishTextNormalizer

    return EnglishTextNormalizer({})(text)


def chinese(text: str) -> str:
    from opencc import OpenCC
    from wetext import Normalizer

    text = Normalizer(lang="zh", operator="tn").normalize(OpenCC("t2s").convert(re.sub(r"(?<=\d),(?=\d)", "", text)))
    return "".join(sign for sign in text if unicodedata.category(sign)[0] in "LN")


if __name__ == "__main__":
    main()
