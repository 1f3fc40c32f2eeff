"""The endpoints for sound, for clients. They go through the same queue as the page.

A sound that comes back is a file of Gradio's cache, from where any client fetches it; its recipe is inside.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.data_classes import FileData
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from pipelines.errors.access import NotFound
from pipelines.errors.models import NoModelForTask
from pipelines.errors.requests import MissingSound
from pipelines.types.crossing import Request
from pipelines.types.model import Task
from pipelines.types.music import MusicRequest, MusicTask
from pipelines.types.speech import SpeechRequest
from pipelines.types.transcription import TranscribeRequest, TranscribeResult, TranscribeTask
from pipelines.types.workbench import Levelling, WorkbenchRequest
from studio.jobs.folder import End
from studio.library.transcripts import segments_of
from studio.services import Services
from studio.ui.audio.files import MEDIA_TYPES, sound
from studio.ui.stream import follow

SoundFormat = Literal["flac", "wav", "mp3", "ogg"]


class AudioEndpoints:
    """Each method is an endpoint; its docstring is what clients read. Every argument but the first has a default."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def speak(
        self,
        request: gr.Request,
        text: str,
        voice: str = "",
        speed: float = 1.0,
        language: str = "",
        model: str = "",
        file_format: SoundFormat = "flac",
        reference: FileData | None = None,
        reference_text: str = "",
        has_right_to_voice: bool = False,
    ) -> FileData:
        """Read a text aloud.

        Args:
            text: what to say
            voice: one of the model's voices, or two mixed by weight as "a:2 b:1"; empty is the model's first
            speed: 0.5 to 2; 1 is the model's own
            language: BCP 47 code such as "en" or "zh"; empty finds it out from each sentence
            model: id from list_models, hub id (owner/name) or folder; empty takes a starter
            file_format: "flac", "wav", "mp3" or "ogg"
            reference: a recording whose voice is taken over, up to 15 seconds; for models that can
            reference_text: what is said in it, word for word
            has_right_to_voice: true says that the voice is your own or used with permission; the recipe keeps it

        Returns:
            a sound file with its recipe inside
        """
        asked = SpeechRequest(
            model or self._model("speech"), text, voice, language, speed,
            reference_text=reference_text, has_right_to_voice=has_right_to_voice,
        )  # fmt: skip
        files = {"reference": _bytes(reference)} if reference is not None else {}
        owner, end = await self._ended(request, asked, files)
        return await asyncio.to_thread(self._file, owner, end, file_format)

    async def transcribe(
        self,
        request: gr.Request,
        audio: FileData,
        language: str = "",
        model: str = "",
        task: TranscribeTask = "transcribe",
    ) -> dict[str, Any]:
        """Write down what is said in a recording.

        Args:
            audio: WAV, FLAC, MP3 or OGG
            language: BCP 47 code of what is spoken; empty finds it out
            model: id from list_models, hub id (owner/name) or folder; empty takes a starter
            task: "transcribe" writes it in its own language, "translate-speech" in English

        Returns:
            {"text", "language", "language_probability", "segments": [{"text", "start_seconds", "end_seconds"}]}
        """
        asked = TranscribeRequest(model or self._model(task), task, language=language)
        _, end = await self._ended(request, asked, {"audio": _bytes(audio)})
        if not isinstance(end.result, TranscribeResult):
            raise NotFound(thing="result")
        return {"text": end.result.text, **json.loads(segments_of(end.result))}

    async def compose(
        self,
        request: gr.Request,
        prompt: str = "",
        seconds: float = 30.0,
        key: str = "",
        tempo: int | None = None,
        seed: int | None = None,
        metre: str = "",
        melody: FileData | None = None,
        instrument: str = "",
        model: str = "",
        file_format: SoundFormat = "flac",
        task: MusicTask = "music",
        steps: int | None = None,
    ) -> tuple[FileData, FileData | None]:
        """Compose a piece of music, or make a sound of words.

        Args:
            prompt: words, for models that take them
            seconds: how long it is to be, 1 to 600
            key: such as "D", "A minor" or "G dorian"; empty leaves it open
            tempo: quarter notes a minute, 30 to 300; none leaves it open
            seed: 0 to 4294967295; the same seed and settings give the same piece, none draws one
            metre: such as "4/4" or "6/8"; empty leaves it open
            melody: a MIDI file to go on from, or a recording of somebody who hums; MusicGen Melody follows its tune instead
            instrument: one of the synthesiser's; empty is its first
            model: id from list_models, hub id (owner/name) or folder; empty takes a starter
            file_format: of the sound: "flac", "wav", "mp3" or "ogg"
            task: "music", or "sound" for what is heard of a thing, such as "a dog barks", by models that can
            steps: for models that make a sound out of noise, 1 to 500; none is the usual number

        Returns:
            a sound file with its recipe inside, and its notes as a MIDI file; no MIDI from models that make sound at once
        """
        asked = MusicRequest(
            model or self._model(task), task, prompt, key=key, metre=metre, tempo=tempo, seconds=seconds, instrument=instrument, steps=steps, seed=seed,
        )  # fmt: skip
        owner, end = await self._ended(request, asked, {"melody": _bytes(melody, takes_midi=True)} if melody else {})
        made = await asyncio.to_thread(self._file, owner, end, file_format)
        try:
            midi = self._services.creations.path(owner, end.creation_ids[0], "midi").read_bytes()
        except NotFound:
            return made, None
        path = save_bytes_to_cache(midi, "notes.mid", get_upload_folder())
        return made, FileData(path=path, orig_name="notes.mid", mime_type=MEDIA_TYPES[".mid"]).model_dump()  # type: ignore[return-value]

    async def edit_sound(
        self,
        request: gr.Request,
        audio: FileData,
        start: float = 0.0,
        end: float | None = None,
        fade_in: float = 0.0,
        fade_out: float = 0.0,
        speed: float = 1.0,
        semitones: float = 0.0,
        level: Levelling = "",
        other: FileData | None = None,
        other_at: float = 0.0,
        other_gain: float = 0.0,
        file_format: SoundFormat = "flac",
    ) -> FileData:
        """Change a sound: trim, speed, pitch, mix, level, fade, in this order; with none of them it is converted.

        Args:
            audio: WAV, FLAC, MP3 or OGG, 20 minutes of stereo at 48 kHz at most; 10 where speed or pitch changes
            start: seconds to begin at
            end: seconds to end at; none is its own end
            fade_in: seconds
            fade_out: seconds
            speed: 0.25 to 4, at the same pitch
            semitones: −24 to 24, at the same speed
            level: "peak" brings the peak to −1 dBFS, "loudness" to −16 LUFS, "" leaves it
            other: a sound to mix in
            other_at: seconds at which it begins
            other_gain: its gain in decibels, −60 to 12
            file_format: "flac", "wav", "mp3" or "ogg"

        Returns:
            a sound file with its recipe inside
        """
        asked = WorkbenchRequest(
            task="edit-sound", start=start, end=end, fade_in=fade_in, fade_out=fade_out, speed=speed,
            semitones=semitones, level=level, other_at=other_at, other_gain=other_gain,
        )  # fmt: skip
        files = {"audio": _bytes(audio)} | ({"other": _bytes(other)} if other is not None else {})
        owner, ended = await self._ended(request, asked, files)
        return await asyncio.to_thread(self._file, owner, ended, file_format)

    def _model(self, task: Task) -> str:
        """A model for a task: a starter, which is fetched where it is not here, else one that is here. Raises NoModelForTask."""
        catalog = self._services.catalog
        rows = [spec for spec in catalog.rows(task) if spec.source == "starter" or catalog.is_on_disk(spec)]
        if not rows:
            raise NoModelForTask(task=task)
        return min(rows, key=lambda spec: spec.source != "starter").id

    async def _ended(self, request: gr.Request, asked: Request, files: Mapping[str, bytes]) -> tuple[str, End]:
        """Who asked, and the end of the job. Raises the error that ended it."""
        owner, jobs = self._services.identity.who(request), self._services.jobs
        job = jobs.submit(owner, asked, files=files)
        async for live in follow(jobs, owner, job.id):
            if live.end is not None:
                if live.error is not None:
                    raise live.error
                return owner, live.end
        raise NotFound(thing="job")

    def _file(self, owner: str, end: End, file_format: SoundFormat) -> Any:
        """What was made, from the library. Raises NotFound where it was stopped before there was anything."""
        if not end.creation_ids:
            raise NotFound(thing="result")
        creations, made = self._services.creations, end.creation_ids[0]
        is_own = file_format == "flac"
        data = creations.path(owner, made).read_bytes() if is_own else creations.converted(owner, made, file_format)
        name = f"sound.{file_format}"
        path = save_bytes_to_cache(data, name, get_upload_folder())
        return FileData(path=path, orig_name=name, mime_type=MEDIA_TYPES[f".{file_format}"]).model_dump()


def _bytes(file: FileData, *, takes_midi: bool = False) -> bytes:
    """An uploaded file: that it is one was checked when the arguments were read. Raises UnreadableSound."""
    given = sound(str(Path(file.path)), takes_midi=takes_midi)
    if given is None:
        raise MissingSound()
    return given.data
