"""A row of the catalog."""

from dataclasses import dataclass
from typing import Literal

from pipelines.types.caption import CaptionTask
from pipelines.types.classification import ClassifyTask
from pipelines.types.image import ImageTask
from pipelines.types.music import MusicTask
from pipelines.types.text import TextTask
from pipelines.types.transcription import TranscribeTask
from pipelines.types.video import VideoTask

Task = Literal[
    TextTask,
    ImageTask,
    "speech",
    TranscribeTask,
    MusicTask,
    ClassifyTask,
    CaptionTask,
    VideoTask,
    "embed",
    "embed-together",
]


@dataclass(frozen=True)
class ImageDefaults:
    """What suits an image model: pixels, denoising steps, guidance scale (1: none); of a video model also how many frames, and
    how many of them are a second.
    """

    width: int
    height: int
    steps: int
    guidance_scale: float
    frames: int = 1
    frame_rate: float = 0.0


@dataclass(frozen=True)
class ModelSpec:
    """One row of the catalog, or what was found out about a pasted hub id or folder.

    `source` is "starter" (a packaged model, see `pipelines/loading/starter.py`), "hub", "folder", or "none" for a method
    without weights; `location` is the starter's name, the hub id, or the folder or file. `size_bytes` is the size on
    disk, 0 where it is not known. `attribution` is whom to name beside what the model makes, where its licence asks that.
    `voices` are those that a speech model has, the first one its own. `names` is a file of assets/ with all that an image model
    can draw, for one that knows a list of names and no sentences.
    """

    id: str
    name: str
    family: str
    tasks: tuple[Task, ...]
    source: Literal["starter", "hub", "folder", "none"]
    location: str
    revision: str = "main"
    size_bytes: int = 0
    parameters: int = 0
    licence: str = ""
    licence_url: str = ""
    attribution: str = ""
    languages: tuple[str, ...] = ()
    voices: tuple[str, ...] = ()
    names: str = ""
    context_tokens: int = 0
    defaults: ImageDefaults | None = None
    is_gated: bool = False
    note_en: str = ""
    note_zh: str = ""
