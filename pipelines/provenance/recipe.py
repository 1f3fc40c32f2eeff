"""The recipe inside every file: what was asked, of which model, and what is needed to make it again.

    {"schema": 1, "studio": version, "made": ISO time in UTC, "request": …, "result": {seed, tokens …}, "model": {…}}

A Markdown file carries it in an HTML comment at its end, a JSON file under the key "recipe", a picture in its metadata
(see pictures.py), a sound in its comment (sounds.py), a film in a box at its end (films.py). What is read back comes from strangers: only what passes the checks of `pipelines/types` is
returned. Knows no library and no page.
"""

import json
import math
import re
from dataclasses import fields, replace
from datetime import UTC, datetime
from pathlib import Path

from pipelines.errors.requests import InvalidRequest, NoRecipe
from pipelines.provenance import a1111, films, pictures, sounds
from pipelines.types.clip import ClipResult, FramesResult
from pipelines.types.crossing import Request, Result, SoundResult, from_json, to_json
from pipelines.types.fields import STAYS
from pipelines.types.files import files_of, with_files
from pipelines.types.film import FilmResult, StoryRequest
from pipelines.types.image import ImageRequest, ImageResult
from pipelines.types.model import ModelSpec
from pipelines.types.text import TextRequest, TextResult
from pipelines.types.video import VideoResult
from pipelines.version import VERSION

SCHEMA = 1
LIMIT_BYTES = 8_000_000

_OPENING = "<!-- aigc-studio-recipe"
_CLOSING = "-->"
_FENCE = re.compile(r" {0,3}(`{3,}(?=[^`]*$)|~{3,})(.*)")


def make(
    request: Request, result: Result | None = None, model: ModelSpec | None = None, *, index: int | None = None
) -> dict:
    """The recipe of a result, or of a conversation when there is no single one; of several pictures, of number `index`.

    The request in it has the seed that was drawn and the blanks filled in, so running it again gives the same. Of a
    model, an adapter or a file that was named by its path only the last part is in it.
    """
    # 1 What was asked, as it was really run
    if isinstance(result, ImageResult | SoundResult | VideoResult | ClipResult | FramesResult):
        request = result.request
    elif isinstance(result, TextResult) and isinstance(request, TextRequest):
        request = replace(request, sampling=replace(request.sampling, seed=result.seed))
    elif isinstance(result, FilmResult):
        request = result.request.story or result.request

    # 2 Without what tells about a person's machine
    request = replace(request, model=_without_path(request.model))
    if isinstance(request, TextRequest | ImageRequest):
        adapters = tuple(replace(adapter, source=_without_path(adapter.source)) for adapter in request.adapters)
        request = replace(request, adapters=adapters)
    if isinstance(request, StoryRequest):
        painter, speaker, composer = map(_without_path, (request.painter, request.speaker, request.composer))
        request = replace(request, painter=painter, speaker=speaker, composer=composer)
    request = with_files(request, {field: Path(name).name for field, name in files_of(request).items()})

    # 3 With what came out and of whom
    recipe = {
        "schema": SCHEMA,
        "studio": VERSION,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "request": to_json(request),
    }
    if index is not None:
        recipe["index"] = index
    if result is not None:
        recipe["result"] = facts(result)
    if model is not None:
        recipe["model"] = _about(model)
    return json.loads(json.dumps(recipe))  # as it will be read back: lists for tuples


def facts(result: Result) -> dict:
    """The figures of a result without its content: model, seed or size, finish reason, seconds, and what makes a rate."""
    content = {"text", "names", "candidates", "request", "sentences", "segments", "notes", "measures"}
    named = [f.name for f in fields(result) if f.name not in content and f.metadata != STAYS]
    figures = {name: getattr(result, name) for name in named} | {"model": _without_path(result.model)}
    if isinstance(result, TextResult):
        figures["prefill_tokens_per_second"] = round(result.prefill_tokens_per_second, 2)
        figures["decode_tokens_per_second"] = round(result.decode_tokens_per_second, 2)
    if isinstance(result, ImageResult):
        figures["steps_per_second"] = round(result.steps_per_second, 3)
    return figures


def request_of(recipe: dict) -> Request:
    """The request of a recipe, its settings within their ranges.

    Raises InvalidRequest; KeyError, TypeError or ValueError if there is none.
    """
    request = from_json("request", dict(recipe["request"]))
    if isinstance(request, TextRequest):
        request.sampling.check()
    else:
        request.check()
    return request


# ── into files ────────────────────────────────────────────────────────────────────────────────────────────────────────


def markdown(text: str, recipe: dict) -> str:
    """`text` as a Markdown file with the recipe at its end, in a comment that no viewer shows."""
    # "<" and ">" occur in JSON only inside strings, so without them nothing can close the comment or open another
    data = json.dumps(recipe, ensure_ascii=False, indent=1).replace("<", "\\u003c").replace(">", "\\u003e")
    return f"{close_fence(text)}\n\n{_OPENING}\n{data}\n{_CLOSING}\n"


def body(content: str) -> str:
    """What `markdown` was given (a code fence left open comes back closed); all of it where there is no recipe."""
    before, opening, _ = content.rpartition(f"\n\n{_OPENING}\n")
    return before if opening else content


def close_fence(text: str) -> str:
    """`text` with a last code fence closed that was left open, so that what follows it is not shown as code."""
    fence = ""
    for line in re.split(r"\r\n|\r|\n", text):
        match = _FENCE.match(line)
        if match is None:
            continue
        marks, rest = match.groups()
        if not fence:
            fence = marks
        elif marks.startswith(fence) and not rest.strip(" \t"):
            fence = ""
    return f"{text}\n{fence}" if fence else text


# ── out of files ──────────────────────────────────────────────────────────────────────────────────────────────────────


def read(source: Path | bytes, name: str = "") -> dict:
    """The recipe of a dropped file, checked; `request_of` gives its request.

    `name` is what the person calls the file. Decides by content, not by suffix. Raises NoRecipe (an
    UnreadableDocument) in plain words for a file that is too large, not text, damaged, newer or without a recipe.
    """
    name = name or (source.name if isinstance(source, Path) else "file")
    data = _bytes(source, name)
    if pictures.looks_like(data):
        recipe = _in_picture(data, name)
    elif sounds.suffix_of(data) in sounds.SUFFIXES:
        recipe = _in_comment(sounds.read(data), name)
    elif films.looks_like(data):
        recipe = _in_comment(films.read(data), name)
    else:
        recipe = _find(_text(data, name), name)
    schema = recipe.get("schema")
    if isinstance(schema, int) and schema > SCHEMA:
        raise NoRecipe(name=name, reason="its recipe was written by a newer version")
    try:
        request_of(recipe)
    except (KeyError, TypeError, ValueError, InvalidRequest) as error:
        raise NoRecipe(name=name, reason="its recipe is damaged") from error
    return recipe


def _bytes(source: Path | bytes, name: str) -> bytes:
    if isinstance(source, bytes):
        data = source
    else:
        try:
            with source.open("rb") as file:
                data = file.read(pictures.LIMIT_BYTES + 1)
        except FileNotFoundError as error:
            raise NoRecipe(name=name, reason="it is no longer there") from error
    if not data:
        raise NoRecipe(name=name, reason="it is empty")
    if len(data) > pictures.LIMIT_BYTES:
        raise NoRecipe(name=name, reason="it is larger than 64 MB")
    return data


def _in_picture(data: bytes, name: str) -> dict:
    """Our own recipe, else the request that another studio's settings make."""
    found = pictures.read(data)
    own = _object(found.recipe) if found.recipe else None
    if own is not None:
        return own
    if found.recipe:
        raise NoRecipe(name=name, reason="its recipe is damaged")
    request = a1111.request_of(found.parameters) if found.parameters else None
    if request is None:
        raise NoRecipe(name=name, reason="it holds no recipe")
    return {"schema": SCHEMA, "request": json.loads(json.dumps(to_json(request))), "from": "A1111"}


def _in_comment(text: str, name: str) -> dict:
    if not text:
        raise NoRecipe(name=name, reason="it holds no recipe")
    recipe = _object(text)
    if recipe is None:
        raise NoRecipe(name=name, reason="its recipe is damaged")
    return recipe


def _text(data: bytes, name: str) -> str:
    if len(data) > LIMIT_BYTES:
        raise NoRecipe(name=name, reason="it is larger than 8 MB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NoRecipe(name=name, reason="it is not text in UTF-8") from error


def _find(content: str, name: str) -> dict:
    """The JSON object that stands where a recipe stands. The last comment counts: ours is written after the text."""
    if content.lstrip().startswith("{"):
        whole = _object(content)
        if whole is not None and isinstance(whole.get("recipe"), dict):
            return whole["recipe"]
    _, opening, after = content.rpartition(_OPENING)
    if not opening:
        raise NoRecipe(name=name, reason="it holds no recipe")
    recipe = _object(after.partition(_CLOSING)[0])
    if recipe is None:
        raise NoRecipe(name=name, reason="its recipe is damaged")
    return recipe


def _object(text: str) -> dict | None:
    """The JSON object that `text` is, or None. NaN, infinities and lone surrogates are no JSON here."""
    try:
        data = json.loads(text, parse_constant=_refuse, parse_float=_finite)
        json.dumps(data, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return data if isinstance(data, dict) else None


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(text)
    return number


def _without_path(name: str) -> str:
    """A catalog id or hub id as it is; of a local path only the last part, since a path tells about a person."""
    return Path(name).name if name.startswith(("/", "~", ".")) else name


def _about(model: ModelSpec) -> dict:
    """What a stranger needs to find the model, and whom to name."""
    location = Path(model.location).name if model.source == "folder" else model.location
    about = {
        "id": model.id if model.source != "folder" else location,
        "name": model.name,
        "source": model.source,
        "location": location,
        "revision": model.revision,
        "licence": model.licence,
        "licence_url": model.licence_url,
    }
    return about | ({"attribution": model.attribution} if model.attribution else {})
