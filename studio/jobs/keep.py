"""Where a worker puts what came out of a job: into the library, with its recipe inside. Knows no queue and no process.

An answer of a conversation lives there. What is private stays in the job's folder, and goes with it.
"""

from pipelines.errors.access import NotFound
from pipelines.loading.catalog import Catalog
from pipelines.pictures.files import open_picture
from pipelines.provenance import films, pictures, recipe, sounds
from pipelines.types.caption import CaptionResult
from pipelines.types.clip import FramesResult
from pipelines.types.crossing import MovingResult, Result, SoundResult
from pipelines.types.fields import one_line
from pipelines.types.film import FilmResult
from pipelines.types.image import ImageResult
from pipelines.types.music import MusicResult
from pipelines.types.sound import Wave
from pipelines.types.text import TextResult
from pipelines.types.transcription import TranscribeResult
from pipelines.types.video import VideoResult
from pipelines.types.workbench import WorkbenchResult
from studio.jobs.folder import JobFolder, JobSpec
from studio.library.creations import Creations
from studio.library.pictures import thumbnail
from studio.library.transcripts import segments_json, segments_of


class Keep:
    """Called with a job and its result, it returns the ids of the creations that it made of it."""

    def __init__(self, creations: Creations, catalog: Catalog) -> None:
        self._creations = creations
        self._catalog = catalog

    def __call__(self, spec: JobSpec, folder: JobFolder, result: Result) -> tuple[str, ...]:
        """Raises DiskFull or ReadOnlyHome."""
        if isinstance(result, TextResult):
            return self._keep_text(spec, result)
        if isinstance(result, ImageResult):
            return self._keep_pictures(spec, folder, result)
        if isinstance(result, TranscribeResult):
            return self._keep_transcript(spec, folder, result)
        if isinstance(result, CaptionResult):
            return self._keep_caption(spec, folder, result)
        if isinstance(result, MovingResult):
            return self._keep_film(spec, folder, result) if result.film else ()
        if isinstance(result, FramesResult):
            return self._keep_frames(spec, folder, result)
        if isinstance(result, WorkbenchResult):
            folder.put_pictures(result.pictures)
        if isinstance(result, SoundResult) and result.wave is not None:
            return self._keep_sound(spec, folder, result, result.wave)
        return ()

    def _keep_text(self, spec: JobSpec, result: TextResult) -> tuple[str, ...]:
        if not spec.keep or spec.conversation or spec.flow:  # it stands in what the flow made of it
            return ()
        made = recipe.make(spec.request, result, self._catalog.find(result.model))
        return (
            self._creations.save(spec.owner, "text", result.text, made, spec.request.title(), spec.id, spec.parents),
        )

    def _keep_pictures(self, spec: JobSpec, folder: JobFolder, result: ImageResult) -> tuple[str, ...]:
        """Each picture a creation of its own; what it was made from stands beside it."""
        model = self._catalog.find(result.model)
        recipes = [recipe.make(spec.request, result, model, index=index) for index in result.numbers]
        files = [pictures.encode(image, made, "png") for image, made in zip(result.images, recipes, strict=True)]
        if not spec.keep:
            folder.put_pictures(files)
            return ()
        sources, title = folder.files(spec.request), spec.request.title()
        return tuple(
            self._creations.save_file(
                spec.owner, "image", data, made, title, spec.id, spec.parents,
                parts={**sources, "thumbnail": thumbnail(image)},
            )
            for data, made, image in zip(files, recipes, result.images, strict=True)
        )  # fmt: skip

    def _keep_sound(self, spec: JobSpec, folder: JobFolder, result: SoundResult, wave: Wave) -> tuple[str, ...]:
        """A FLAC file; the notes of music and what it was made from stand beside it."""
        if not len(wave.samples):
            return ()  # it was stopped before anything could be heard
        model = self._catalog.find(result.model) if result.model else None
        made = recipe.make(spec.request, result, model)
        data = sounds.encode(wave, made, "flac")
        midi = {"midi": result.midi} if isinstance(result, MusicResult) and result.midi else {}
        if not spec.keep:
            folder.put_sounds({"sound.flac": data} | {f"{name}.mid": notes for name, notes in midi.items()})
            return ()
        parts = folder.files(spec.request) | midi
        title = result.request.title() or self._title_of(spec)
        return (self._creations.save_file(spec.owner, "sound", data, made, title, spec.id, spec.parents, parts),)

    def _keep_film(self, spec: JobSpec, folder: JobFolder, result: MovingResult) -> tuple[str, ...]:
        """An MP4 file; beside it what is said in it with its times, how it begins, and the picture that a model began with. Of
        a story it is the story's.
        """
        made = recipe.make(spec.request, result, self._catalog.find(result.model) if result.model else None)
        data, title = films.encode(result.film, made), spec.request.title()
        if not spec.keep:
            folder.put_films({"film.mp4": data})
            return ()
        parts = {"thumbnail": thumbnail(result.poster)}
        if isinstance(result, FilmResult) and result.segments:
            parts["segments"] = segments_json(result.segments)
        if isinstance(result, VideoResult):
            parts |= folder.files(spec.request)
        return (
            self._creations.save_file(spec.owner, "film", data, made, title, spec.flow or spec.id, spec.parents, parts),
        )

    def _keep_frames(self, spec: JobSpec, folder: JobFolder, result: FramesResult) -> tuple[str, ...]:
        """Each picture of a film a creation of its own, after the film that it came from."""
        created: list[str] = []
        unkept: list[bytes] = []
        for number, image in enumerate(result.images):
            picture, made = open_picture(image), recipe.make(spec.request, result, index=number)
            data, title = pictures.encode(picture, made, "png"), spec.request.title()
            if not spec.keep:
                unkept.append(data)
                continue
            parts = {"thumbnail": thumbnail(picture)}
            created.append(
                self._creations.save_file(spec.owner, "image", data, made, title, spec.id, spec.parents, parts)
            )
        if unkept:
            folder.put_pictures(unkept)
        return tuple(created)

    def _keep_caption(self, spec: JobSpec, folder: JobFolder, result: CaptionResult) -> tuple[str, ...]:
        """What was said of a picture, and the picture beside it; where nothing on it was known there is nothing to keep."""
        if not spec.keep or not result.text or spec.flow:  # it stands in what the flow made of it
            return ()
        made = recipe.make(spec.request, result, self._catalog.find(result.model))
        parts = folder.files(spec.request)
        title = spec.request.title() or one_line(result.text)
        return (self._creations.save(spec.owner, "text", result.text, made, title, spec.id, spec.parents, parts),)

    def _title_of(self, spec: JobSpec) -> str:
        """What an edited sound is called: as what it was made from, where that is in the library."""
        try:
            return self._creations.get(spec.owner, spec.parents[0]).title if spec.parents else ""
        except NotFound:  # it was deleted meanwhile
            return ""

    def _keep_transcript(self, spec: JobSpec, folder: JobFolder, result: TranscribeResult) -> tuple[str, ...]:
        """The text, and beside it its times and the recording, so that each word can be heard again.

        What was said in a conversation stands there; its recording stays with its job.
        """
        if not spec.keep or spec.conversation or not result.segments:
            return ()
        made = recipe.make(spec.request, result, self._catalog.find(result.model))
        parts = folder.files(spec.request) | {"segments": segments_of(result)}
        title = one_line(result.text)
        return (self._creations.save(spec.owner, "text", result.text, made, title, spec.id, spec.parents, parts),)
