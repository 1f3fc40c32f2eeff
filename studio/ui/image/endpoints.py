"""The endpoints for pictures, for clients: from words, from a picture, larger. They go through the same queue as the page.

A picture that comes back is a file of Gradio's cache, from where any client fetches it; its recipe is inside.
"""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from pipelines.errors.access import NotFound
from pipelines.errors.models import NoModelForTask
from pipelines.types.image import ImageRequest, ImageTask
from studio.services import Services
from studio.ui.image.files import files_from
from studio.ui.stream import follow


class ImageEndpoints:
    """Each method is an endpoint; its docstring is what clients read. Every argument but the first has a default."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def generate_image(
        self,
        request: gr.Request,
        prompt: str,
        model: str = "",
        negative_prompt: str = "",
        width: int | None = None,
        height: int | None = None,
        steps: int | None = None,
        guidance_scale: float | None = None,
        seed: int | None = None,
    ) -> FileData:
        """Draw a picture from words. What is left out suits the model.

        Args:
            prompt: what the picture should show
            model: id from list_models, hub id (owner/name) or folder; empty takes one that is here
            negative_prompt: what it should not show
            width: pixels, 8 to 4096
            height: pixels, 8 to 4096
            steps: denoising steps, 1 to 500
            guidance_scale: how closely it keeps to the prompt, 0 to 50
            seed: 0 to 4294967295; the same seed and settings give the same pixels, none draws one

        Returns:
            a PNG file with its recipe inside
        """
        asked = ImageRequest(
            model or self._model("text-to-image"),
            prompt=prompt,
            negative_prompt=negative_prompt,
            width=width,
            height=height,
            steps=steps,
            guidance_scale=guidance_scale,
            seed=seed,
        )
        return await self._picture(request, asked, {})

    async def edit_image(
        self,
        request: gr.Request,
        image: FileData,
        mask: FileData | None = None,
        prompt: str = "",
        model: str = "",
        negative_prompt: str = "",
        strength: float = 0.75,
        steps: int | None = None,
        guidance_scale: float | None = None,
        seed: int | None = None,
    ) -> FileData:
        """Draw a picture anew from another one; with a mask only where it is white.

        Args:
            image: the picture to start from
            mask: white where to draw anew; none draws the whole picture anew
            prompt: what the picture should show
            model: id from list_models, hub id (owner/name) or folder; empty takes one that is here
            negative_prompt: what it should not show
            strength: how far the new picture may leave the old one, 0.01 to 1
            steps: denoising steps, 1 to 500
            guidance_scale: how closely it keeps to the prompt, 0 to 50
            seed: 0 to 4294967295; the same seed and settings give the same pixels, none draws one

        Returns:
            a PNG file with its recipe inside
        """
        task: ImageTask = "image-to-image" if mask is None else "inpaint"
        asked = ImageRequest(
            model or self._model(task),
            task,
            prompt=prompt,
            negative_prompt=negative_prompt,
            strength=strength,
            steps=steps,
            guidance_scale=guidance_scale,
            seed=seed,
        )
        files = files_from(task, _bytes(image), _bytes(mask) if mask is not None else None)
        return await self._picture(request, asked, files)

    async def upscale_image(
        self, request: gr.Request, image: FileData, factor: int = 2, model: str = "", prompt: str = ""
    ) -> FileData:
        """Make a picture larger.

        Args:
            image: the picture
            factor: what width and height are multiplied by, 2 to 8
            model: id from list_models, hub id (owner/name) or folder; empty takes one that is here
            prompt: what the picture shows, for models that use it

        Returns:
            a PNG file with its recipe inside
        """
        asked = ImageRequest(model or self._model("upscale"), "upscale", prompt=prompt, factor=factor)
        return await self._picture(request, asked, files_from("upscale", _bytes(image), None))

    def _model(self, task: ImageTask) -> str:
        """A model for a task that is on this machine, starters first. Raises NoModelForTask."""
        catalog = self._services.catalog
        rows = [spec for spec in catalog.rows(task) if catalog.is_on_disk(spec)]
        if not rows:
            raise NoModelForTask(task=task)
        return min(rows, key=lambda spec: spec.source != "starter").id

    async def _picture(self, request: gr.Request, asked: ImageRequest, files: dict[str, bytes]) -> Any:
        """Wait for the first picture. Raises the error that ended the job, and NotFound where it was stopped."""
        owner, jobs = self._services.identity.who(request), self._services.jobs
        job = jobs.submit(owner, asked, files=files)
        async for live in follow(jobs, owner, job.id):
            if live.end is None:
                continue
            if live.error is not None:
                raise live.error
            if not live.end.creation_ids:
                break
            data = self._services.creations.path(owner, live.end.creation_ids[0]).read_bytes()
            path = save_bytes_to_cache(data, "picture.png", get_upload_folder())
            return FileData(path=path, orig_name="picture.png", mime_type="image/png").model_dump()
        raise NotFound(thing="picture")


def _bytes(file: FileData) -> bytes:
    """An uploaded file: that it is one was checked when the arguments were read."""
    return Path(file.path).read_bytes()
