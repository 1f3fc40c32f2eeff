"""A text as speech: cut into sentences, each said by the model and heard at once, with pauses between them.

It knows text, samples and time, and no model family.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy

from pipelines.errors.requests import NoSuchLanguage, NoSuchVoice, NothingToSay, NoVoiceTaken, VoiceTooLong
from pipelines.sound.files import open_sound, resample, to_bytes
from pipelines.sound.stretching import stretched
from pipelines.speech.sentences import Piece, pieces
from pipelines.types.events import IsCancelled, OnEvent, Progress
from pipelines.types.model import ModelSpec
from pipelines.types.sound import Heard, Wave
from pipelines.types.speech import Sentence, SpeechRequest, SpeechResult

PAUSE_SECONDS = {"clause": 0.12, "sentence": 0.3, "paragraph": 0.6}  # at speed 1
SECONDS_PER_CHARACTER = {False: 0.2, True: 0.6}  # at most; True: of scripts with a syllable to a character
LEAST_SECONDS = 3.0
LONGEST_EXAMPLE_SECONDS = 15  # of a voice: the models that listen to one hear half a minute with what they say
OPENED_SECONDS = 300.0  # of a recording at most, so that one that is too long can be told its length


class SpeechModel(Protocol):
    """What a family gives for speech. `voices` and `languages` are empty where it has no names for them."""

    voices: tuple[str, ...]
    languages: tuple[str, ...]
    sampling_rate: int
    is_stochastic: bool  # by the seed of the request, which is then always there

    def speak(self, text: str, request: SpeechRequest, is_cancelled: IsCancelled) -> Any:
        """One sentence: NumPy float32 (frames,), without silence around it; None when it was cancelled."""
        ...


@dataclass(frozen=True)
class Example:
    """A voice: `samples` (frames,) float32 at the model's rate, and what is said in them."""

    samples: Any
    text: str


@runtime_checkable
class Imitator(Protocol):
    """What a family gives that speaks as in an example. Without one, it speaks the later sentences as it spoke the first."""

    voices: tuple[str, ...]
    languages: tuple[str, ...]
    sampling_rate: int
    is_stochastic: bool

    def cut(self, text: str) -> Iterator[Piece]:
        """What is said in one go: sentences, or what they mean only together."""
        ...

    def speak_like(self, text: str, example: Example | None, request: SpeechRequest, is_cancelled: IsCancelled) -> Any:
        """As SpeechModel.speak."""
        ...


def open_voice(request: SpeechRequest, is_cancelled: IsCancelled) -> Wave:
    """Mono at its own rate, because the model's is not known yet. Raises VoiceTooLong, MissingSound, UnreadableSound,
    and OpeningStopped when it was cancelled."""
    wave = open_sound(Path(request.reference), is_mono=True, limit_seconds=OPENED_SECONDS, is_cancelled=is_cancelled)
    if wave.seconds > LONGEST_EXAMPLE_SECONDS:
        raise VoiceTooLong(seconds=round(wave.seconds), limit=LONGEST_EXAMPLE_SECONDS)
    return wave


def speak(
    model: SpeechModel | Imitator,
    spec: ModelSpec,
    request: SpeechRequest,
    voice: Wave | None,
    on_event: OnEvent,
    is_cancelled: IsCancelled,
) -> SpeechResult:
    """`voice` is what `open_voice` opened, None without a reference.

    Raises NothingToSay, NoSuchVoice, NoSuchLanguage or NoVoiceTaken.
    """
    # 1 Can this model do that?
    _check(model, spec, request)
    to_say = list(model.cut(request.text) if isinstance(model, Imitator) else pieces(request.text))
    if not to_say:
        raise NothingToSay()
    if model.is_stochastic and request.seed is None:
        request = replace(request, seed=secrets.randbelow(2**32))
    say = _sayer(model, request, voice, is_cancelled)

    # 2 Sentence by sentence
    started = time.perf_counter()
    seconds_first = at = 0.0
    parts: list[Any] = []
    sentences: list[Sentence] = []
    on_event(Progress(0, len(to_say), "sentences"))
    is_stopped = False
    for done, piece in enumerate(to_say, start=1):
        said = None if is_cancelled() else say(piece.text)
        if said is None:
            is_stopped = True
            break
        if len(said):  # it is empty for a script that the voice cannot read
            pause = PAUSE_SECONDS[piece.ends] / request.speed if done < len(to_say) else 0.0
            samples = numpy.concatenate([said, numpy.zeros(int(pause * model.sampling_rate), numpy.float32)])
            wave = Wave(samples, model.sampling_rate)
            on_event(Heard(len(parts), piece.text, at, wave.seconds, wav=to_bytes(wave)))
            seconds_first = seconds_first or time.perf_counter() - started
            sentences.append(Sentence(piece.text, at, at + len(said) / model.sampling_rate))
            parts.append(samples)
            at += wave.seconds
        on_event(Progress(done, len(to_say), "sentences"))
    if not parts and not is_stopped:
        raise NothingToSay()

    # 3 All of it
    whole = Wave(numpy.concatenate(parts), model.sampling_rate) if parts else None
    return SpeechResult(
        spec.id,
        request,
        "cancelled" if is_stopped else "stop",
        at,
        time.perf_counter() - started,
        seconds_first,
        tuple(sentences),
        wave=whole,
    )


def longest_seconds(text: str) -> float:
    """What nobody needs longer for: where a model that does not come to an end is stopped."""
    return LEAST_SECONDS + sum(SECONDS_PER_CHARACTER[sign >= "\u3040"] for sign in text)


def _sayer(
    model: SpeechModel | Imitator, request: SpeechRequest, voice: Wave | None, is_cancelled: IsCancelled
) -> Callable[[str], Any]:
    """How one sentence is said: by a model's own voices, or as in an example."""
    if not isinstance(model, Imitator):
        return lambda text: model.speak(text, request, is_cancelled)
    example = None
    if voice is not None:
        samples = resample(voice.samples, voice.sampling_rate, model.sampling_rate)
        example = Example(samples, request.reference_text.strip())

    def say(text: str) -> Any:
        nonlocal example
        said = model.speak_like(text, example, request, is_cancelled)
        if said is None:
            return None
        if example is None and 0 < len(said) <= LONGEST_EXAMPLE_SECONDS * model.sampling_rate:
            example = Example(said, text)
        return said if request.speed == 1.0 else stretched(said, request.speed, is_cancelled)

    return say


def _check(model: SpeechModel | Imitator, spec: ModelSpec, request: SpeechRequest) -> None:
    if request.reference and not isinstance(model, Imitator):
        raise NoVoiceTaken(model=spec.name)
    try:
        unknown = [name for name in request.shares() if name not in model.voices]
    except ValueError:
        unknown = [request.voice]
    if unknown:
        known = ", ".join(model.voices) or "–"
        raise NoSuchVoice(model=spec.name, voice=unknown[0][:80], known=known, example=_example(model.voices))
    language = request.language.partition("-")[0].lower()
    if language and model.languages and language not in model.languages:
        known = ", ".join(model.languages)
        raise NoSuchLanguage(model=spec.name, language=request.language[:20], known=known)


def _example(voices: tuple[str, ...]) -> str:
    return f"{voices[0]}:2 {voices[-1]}:1" if voices else "–"
