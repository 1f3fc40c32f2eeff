"""Requests, events and results as JSON, across processes. A new kind is named here, and nowhere else."""

import json
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, get_args

from pydantic import TypeAdapter, ValidationError

from pipelines.types.caption import CaptionRequest, CaptionResult
from pipelines.types.classification import (
    ClassifyRequest,
    ClassifyResult,
    ClassifySoundRequest,
    ClassifyTextRequest,
    ClassifyTextResult,
)
from pipelines.types.clip import ClipRequest, ClipResult, FramesRequest, FramesResult
from pipelines.types.dataset import CaptionDataRequest, CaptionDataResult, FetchDataRequest, FetchDataResult
from pipelines.types.download import DownloadRequest, DownloadResult
from pipelines.types.events import Event
from pipelines.types.fields import STAYS
from pipelines.types.film import FilmRequest, FilmResult, StoryRequest, StoryResult
from pipelines.types.image import ImageRequest, ImageResult
from pipelines.types.load import LoadRequest, LoadResult
from pipelines.types.merge import MergeRequest, MergeResult
from pipelines.types.music import MusicRequest, MusicResult
from pipelines.types.search import EmbedRequest, EmbedResult
from pipelines.types.speech import SpeechRequest, SpeechResult
from pipelines.types.study import StudyRequest, StudyResult
from pipelines.types.text import TextRequest, TextResult
from pipelines.types.training import TrainRequest, TrainResult
from pipelines.types.transcription import TranscribeRequest, TranscribeResult
from pipelines.types.video import VideoRequest, VideoResult
from pipelines.types.workbench import WorkbenchRequest, WorkbenchResult

AudioRequest = SpeechRequest | TranscribeRequest | MusicRequest
ModelRequest = (
    TextRequest
    | ImageRequest
    | AudioRequest
    | ClassifyRequest
    | ClassifyTextRequest
    | ClassifySoundRequest
    | CaptionRequest
    | VideoRequest
    | EmbedRequest
    | DownloadRequest
    | LoadRequest
    | MergeRequest
)  # what asks a model that there is
ClippingRequest = ClipRequest | FramesRequest
DataRequest = FetchDataRequest | CaptionDataRequest
Request = (
    ModelRequest
    | WorkbenchRequest
    | FilmRequest
    | ClippingRequest
    | StoryRequest
    | StudyRequest
    | TrainRequest
    | DataRequest
)
SoundResult = SpeechResult | MusicResult | WorkbenchResult  # what may come to a sound
Made = TextResult | ImageResult | SoundResult | TranscribeResult | ClassifyResult | ClassifyTextResult | CaptionResult
MovingResult = FilmResult | VideoResult | ClipResult  # what may come to a film
Result = (
    Made
    | MovingResult
    | FramesResult
    | StoryResult
    | EmbedResult
    | DownloadResult
    | LoadResult
    | MergeResult
    | StudyResult
    | FetchDataResult
    | CaptionDataResult
    | TrainResult
)
_CROSSING: dict[str, dict[str, type]] = {
    "request": {cls.kind: cls for cls in get_args(Request)},
    "event": {cls.kind: cls for cls in get_args(Event)},
    "result": {cls.kind: cls for cls in get_args(Result)},
}


def to_json(value: Any) -> dict:
    """A request, event or result as JSON-ready data; `from_json` reads it back."""
    return {"kind": value.kind, **_plain(value)}


def from_json(what: Literal["request", "event", "result"], data: dict) -> Any:
    """Read what `to_json` wrote. Raises ValueError on an unknown kind, a missing field or a wrong type.

    Strict, as JSON is: "5" and 5.0 are no whole number, 1 is a fraction too, a list is a tuple.
    """
    fields = dict(data)
    kind = fields.pop("kind", None)
    cls = _CROSSING[what].get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ValueError(f"unknown {what}: {kind!r}")
    try:
        return _adapter(cls).validate_json(json.dumps(fields), strict=True)
    except (ValidationError, TypeError, RecursionError) as error:
        raise ValueError(str(error)) from error


def _plain(value: Any) -> Any:
    """Dataclasses as dicts, without the fields that stay in their process."""
    if is_dataclass(value):
        return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.metadata != STAYS}
    if isinstance(value, tuple | list):
        return [_plain(item) for item in value]
    return value


@cache
def _adapter(cls: type) -> TypeAdapter:
    return TypeAdapter(cls)
