"""A piece of music from words, by a model that makes sound at once: part by part, each going on from the end of the last.

What a person chose besides words (key, metre, tempo) is told in words, too. It knows no model family.
"""

import secrets
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy

from pipelines.errors.requests import EmptyPrompt, LongerThanModel, MadeAtOnce, NoMelody
from pipelines.music.melody import QUIETEST, read_melody
from pipelines.music.midi import is_midi
from pipelines.music.synthesis.render import instrument_of, render
from pipelines.sound.files import open_sound, resample
from pipelines.sound.keys import read_key
from pipelines.types.events import IsCancelled, OnEvent, Progress
from pipelines.types.model import ModelSpec
from pipelines.types.music import MusicRequest, MusicResult
from pipelines.types.sound import Wave

HEARD_SECONDS = 10.0  # of what is there already, before a part that goes on from it
PLAINEST = "flute"  # the instrument of MIDI that is followed: overtones of the harp are louder than its tune


@runtime_checkable
class Performer(Protocol):
    """What a family gives for sound out of words: see families/musicgen.py."""

    sampling_rate: int
    longest_seconds: float  # of one part, with what it goes on from
    goes_on: bool  # from what is there; otherwise one part is all
    follows: bool  # the tune of a melody that was given, all the way; otherwise it goes on from its end

    def perform(
        self,
        prompt: str,
        beginning: Any,
        tune: Any,
        seconds: float,
        request: MusicRequest,
        on_event: OnEvent,
        is_cancelled: IsCancelled,
    ) -> Any:
        """What follows `beginning` (frames,): NumPy float32 (frames,), about so long; None when it was cancelled.

        `tune` (frames,) is the melody from where `beginning` begins, `longest_seconds` of it; empty where none is followed.
        It reports Progress in the seconds that it has made. One that goes on from nothing counts what it likes, and may make two
        channels: (frames, 2).
        """
        ...


def perform(
    model: Performer, spec: ModelSpec, request: MusicRequest, on_event: OnEvent, is_cancelled: IsCancelled
) -> MusicResult:
    """The piece as sound; a melody that was given stands at its beginning, or is followed by a model that can.

    When it was cancelled, the whole parts by then, and of a model that adds nothing more what there is.

    Raises EmptyPrompt, MadeAtOnce, LongerThanModel, NoSuchKey, MissingSound, UnreadableSound, NoMelody, NoSuchInstrument.
    """
    started = time.perf_counter()

    # 1 What is asked, in words
    if not request.prompt.strip():
        raise EmptyPrompt()
    if not model.goes_on and request.melody:
        raise MadeAtOnce(model=spec.name)
    if not model.goes_on and request.seconds > model.longest_seconds:
        raise LongerThanModel(model=spec.name, seconds=int(model.longest_seconds))
    prompt = _in_words(request)
    seed = secrets.randbelow(2**32) if request.seed is None else request.seed
    request = replace(request, seed=seed)
    made, melody = _taken(model, request, is_cancelled)

    # 2 Part by part; every part has a seed of its own
    wanted = len(made) + round(request.seconds * model.sampling_rate)
    parts = 0
    is_stopped = is_cancelled()
    while len(made) < wanted and not is_stopped:
        heard = made[-round(HEARD_SECONDS * model.sampling_rate) :]
        room = model.longest_seconds - len(heard) / model.sampling_rate
        seconds = min((wanted - len(made)) / model.sampling_rate, room)
        done = request.seconds - (wanted - len(made)) / model.sampling_rate
        part = model.perform(
            prompt,
            heard,
            _tune(melody, len(made) - len(heard), round(model.longest_seconds * model.sampling_rate)),
            seconds,
            replace(request, seed=(seed + parts) % 2**32),
            _after(done, request.seconds, on_event) if model.goes_on else on_event,
            is_cancelled,
        )
        is_stopped = part is None
        if part is None or not len(part):  # who adds nothing once would do so for ever
            break
        made = numpy.concatenate([made, part]) if len(made) else part
        parts += 1
        if not model.goes_on:
            break

    # 3 All of it
    wave = Wave(numpy.clip(made[:wanted], -1.0, 1.0), model.sampling_rate) if parts else None
    return MusicResult(
        model=spec.id,
        request=request,
        finish_reason="cancelled" if is_stopped else "stop",
        notes=(),
        seconds_audio=wave.seconds if wave else 0.0,
        seconds=time.perf_counter() - started,
        wave=wave,
    )


def _in_words(request: MusicRequest) -> str:
    """The prompt and what else was chosen, as people write it under pieces of music."""
    chosen = [request.prompt.strip()]
    if request.key:
        chosen.append(f"in {read_key(request.key)}")
    if request.metre:
        chosen.append(f"{request.metre} time")
    if request.tempo:
        chosen.append(f"{request.tempo} bpm")
    return ", ".join(chosen)


def _taken(model: Performer, request: MusicRequest, is_cancelled: IsCancelled) -> tuple[Any, Any]:
    """(what stands at the beginning, the melody that is followed), each (frames,): one of them is empty, or both."""
    nothing = numpy.zeros(0, numpy.float32)
    instrument = PLAINEST if model.follows else request.instrument
    given = _given(request, instrument, model.sampling_rate, is_cancelled) if request.melody else nothing
    if not model.follows:
        return given, nothing
    if len(given) and abs(given).max() < QUIETEST:
        raise NoMelody(name=Path(request.melody).name, reason="no steady pitch is heard")
    return nothing, given


def _tune(melody: Any, start: int, frames: int) -> Any:
    """So many frames of the melody, which begins again whenever it ends, as in https://github.com/facebookresearch/audiocraft."""
    return melody.take(numpy.arange(start, start + frames), mode="wrap") if len(melody) else melody


def _given(request: MusicRequest, instrument: str, sampling_rate: int, is_cancelled: IsCancelled) -> Any:
    """What the person gave to go on from or to be followed, (frames,): a recording as it is, MIDI as it sounds."""
    path = Path(request.melody)
    if path.is_file() and _begins_as_midi(path):
        melody = read_melody(path, request.tempo, is_cancelled)
        instrument, _ = instrument_of(instrument)
        played = render(melody.notes, melody.tempo, instrument, is_cancelled) if melody else None
        if played is None:
            return numpy.zeros(0, numpy.float32)
        samples = played.samples if played.samples.ndim == 1 else played.samples.mean(axis=1)
        return resample(samples, played.sampling_rate, sampling_rate)
    return open_sound(path, sampling_rate=sampling_rate, is_mono=True).samples


def _begins_as_midi(path: Path) -> bool:
    with path.open("rb") as file:
        return is_midi(file.read(4))


def _after(done: float, total: float, on_event: OnEvent) -> OnEvent:
    """Progress of a part as progress of the whole, in whole seconds."""

    def hear(event: Any) -> None:
        if isinstance(event, Progress):
            on_event(Progress(min(round(done + event.done), round(total)), round(total), "seconds"))
        else:
            on_event(event)

    return hear
