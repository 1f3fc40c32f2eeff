"""Files of creations and of running jobs, each for its owner only, with Range.

    GET /media/<id>                    the file of a creation; `?as=…`, one of FORMATS: in that format
    GET /media/<id>/<part>             what stands beside it: "thumbnail", "image", "mask", "midi", "audio" …
    GET /media/jobs/<job>/<preview>    how a running job looks, or a piece of the sound that it makes
    GET /media/runs/<run>/<sample>     what a training run made on its way
    GET /media/runs/<run>/model.zip    the model that a run has finished, with its card
    GET /media/runs/<run>/events.tfevents   the curve of a run as a TensorBoard event file
    GET /media/data/<data set>/<name>  a picture or a sound of a data set of one's own

Only pictures, sound and film of the types below are shown in place; everything else (HTML and SVG above all) is a
download of plain bytes, so that no file a person keeps can run as a page of ours. Knows no library: it is handed
`Shelves`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import Route

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from studio.api.plain import refusal
from studio.api.zipping import zipped
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
FORMATS = {
    "webp": "image/webp",
    "jpeg": "image/jpeg",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "ogg": "audio/ogg",
    "srt": "application/x-subrip",
    "vtt": "text/vtt",
    "json": "application/json",
    "txt": "text/plain",
}


class Shelves(NamedTuple):
    """Where the files are. Each raises NotFound, also for what belongs to somebody else.

    `find(owner, creation_id, part)`, `find_preview(owner, job_id, name)`, `find_sample(owner, run_id, name)`,
    `convert(owner, creation_id, format)`, `find_data(owner, dataset_id, name)`, `find_model(owner, run_id)`,
    `events(owner, run_id)`.
    """

    find: Callable[[str, str, str], Path]
    find_preview: Callable[[str, str, str], bytes]
    find_sample: Callable[[str, str, str], Path]
    convert: Callable[[str, str, str], bytes]
    find_data: Callable[[str, str, str], Path]
    find_model: Callable[[str, str], Path]
    events: Callable[[str, str], bytes]


def media_routes(shelves: Shelves, identity: Identity) -> list[Route]:
    def media(request: Request) -> Response:
        owner, wanted = identity.who(request), request.path_params
        try:
            if (kind := request.query_params.get("as", "")) in FORMATS:
                return _converted(shelves.convert(owner, wanted["creation_id"], kind), wanted["creation_id"], kind)
            return _file(request, shelves.find(owner, wanted["creation_id"], wanted.get("part", "")))
        except StudioError as error:
            return refusal(request, error, 404)

    def preview(request: Request) -> Response:
        wanted = request.path_params
        try:
            data = shelves.find_preview(identity.who(request), wanted["job_id"], wanted["name"])
            media_type = SHOWN_IN_PLACE[".wav" if wanted["name"].endswith(".wav") else ".jpg"]
            return Response(data, media_type=media_type, headers={"Cache-Control": "private, no-store"})
        except NotFound as error:
            return refusal(request, error, 404)

    def sample(request: Request) -> Response:
        wanted = request.path_params
        try:
            return _file(request, shelves.find_sample(identity.who(request), wanted["run_id"], wanted["name"]))
        except NotFound as error:
            return refusal(request, error, 404)

    def data(request: Request) -> Response:
        wanted = request.path_params
        try:
            return _file(request, shelves.find_data(identity.who(request), wanted["dataset_id"], wanted["name"]))
        except NotFound as error:
            return refusal(request, error, 404)

    def model(request: Request) -> Response:
        try:
            folder = shelves.find_model(identity.who(request), request.path_params["run_id"])
        except NotFound as error:
            return refusal(request, error, 404)
        name = quote(folder.name)
        headers = {
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}.zip",
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        return StreamingResponse(zipped(folder), media_type="application/zip", headers=headers)

    def events(request: Request) -> Response:
        run_id = request.path_params["run_id"]
        try:
            data = shelves.events(identity.who(request), run_id)
        except NotFound as error:
            return refusal(request, error, 404)
        headers = {
            "Content-Disposition": f'attachment; filename="events.out.tfevents.{run_id}"',  # it was found, so it is one of ours
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "private, no-store",
        }
        return Response(data, media_type="application/octet-stream", headers=headers)

    return [
        Route("/media/runs/{run_id}/events.tfevents", events, methods=["GET"]),
        Route("/media/runs/{run_id}/model.zip", model, methods=["GET"]),
        Route("/media/data/{dataset_id}/{name}", data, methods=["GET"]),
        Route("/media/jobs/{job_id}/{name}", preview, methods=["GET"]),
        Route("/media/runs/{run_id}/{name}", sample, methods=["GET"]),
        Route("/media/{creation_id}", media, methods=["GET"]),
        Route("/media/{creation_id}/{part}", media, methods=["GET"]),
    ]


def _file(request: Request, path: Path) -> Response:
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


def _converted(data: bytes, creation_id: str, kind: str) -> Response:
    """A creation in another format, to be saved: the id was found, so it is one of ours."""
    headers = {
        "Content-Disposition": f'attachment; filename="{creation_id}.{kind}"',
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return Response(data, media_type=FORMATS[kind], headers=headers)
