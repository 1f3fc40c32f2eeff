"""GET /media/<id>: the file of one creation, for its owner only, with Range.

Only pictures, sound and film of the types below are shown in place; everything else (HTML and SVG above all) is a
download of plain bytes, so that no file a person keeps can run as a page of ours. Knows no library: `find` does.
"""

from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from pipelines.errors import NotFound
from studio.api.plain import refusal
from studio.identity import Identity

SHOWN_IN_PLACE = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".webp": "image/webp",
    ".gif": "image/gif",
    ".wav": "audio/wav",
    ".mp3": "audio/mpeg",
    ".flac": "audio/flac",
    ".ogg": "audio/ogg",
    ".mp4": "video/mp4",
    ".webm": "video/webm",
}


def media_route(find: Callable[[str, str], Path], identity: Identity) -> Route:
    """`find(owner, creation_id)` gives the file, or raises NotFound, also for what belongs to somebody else."""

    def media(request: Request) -> Response:
        try:
            path = find(identity.who(request), request.path_params["creation_id"])
        except NotFound as error:
            return refusal(request, error, 404)
        if not path.is_file():
            return refusal(request, NotFound(thing="file"), 404)
        shown_as = SHOWN_IN_PLACE.get(path.suffix.lower())
        return FileResponse(
            path,
            media_type=shown_as or "application/octet-stream",
            filename=path.name,
            content_disposition_type="inline" if shown_as else "attachment",
            headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "private, max-age=3600"},
        )

    return Route("/media/{creation_id}", media, methods=["GET"])
