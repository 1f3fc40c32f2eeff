"""The endpoints for films, for clients. They go through the same queue as the page."""

import asyncio
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from pipelines.errors.access import NotFound
from pipelines.errors.models import NoModelForTask
from pipelines.types.clip import ClipRequest, FramesRequest, Join
from pipelines.types.video import VideoRequest, VideoTask
from studio.services import Services
from studio.ui.multimodal.film_files import film_given, picture_given, pictures_given
from studio.ui.stream import follow


class FilmEndpoints:
    """Each method is an endpoint; its docstring is what clients read. Every argument but the first has a default."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def make_video(
        self,
        request: gr.Request,
        prompt: str,
        image: FileData | None = None,
        model: str = "",
        negative_prompt: str = "",
        width: int | None = None,
        height: int | None = None,
        frames: int | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        seed: int | None = None,
    ) -> FileData:
        """Make a film of words by a video model, or let a picture move.

        Args:
            prompt: what happens in it
            image: the picture that it begins with; none: it is made of the words alone
            model: id from list_models, hub id (owner/name) or folder; empty takes one that is here
            negative_prompt: what it should not show
            width: in pixels; none is what suits the model, and so for the following
            height: in pixels
            frames: how many
            steps: denoising steps, 1 to 200
            guidance_scale: how closely it keeps to the prompt, 0 to 50
            seed: 0 to 4294967295; the same seed and settings give the same film, none draws one

        Returns:
            an MP4 file with its recipe inside
        """
        given = await asyncio.to_thread(picture_given, image.path) if image is not None else None
        asked = VideoRequest(
            model or self._model("image-to-video" if given else "text-to-video"),
            prompt,
            negative_prompt,
            width=width,
            height=height,
            frames=frames,
            steps=steps,
            guidance_scale=guidance_scale,
            seed=seed,
        )
        (film,) = await self._made(request, asked, {"image": given.data} if given else {})
        return film

    async def frames_to_film(
        self,
        request: gr.Request,
        pictures: list[FileData],
        seconds: float = 2.0,
        join: Join = "cut",
        join_seconds: float = 0.5,
        frame_rate: int = 25,
    ) -> FileData:
        """Make a film of pictures, one after the other. It needs no model.

        Args:
            pictures: at most 100, in their order; the film has the size of the first
            seconds: how long each stands still; with "flow" 0 makes one movement of them
            join: "cut", "fade" through each other, or "flow": what is seen moves to where it is in the next
            join_seconds: how long the way from one to the next takes
            frame_rate: frames a second, 1 to 60

        Returns:
            an MP4 file with its recipe inside
        """
        given = await asyncio.to_thread(pictures_given, [one.path for one in pictures])
        title = " · ".join(Path(one.path).stem for one in given)
        asked = ClipRequest(("",) * len(given), seconds, join, join_seconds, frame_rate, title_text=title)
        (film,) = await self._made(request, asked, {f"pictures-{n}": one.data for n, one in enumerate(given)})
        return film

    async def film_to_frames(
        self, request: gr.Request, film: FileData, every_seconds: float = 1.0, count: int | None = None
    ) -> list[FileData]:
        """Take pictures from a film. It needs no model.

        Args:
            film: MP4, MOV, WebM, MKV or AVI, at most 256 MB and 3 hours
            every_seconds: one picture every so many seconds, from the beginning; at most 100
            count: so many, evenly spread, in place of that

        Returns:
            PNG files with their recipes inside
        """
        given = await asyncio.to_thread(film_given, film.path)
        asked = FramesRequest(every_seconds=every_seconds, count=count, title_text=Path(film.path).stem)
        return await self._made(request, asked, {"film": given.data} if given else {})

    def _model(self, task: VideoTask) -> str:
        """A model for a task that is on this machine. Raises NoModelForTask."""
        catalog = self._services.catalog
        rows = [spec for spec in catalog.rows(task) if catalog.is_on_disk(spec)]
        if not rows:
            raise NoModelForTask(task=task)
        return rows[0].id

    async def _made(self, request: gr.Request, asked: Any, files: dict[str, bytes]) -> list[Any]:
        """The files that come of it. Raises the error that ended the job, and NotFound where it was stopped."""
        owner, jobs, creations = self._services.identity.who(request), self._services.jobs, self._services.creations
        job = await asyncio.to_thread(jobs.submit, owner, asked, files=files)
        end = None
        async for live in follow(jobs, owner, job.id):
            end = live.end
        if end is not None and end.error is not None:
            raise end.error
        if end is None or not end.creation_ids:
            raise NotFound(thing="result")
        paths = [creations.path(owner, creation_id) for creation_id in end.creation_ids]
        return await asyncio.to_thread(lambda: [_file(path, number) for number, path in enumerate(paths, 1)])


def _file(path: Path, number: int) -> Any:
    """A film, or picture `number` of one, where a client can fetch it."""
    is_film = path.suffix == ".mp4"
    name = "film.mp4" if is_film else f"{number:03}.png"
    kept = save_bytes_to_cache(path.read_bytes(), name, get_upload_folder())
    return FileData(path=kept, orig_name=name, mime_type="video/mp4" if is_film else "image/png").model_dump()
