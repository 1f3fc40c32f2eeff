"""The flow of a story film: scenes, a picture and a narration for each, music, the film. Numbered steps; knows no model library."""

import time
from dataclasses import replace
from zlib import crc32

from pipelines.errors.access import NotFound
from pipelines.errors.film import NoStory
from pipelines.errors.models import NoModelForTask
from pipelines.film.ffmpeg import find_ffmpeg
from pipelines.film.prompting import read_names
from pipelines.film.telling import beginnings, check_language, language_of, scene_request, scene_text
from pipelines.film.timeline import FADE_SECONDS, LEAD_SECONDS, lay_out
from pipelines.loading.catalog import Catalog
from pipelines.loading.starter import ASSETS
from pipelines.speech.sentences import READABLE
from pipelines.types.events import Progress
from pipelines.types.film import SIZES, Board, Cut, FilmRequest, Scene, Shown, StoryRequest, StoryResult
from pipelines.types.image import ImageRequest
from pipelines.types.music import MusicRequest
from pipelines.types.speech import Sentence, SpeechRequest, SpeechResult
from pipelines.types.text import TextResult
from studio.jobs.flows import Flow, Stopped

MUSIC_SECONDS = 11.0  # for each scene; it begins again where the film is longer
MUSIC_MOST_SECONDS = 120.0
TRIES = 3  # of a model that writes nothing that can be read aloud
SIDE_STEP = 32  # pixels; every image model draws sides that it divides
QUIET_SECONDS = 3.0  # how long a scene is read where nobody narrates it, at least
READ_CHARACTERS_A_SECOND = 14.0


class Storyteller:
    """Called with a flow whose request is a StoryRequest."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    async def __call__(self, flow: Flow) -> StoryResult:
        """Stopped, it is what was there by then. Raises what a part ended with, NoFfmpeg, NoStory or NoStoryLanguage."""
        started = time.perf_counter()
        telling = _Telling(flow, self._catalog)
        try:
            film = await telling.tell()
            return StoryResult(telling.request, "stop", telling.board, film, time.perf_counter() - started)
        except Stopped:
            return StoryResult(telling.request, "cancelled", telling.board, "", time.perf_counter() - started)


class _Telling:
    """One story on its way. `request` is what was asked for, with the blanks that are filled by now."""

    def __init__(self, flow: Flow, catalog: Catalog) -> None:
        assert isinstance(flow.request, StoryRequest)
        asked = flow.request
        seed = int(flow.id[:8], 16) if asked.seed is None else asked.seed
        self.request = replace(asked, seed=seed)
        self.seed = seed
        self.board: tuple[Shown, ...] = ()
        self._flow = flow
        self._catalog = catalog
        self._narrations: dict[int, SpeechResult] = {}
        self._music = ""
        self._done = 0

    async def tell(self) -> str:
        """The id of the film; "" where only scenes were asked for."""
        # 1 What would be missing at the end is said at the beginning
        is_film = self.request.task == "story-film"
        if is_film:
            find_ffmpeg()
            self._check_makers()

        # 2 The scenes
        if not self.request.scenes:
            await self._write()
        self.request = replace(self.request, scenes=self._with_prompts(self.request.scenes))
        self.board = tuple(Shown(scene) for scene in self.request.scenes)
        self._flow.tell(Board(self.board))
        if not is_film:
            return ""

        # 3 A picture and a narration for each, and music: what needs another model at the same time
        self._tell_progress(0)
        await self._flow.all(self._draw_and_compose(), self._narrate())

        # 4 The film
        return await self._film()

    def _check_makers(self) -> None:
        """Raises NoModelForTask, and what is wrong with a model."""
        asked = self.request
        if not asked.scenes or not all(scene.picture for scene in asked.scenes):
            if not asked.painter:
                raise NoModelForTask(task="text-to-image")
            self._catalog.check(ImageRequest(asked.painter))
        if asked.speaker:
            self._catalog.check(SpeechRequest(asked.speaker, voice=asked.voice))
        if asked.composer:
            self._catalog.check(MusicRequest(asked.composer))

    # ── scenes ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _write(self) -> None:
        """One scene after the other, each shown as soon as it is there. Raises NoStory or NoStoryLanguage."""
        spec, theme = self._catalog.find(self.request.model), self.request.theme
        check_language(spec, theme)
        scenes: list[Scene] = []
        begins_with = beginnings(self.request.count, theme)
        for number, begins in enumerate(begins_with):
            so_far = ("" if language_of(theme) == "zh" else " ").join(scene.text for scene in scenes)
            text = ""
            for attempt in range(TRIES):
                asked = scene_request(spec.id, theme, so_far, begins, (self.seed + 101 * number + attempt) % 2**32)
                result = (await self._flow.part(asked)).result
                assert isinstance(result, TextResult)
                text = scene_text(begins, result.text)
                if text:
                    break
            if not text:
                raise NoStory(model=spec.name)
            scenes.append(Scene(text))
            self.board = tuple(Shown(scene) for scene in scenes)
            self._flow.tell(Board(self.board))
            self._flow.tell(Progress(number + 1, len(begins_with), "scenes"))
        self.request = replace(self.request, scenes=tuple(scenes))

    def _with_prompts(self, scenes: tuple[Scene, ...]) -> tuple[Scene, ...]:
        """What each picture shows, where nobody has said so."""
        painter = self._catalog.find(self.request.painter) if self.request.painter else None
        names = read_names(ASSETS / painter.names) if painter is not None and painter.names else None
        shown: list[str] = []
        prompted: list[Scene] = []
        for scene in scenes:
            prompt = scene.prompt.strip()
            if not prompt:
                name = names.best(scene.text, self.request.theme, shown) if names else ""
                prompt = name or (shown[0] if names and shown else scene.text.strip())
            shown.append(prompt)
            prompted.append(replace(scene, prompt=prompt))
        return tuple(prompted)

    # ── parts ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _draw_and_compose(self) -> None:
        """One after the other: both wait in the same lane."""
        await self._draw()
        await self._compose()

    async def _draw(self) -> None:
        for number, scene in enumerate(self.request.scenes):
            if scene.picture:
                self._flow.content(scene.picture)  # raises where it is gone
                self._show(number, picture=scene.picture)
            else:
                self._show(number, doing="picture")
                width, height = self._size()
                seed = self._picture_seed(number)
                asked = ImageRequest(self.request.painter, prompt=scene.prompt, width=width, height=height, seed=seed)
                job = await self._flow.part(asked)
                picture = self._flow.made(job)
                if not picture:
                    raise NotFound(thing="picture")  # a safety checker inside the model kept it back
                self._show(number, picture=picture, doing="")
            self._tell_progress(1)

    def _picture_seed(self, number: int) -> int:
        """Of what is drawn, not of its place: a scene that is taken out leaves the others as they are."""
        scene, before = self.request.scenes[number], self.request.scenes[:number]
        again = sum(one.prompt == scene.prompt and not one.picture for one in before)
        return (self.seed + crc32(scene.prompt.encode()) + 1009 * again + 31 * (scene.take - 1)) % 2**32

    def _size(self) -> tuple[int | None, int | None]:
        """As many pixels as the model likes best, in the shape of the film. One that knows icons alone draws its own size."""
        painter, (width, height) = self._catalog.find(self.request.painter), SIZES[self.request.shape]
        if painter.defaults is None or painter.names:
            return None, None
        longer = (painter.defaults.width * painter.defaults.height * width / height) ** 0.5
        return round(longer / SIDE_STEP) * SIDE_STEP, round(longer * height / width / SIDE_STEP) * SIDE_STEP

    async def _narrate(self) -> None:
        for number, scene in enumerate(self.request.scenes):
            if self.request.speaker and READABLE.search(scene.text):
                asked = SpeechRequest(self.request.speaker, scene.text.strip(), self.request.voice, seed=self.seed)
                job = await self._flow.part(asked)
                assert isinstance(job.result, SpeechResult)
                self._narrations[number] = job.result
                self._check_length()
                self._show(number, narration=self._flow.made(job))
            self._tell_progress(1)

    def _check_length(self) -> None:
        """Raises FilmTooLong as soon as the narrations are."""
        said = [result.seconds_audio for result in self._narrations.values()]
        lay_out([Cut()] * len(said), said)

    async def _compose(self) -> None:
        if self.request.composer:
            seconds = min(MUSIC_SECONDS * len(self.request.scenes), MUSIC_MOST_SECONDS)
            job = await self._flow.part(MusicRequest(self.request.composer, seconds=seconds, seed=self.seed))
            self._music = self._flow.made(job)
            self._tell_progress(1)

    async def _film(self) -> str:
        parts: dict[str, str] = {f"pictures-{n}": shown.picture for n, shown in enumerate(self.board)}
        parts |= {f"narrations-{n}": shown.narration for n, shown in enumerate(self.board) if shown.narration}
        parts |= {"music": self._music} if self._music else {}
        cuts = tuple(self._cut(number) for number in range(len(self.board)))
        width, height = SIZES[self.request.shape]
        nothing = ("",) * len(cuts)
        request = FilmRequest(cuts, nothing, nothing, "", width, height, self.request.title(), self.request)
        files = {name: self._flow.content(creation) for name, creation in parts.items()}
        job = await self._flow.part(
            request, files=files, parents=list(dict.fromkeys(one for one in parts.values() if self._flow.keeps))
        )
        self._tell_progress(1)
        return self._flow.made(job)

    def _cut(self, number: int) -> Cut:
        text = self.request.scenes[number].text.strip()
        if number in self._narrations:
            return Cut(self._narrations[number].sentences)
        seconds = max(QUIET_SECONDS, len(text) / READ_CHARACTERS_A_SECOND)
        return Cut((Sentence(text, 0.0, seconds),) if text else (), seconds + LEAD_SECONDS + FADE_SECONDS)

    # ── what is told ─────────────────────────────────────────────────────────────────────────────────────────────────

    def _show(self, number: int, **changed: str) -> None:
        board = list(self.board)
        board[number] = replace(board[number], **changed)  # type: ignore[arg-type]  # its own fields
        self.board = tuple(board)
        self._flow.tell(Board(self.board))

    def _tell_progress(self, more: int) -> None:
        """Two parts for each scene, the music, the film."""
        self._done += more
        total = 2 * len(self.request.scenes) + bool(self.request.composer) + 1
        self._flow.tell(Progress(self._done, total, "parts"))
