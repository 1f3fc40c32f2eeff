"""The endpoint that searches the library, for clients. It goes through the same queue as the page."""

from pathlib import Path
from typing import Any, Literal

import gradio as gr
from gradio.data_classes import FileData

from pipelines.errors.access import NotFound
from pipelines.pictures.files import open_picture
from studio.services import Services
from studio.ui.audio.files import sound
from studio.ui.i18n import language
from studio.ui.image.files import png
from studio.ui.multimodal.looking_for import Found, Wanted, look_for

SearchKind = Literal["all", "text", "image", "sound", "film", "conversation"]


class FindEndpoints:
    """Each method is an endpoint; its docstring is what clients read. Every argument but the first has a default."""

    def __init__(self, services: Services) -> None:
        self._services = services

    async def search_library(
        self,
        request: gr.Request,
        query: str = "",
        kind: SearchKind = "all",
        image: FileData | None = None,
        audio: FileData | None = None,
    ) -> dict[str, Any]:
        """Find in your library by words, by a picture or by a sound.

        Args:
            query: words in English or Chinese, or empty where there is a picture or a sound
            kind: "all", "text", "image", "sound", "film" or "conversation"
            image: a picture that is like what you look for
            audio: a sound that is like it, or somebody who says its name

        Returns:
            {"hits": [{"id", "kind", "title", "excerpt", "created", "found_by"}], "only_words"}: the nearest first; "found_by"
            says by what each was found, the strongest first, and a conversation has none; "only_words" is empty, or why
            only the words were looked for and not what they mean
        """
        owner = self._services.identity.who(request)
        given = sound(audio.path) if audio else None
        seen = png(open_picture(Path(image.path))) if image else b""
        wanted = Wanted(query, seen, given.data if given else b"", kind)
        found: Found | None = None
        async for news in look_for(self._services, owner, wanted):
            found = news if isinstance(news, Found) else found
        if found is None:
            raise NotFound(thing="result")
        return told(found, language(request))


def told(found: Found, language: str) -> dict[str, Any]:
    """What a client reads of it."""
    return {"hits": _rows(found), "only_words": found.error.say(language) if found.error else ""}


def _rows(found: Found) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [
        {
            "id": creation.id,
            "kind": creation.kind,
            "title": creation.title,
            "excerpt": excerpt,
            "created": creation.created,
            "found_by": list(hit.found_by),
        }
        for hit, creation, excerpt in found.hits
    ]
    return rows + [
        {"id": talk.id, "kind": "conversation", "title": talk.title, "excerpt": "", "created": talk.updated}
        for talk in found.conversations
    ]
