"""A text as speech: cut into sentences, each said by the model and heard at once, with pauses between them.

It knows text, samples and time, and no model family.
"""

import time
from typing import Any, Protocol

import numpy

from pipelines.errors.requests import NoSuchLanguage, NoSuchVoice, NothingToSay, NoVoiceTaken
from pipelines.sound.files import to_bytes
from pipelines.speech.sentences import pieces
from pipelines.types.events import IsCancelled, OnEvent, Progress
from pipelines.types.model import ModelSpec
from pipelines.types.sound import Heard, Wave
from pipelines.types.speech import Sentence, SpeechRequest, SpeechResult

PAUSE_SECONDS = {"clause": 0.12, "sentence": 0.3, "paragraph": 0.6}  # at speed 1


class SpeechModel(Protocol):
    """What a family gives for speech. `voices` and `languages` are empty where it has no names for them."""

    voices: tuple[str, ...]
    languages: tuple[str, ...]
    sampling_rate: int

    def speak(self, text: str, request: SpeechRequest, is_cancelled: IsCancelled) -> Any:
        """One sentence: NumPy float32 (frames,), without silence around it; None when it was cancelled."""
        ...


def speak(
    model: SpeechModel, spec: ModelSpec, request: SpeechRequest, on_event: OnEvent, is_cancelled: IsCancelled
) -> SpeechResult:
    """Raises NothingToSay, NoSuchVoice, NoSuchLanguage or NoVoiceTaken."""
    # 1 Can this model do that?
    _check(model, spec, request)
    to_say = list(pieces(request.text))
    if not to_say:
        raise NothingToSay()

    # 2 Sentence by sentence
    started = time.perf_counter()
    seconds_first = at = 0.0
    parts: list[Any] = []
    sentences: list[Sentence] = []
    on_event(Progress(0, len(to_say), "sentences"))
    is_stopped = False
    for done, piece in enumerate(to_say, start=1):
        said = None if is_cancelled() else model.speak(piece.text, request, is_cancelled)
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


def _check(model: SpeechModel, spec: ModelSpec, request: SpeechRequest) -> None:
    if request.reference:
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
