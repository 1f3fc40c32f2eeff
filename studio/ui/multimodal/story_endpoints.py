"""The endpoint for story films, for clients. It goes through the same queue as the page."""

import secrets

import gradio as gr
from gradio.data_classes import FileData
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from pipelines.errors.access import NotFound
from pipelines.errors.models import NoModelForTask
from pipelines.types.film import Shape, StoryRequest, StoryResult
from pipelines.types.model import Task
from studio.jobs.flows import UNKEPT, unkept
from studio.services import Services
from studio.ui.components import first_model
from studio.ui.multimodal.script import scenes_of
from studio.ui.stream import follow


class StoryEndpoints:
    """Each method is an endpoint; its docstring is what clients read. Every argument but the first has a default."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def make_film(
        self,
        request: gr.Request,
        story: str,
        scenes: int = 4,
        voice: str = "",
        shape: Shape = "16:9",
        has_music: bool = True,
        seed: int | None = None,
        is_private: bool = False,
    ) -> FileData:
        """Make a story film with the models of this machine: pictures, narration, music, subtitles.

        Args:
            story: what it is about, in a sentence; or a script of two scenes and more: an empty line begins a new scene, a
                first line in [brackets] says what is seen
            scenes: how many scenes are written about a sentence, 1 to 24
            voice: one of the voices of the speech model; empty is its first
            shape: "16:9", "9:16" or "1:1"
            has_music: whether there is music beneath
            seed: 0 to 4294967295; the same seed and story take up what is there already, none draws one
            is_private: keep nothing of it

        Returns:
            an MP4 file with its recipe inside
        """
        # 1 What is asked for
        owner = self._services.identity.who(request)
        typed = scenes_of(story)
        is_script = len(typed) > 1 or story.lstrip().startswith(("[", "【"))
        asked = StoryRequest(
            self._model("write"),
            theme="" if is_script else story,
            scenes=typed if is_script else (),
            count=scenes,
            painter=self._model("text-to-image"),
            speaker=self._model("speech"),
            voice=voice,
            composer=self._model("music") if has_music else "",
            shape=shape,
            seed=secrets.randbelow(2**32) if seed is None else seed,
        )

        # 2 Its end
        job = self._services.jobs.submit(owner, asked, keep=not is_private)
        end = None
        async for live in follow(self._services.jobs, owner, job.id):
            end = live.end
        if end is not None and end.error is not None:
            raise end.error
        if end is None or not isinstance(end.result, StoryResult) or not end.result.film:
            raise NotFound(thing="result")

        # 3 The film
        data = self._film(owner, end.result.film)
        kept = save_bytes_to_cache(data, "film.mp4", get_upload_folder())
        return FileData(path=kept, orig_name="film.mp4", mime_type="video/mp4").model_dump()  # type: ignore[return-value]

    def _film(self, owner: str, which: str) -> bytes:
        """A creation, or what a job has made that keeps nothing. Raises NotFound."""
        if which.startswith(UNKEPT):
            return unkept(self._services.jobs.folder(owner, which.removeprefix(UNKEPT)))
        return self._services.creations.path(owner, which).read_bytes()

    def _model(self, task: Task) -> str:
        model = first_model(self._services, task)
        if model is None:
            raise NoModelForTask(task=task)
        return model
