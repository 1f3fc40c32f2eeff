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
    answers = _Answers(shelves)

    def route(path: str, answer: Callable[[Request, str], Response]) -> Route:
        def endpoint(request: Request) -> Response:
            try:
                return answer(request, identity.who(request))
            except StudioError as error:
                return refusal(request, error, 404)

        return Route(path, endpoint, methods=["GET"])

    return [
        route("/media/runs/{run_id}/events.tfevents", answers.events),
        route("/media/runs/{run_id}/model.zip", answers.model),
        route("/media/data/{dataset_id}/{name}", answers.data),
        route("/media/jobs/{job_id}/{name}", answers.preview),
        route("/media/runs/{run_id}/{name}", answers.sample),
        route("/media/{creation_id}", answers.media),
        route("/media/{creation_id}/{part}", answers.media),
    ]


class _Answers:
    """Each: (request, owner) → a file. Raises what the shelf says."""

    def __init__(self, shelves: Shelves) -> None:
        self._shelves = shelves

    def media(self, request: Request, owner: str) -> Response:
        wanted = request.path_params
        if (kind := request.query_params.get("as", "")) in FORMATS:
            return _converted(self._shelves.convert(owner, wanted["creation_id"], kind), wanted["creation_id"], kind)
        return _file(request, self._shelves.find(owner, wanted["creation_id"], wanted.get("part", "")))

    def preview(self, request: Request, owner: str) -> Response:
        name = request.path_params["name"]
        data = self._shelves.find_preview(owner, request.path_params["job_id"], name)
        media_type = SHOWN_IN_PLACE[".wav" if name.endswith(".wav") else ".jpg"]
        return Response(data, media_type=media_type, headers={"Cache-Control": "private, no-store"})

    def sample(self, request: Request, owner: str) -> Response:
        wanted = request.path_params
        return _file(request, self._shelves.find_sample(owner, wanted["run_id"], wanted["name"]))

    def data(self, request: Request, owner: str) -> Response:
        wanted = request.path_params
        return _file(request, self._shelves.find_data(owner, wanted["dataset_id"], wanted["name"]))

    def model(self, request: Request, owner: str) -> Response:
        folder = self._shelves.find_model(owner, request.path_params["run_id"])
        headers = _download(f"filename*=UTF-8''{quote(folder.name)}.zip")
        return StreamingResponse(zipped(folder), media_type="application/zip", headers=headers)

    def events(self, request: Request, owner: str) -> Response:
        run_id = request.path_params["run_id"]
        data = self._shelves.events(owner, run_id)
        headers = _download(f'filename="events.out.tfevents.{run_id}"')  # it was found, so it is one of ours
        return Response(data, media_type="application/octet-stream", headers=headers)


def _download(filename: str) -> dict[str, str]:
    return {
        "Content-Disposition": f"attachment; {filename}",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }


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
