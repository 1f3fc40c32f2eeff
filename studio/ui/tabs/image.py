"""The Image tab, and what other places of the page ask of it."""

import json
from pathlib import Path
from typing import Any

import gradio as gr

from pipelines.provenance import recipe
from pipelines.types.image import ImageRequest
from studio.services import Services
from studio.ui import sending
from studio.ui.components import quietly, send_on
from studio.ui.i18n import language, t
from studio.ui.image.picture_box import EMPTY
from studio.ui.image.presses import Images, picture_request
from studio.ui.told import inform, told
from studio.ui.wishes import Wish

EXAMPLES_FILE = Path(__file__).parents[3] / "assets" / "prompts" / "examples.json"


class ImageTab:
    """The tab. `wish` is the page's State of what was asked for elsewhere; `tabs` are the page's tabs."""

    def __init__(self, services: Services, wish: gr.State, tabs: gr.Tabs) -> None:
        self._services = services
        self._tabs = tabs
        examples = json.loads(EXAMPLES_FILE.read_text("utf-8"))
        with gr.Tab(t("image"), id="image", elem_id="tab-image"):
            self.images = Images(services, examples["image"])
        self._wire(wish)

    def _wire(self, wish: gr.State) -> None:
        its = self.images
        form = [*its.settings.components.values(), its.form.box, its.source]
        outputs = [self._tabs, *form, *its.show_outputs]
        wish.change(told(self._grant), [wish, its.settings.mode, its.settings.model], outputs, **quietly())
        send_on([its.parts.sending], wish)
        self._tabs.select(told(its.of_model.offer), its.of_model.chosen, its.form.offered, **quietly())
        its.parts.drop.upload(told(self._take_file), its.parts.drop, form, **quietly())

    def load(self, blocks: gr.Blocks) -> None:
        """Bring back what this browser had open."""
        self.images.load(blocks)

    def _grant(self, wish: Wish, mode: str, model: str | None, request: gr.Request) -> dict[Any, Any]:
        """Open a picture, a job or the settings of a dropped file, where it is one of this tab. Raises NotFound."""
        owner = self._services.identity.who(request)
        here = {self._tabs: gr.Tabs(selected="image")}
        match wish:
            case ("creation", str(creation_id), _):
                creation = self._services.creations.get(owner, creation_id)
                if creation.kind == "image" and creation.recipe.get("request", {}).get("kind") == ImageRequest.kind:
                    return here | self.images.filled_from(owner, creation) | self.images.show("creation", creation_id)
            case ("job", str(job_id), _):
                job = self._services.jobs.get(owner, job_id)
                if isinstance(job.request, ImageRequest):
                    return here | self.images.filled(job.request) | self.images.show("job", job_id, is_kept=job.keep)
            case ("recipe", str(text), _):
                found = json.loads(text)
                if isinstance(recipe.request_of(found), ImageRequest):
                    return here | self._filled(found)
            case ("image", _, _):
                return here
            case ("to-picture", str(creation_id), _):
                return here | self.images.with_picture(owner, creation_id, mode, model or "", language(request))
            case ("to-prompt", str(which), _):
                return here | self.images.with_prompt(sending.text_of(self._services, owner, which), which)
        return {self._tabs: gr.skip()}

    def _take_file(self, path: str, request: gr.Request) -> dict[Any, Any]:
        """The settings of a dropped picture. Raises NoRecipe, and NotFound for the recipe of something else."""
        file = Path(path)
        try:
            updates = self._filled(recipe.read(file))
        finally:
            file.unlink(missing_ok=True)  # nothing of it is needed any more, and it may be private
        inform("settings_taken", language(request))
        return updates

    def _filled(self, found: dict) -> dict[Any, Any]:
        """The settings of a recipe. What it was made from is not in the file: it is to be added."""
        return self.images.filled(picture_request(found)) | {self.images.form.box: dict(EMPTY)}
