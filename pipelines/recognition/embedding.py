"""Pictures, words and sounds as vectors that can be compared.

    pipeline = EmbeddingPipeline.on_this_machine()
    result = pipeline.generate(EmbedRequest(texts=("a red apple",), images=("",), sounds=("",)))

It knows no library and no model family; which of many things is nearest, whoever holds them says.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from pipelines.base import Pipeline
from pipelines.hearing.log_mel import SAMPLING_RATE, WINDOW_SECONDS
from pipelines.loading.memory.cache import LoadCancelled
from pipelines.pictures.files import open_picture
from pipelines.seeing.describing import NamingModel
from pipelines.seeing.naming import JUDGED, is_known
from pipelines.sound.files import open_sound
from pipelines.types.caption import Name
from pipelines.types.events import IsCancelled, OnEvent, ignore, never
from pipelines.types.search import EARS, EYES, EmbedRequest, EmbedResult, Vectors, packed
from pipelines.types.transcription import TranscribeRequest

MOST_NAMES = 3
LEAST_SHARE = 0.2  # of the likeliest name's probability
NAME_CHARACTERS = 80  # what knows all three kinds has learned names, not stories


class SentenceModel(Protocol):
    """What a family gives for sentences. It `reads` what its vocabulary has words for."""

    def reads(self, text: str) -> bool: ...

    def of_texts(self, texts: list[str]) -> Any:
        """NumPy (texts, numbers) float32, each of length 1."""
        ...


class TogetherModel(Protocol):
    """What a family gives for all three kinds: (numbers,) of length 1 of a PIL picture, and of mono samples at 16 kHz.

    `likeness` see `EmbedResult`.
    """

    likeness: dict[str, tuple[float, float]]

    def of_texts(self, texts: list[str]) -> Any: ...

    def of_picture(self, picture: Any) -> Any: ...

    def of_sound(self, samples: Any) -> Any: ...


class Models(NamedTuple):
    """What one request works with; `eyes` name what is on pictures, `ears` write down what is said, where they are wanted."""

    sentences: SentenceModel
    together: TogetherModel
    eyes: NamingModel | None
    ears: Any | None


class EmbeddingPipeline(Pipeline):
    """Safe to use from several threads at once."""

    def generate(
        self, request: EmbedRequest, on_event: OnEvent = ignore, is_cancelled: IsCancelled = never
    ) -> EmbedResult:
        """Raises the errors of `pipelines.errors`."""
        # 1 What is asked
        request.check()
        spec = self.catalog.check(request)

        # 2 The models, then one thing after the other
        found: list[Vectors] = []
        try:
            with self._models(request, on_event, is_cancelled) as models:
                started = time.perf_counter()
                for text, image, sound in zip(request.texts, request.images, request.sounds, strict=True):
                    if is_cancelled():
                        break
                    found.append(_vectors(models, text, image, sound, is_cancelled))
                seconds, likeness = time.perf_counter() - started, models.together.likeness
        except LoadCancelled:
            return EmbedResult(spec.id, (), 0.0, finish_reason="cancelled")
        is_whole = len(found) == len(request.texts)
        return EmbedResult(spec.id, tuple(found), seconds, likeness, "stop" if is_whole else "cancelled")

    @contextmanager
    def _models(self, request: EmbedRequest, on_event: OnEvent, is_cancelled: IsCancelled) -> Iterator[Models]:
        with ExitStack() as leased:

            def lease(model: str) -> Any:
                return leased.enter_context(self.lease(self.catalog.find(model), (), on_event, is_cancelled))

            is_listening = request.is_asked and any(request.sounds)
            yield Models(
                lease(request.model),
                lease(request.together),
                lease(EYES) if any(request.images) and self.starters.is_here(EYES) else None,
                lease(EARS) if is_listening else None,
            )


def _vectors(models: Models, text: str, image: str, sound: str, is_cancelled: IsCancelled) -> Vectors:
    """Raises UnreadablePicture, PictureTooLarge, MissingSound or UnreadableSound. Of a sound its first half minute."""
    # 1 What is seen and heard
    at_picture = at_sound = heard = ""
    names: list[Name] = []
    if image:
        picture = open_picture(Path(image))
        at_picture = packed(models.together.of_picture(picture))
        names = _names(models.eyes, picture) if models.eyes is not None else []
    if sound:
        wave = open_sound(Path(sound), sampling_rate=SAMPLING_RATE, is_mono=True)
        samples = wave.samples[: WINDOW_SECONDS * SAMPLING_RATE]
        at_sound = packed(models.together.of_sound(samples))
        if models.ears is not None:
            said = models.ears.transcribe(samples, TranscribeRequest(EARS), is_cancelled)
            heard = "".join(segment.text for window in said for segment in window.segments).strip()

    # 2 What it is called: by its person, else by who heard or saw it
    seen = " · ".join(dict.fromkeys(word for name in names for word in name.texts.values()))
    words = text.strip() or heard or (next(iter(names[0].texts.values())) if names else "")
    is_read = bool(words) and models.sentences.reads(words)
    return Vectors(
        packed(models.sentences.of_texts([words])[0]) if is_read else "",
        packed(models.together.of_texts([words[:NAME_CHARACTERS]])[0]) if words else "",
        at_picture,
        at_sound,
        heard,
        seen,
    )


def _names(eyes: NamingModel, picture: Any) -> list[Name]:
    """What the picture may well show, the likeliest first; nothing where even that is not likely."""
    names = eyes.names(picture, JUDGED)
    if not is_known(names, eyes.least_probability):
        return []
    return [name for name in names[:MOST_NAMES] if name.probability >= names[0].probability * LEAST_SHARE]
