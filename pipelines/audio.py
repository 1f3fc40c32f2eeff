"""Sound: a text read aloud, a recording written down, a piece of music composed.

    pipeline = AudioPipeline.on_this_machine()
    result = pipeline.generate(SpeechRequest(model="kokoro-82m", text="Good morning."))

`generate` is the whole path, as numbered steps; what each kind of request does with its model stands in a file of its own.
"""

import time
from dataclasses import replace
from typing import cast

from pipelines.base import Pipeline
from pipelines.errors.requests import NoVoiceTaken
from pipelines.hearing.transcription import open_recording, transcribe
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.music.composing import compose
from pipelines.music.performing import Performer, perform
from pipelines.sound.files import OpeningStopped
from pipelines.speech.speaking import open_voice, speak
from pipelines.types.crossing import AudioRequest
from pipelines.types.events import IsCancelled, OnEvent, ignore, never
from pipelines.types.model import ModelSpec
from pipelines.types.music import MusicRequest, MusicResult
from pipelines.types.sound import Wave
from pipelines.types.speech import SpeechRequest, SpeechResult
from pipelines.types.transcription import TranscribeRequest, TranscribeResult

AudioResult = SpeechResult | TranscribeResult | MusicResult


class AudioPipeline(Pipeline):
    """Safe to use from several threads at once."""

    def generate(
        self, request: AudioRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> AudioResult:
        """What `request` asks for; what can be heard or read already goes to `on_event` on the way.

        When `is_cancelled` turns true, what is there by then is the result, with finish_reason "cancelled". Raises the
        errors of `pipelines.errors`.
        """
        # 1 Is it a request that can be answered?
        request.check()
        spec = self.catalog.check(request)

        # 2 What it starts from, before seconds go into a model
        try:
            recording = self._opened(spec, request, is_cancelled)
        except OpeningStopped:
            return _nothing_yet(spec.id, request, 0.0)

        # 3 The model, for as long as it is needed, and the work itself
        started = time.perf_counter()
        result: AudioResult
        try:
            with self.lease(spec, request.adapters, on_event, is_cancelled) as model:
                seconds_load = time.perf_counter() - started
                if isinstance(request, SpeechRequest):
                    result = speak(model, spec, request, recording, on_event, is_cancelled)
                elif isinstance(request, TranscribeRequest):
                    result = transcribe(model, spec, request, cast(Wave, recording), on_event, is_cancelled)
                elif isinstance(model, Performer):
                    result = perform(model, spec, request, on_event, is_cancelled)
                else:
                    result = compose(model, spec, request, on_event, is_cancelled)
        except LoadCancelled:
            return _nothing_yet(spec.id, request, time.perf_counter() - started)

        # 4 With what it took
        return replace(result, seconds_load=seconds_load)

    def _opened(self, spec: ModelSpec, request: AudioRequest, is_cancelled: IsCancelled) -> Wave | None:
        """The recording to be written down or whose voice is taken over. Raises OpeningStopped when it was cancelled.

        What a model that is not here yet can do shows when it is loaded.
        """
        if isinstance(request, TranscribeRequest):
            return open_recording(request, is_cancelled)
        if not isinstance(request, SpeechRequest) or not request.reference:
            return None
        if spec.family and not getattr(self._families[spec.family], "IMITATES", False):
            raise NoVoiceTaken(model=spec.name)
        return open_voice(request, is_cancelled)


def _nothing_yet(model: str, request: AudioRequest, seconds_load: float) -> AudioResult:
    """The result of what was stopped while its recording was opened or its model was loading."""
    if isinstance(request, SpeechRequest):
        return SpeechResult(model, request, "cancelled", 0.0, 0.0, 0.0, seconds_load=seconds_load)
    if isinstance(request, MusicRequest):
        return MusicResult(model, request, "cancelled", (), 0.0, 0.0, seconds_load=seconds_load)
    return TranscribeResult(model, "cancelled", "", (), "", 0.0, 0.0, 0.0, seconds_load)
