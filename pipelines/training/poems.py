"""Tang poems in regular form: eight or four lines of five or seven characters, in simplified characters.

From the package chinese-poetry of the npm registry (MIT; the poems themselves are long in the public domain), fetched over
HTTPS and checked by SHA-512; npm is not needed. Poems that share a couplet with a held-out one are not trained on.
"""

import hashlib
import json
import re
import tarfile
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipelines.errors.training import DatasetUnavailable
from pipelines.loading.lock import only_one
from pipelines.writing.poem import form_of, lines_of

PACKAGE = "chinese-poetry-2.0.1.tgz"
ADDRESS = f"https://registry.npmjs.org/chinese-poetry/-/{PACKAGE}"
SHA512 = (
    "2ad60046f57b09636d6b1d276bdf899fa3e5846812a2277b3d6c83cd72382ac0"
    "849b6a1d65ca84432bda97992868bca066733f110de57c9fffdb92bca77b8736"
)
TIMEOUT_SECONDS = 600

HELD_OUT_OF = 40  # one poem in so many is held out

_TANG = re.compile(r"package/dist/quantangshi/poet\.tang\.\d+\.json")
_PLAIN = re.compile(r"[\u3400-\u9fff，。！？；]+")
_TITLE = re.compile(r"[\u3400-\u9fff]{1,12}")


@dataclass(frozen=True)
class Poem:
    """`title` is "" where the real one is long or holds more than characters."""

    form: str
    title: str
    lines: tuple[str, ...]

    @property
    def couplets(self) -> tuple[str, ...]:
        return tuple(upper + lower for upper, lower in zip(self.lines[::2], self.lines[1::2], strict=True))


def read_poems(packages: Path) -> tuple[list[Poem], list[Poem]]:
    """(to train on, held out), in an order of their own that never changes. Raises DatasetUnavailable.

    `packages` is the folder that keeps what was fetched.
    """
    # 1 Every regular poem once, whichever spelling it stands in
    poems = {poem.lines: poem for poem in _regular(_fetched(packages))}

    # 2 Held out by a number made of the poem itself
    held_out = [poem for poem in poems.values() if _number(poem) % HELD_OUT_OF == 0]
    known = {couplet for poem in held_out for couplet in poem.couplets}
    rest = [poem for poem in poems.values() if _number(poem) % HELD_OUT_OF]
    return [poem for poem in rest if known.isdisjoint(poem.couplets)], held_out


def _regular(package: Path) -> Iterator[Poem]:
    from opencc import OpenCC

    simplified = OpenCC("t2s").convert
    with tarfile.open(package) as archive:
        for member in archive:
            file = archive.extractfile(member) if _TANG.fullmatch(member.name) else None
            for row in json.load(file) if file else ():
                text = simplified("".join(row["paragraphs"]))
                lines = lines_of(text) if _PLAIN.fullmatch(text) else ()
                if (form := form_of(lines)) is not None:
                    title = simplified(row["title"])
                    yield Poem(form, title if _TITLE.fullmatch(title) else "", lines)


def _number(poem: Poem) -> int:
    return int.from_bytes(hashlib.sha256("".join(poem.lines).encode()).digest()[:4])


def _fetched(folder: Path) -> Path:
    """Raises DatasetUnavailable."""
    place = folder / PACKAGE
    try:
        with only_one(folder / f"{PACKAGE}.lock", lambda: None):
            if not (place.exists() and _sha512(place) == SHA512):
                _fetch(place)
    except OSError as error:
        raise DatasetUnavailable(package=PACKAGE, reason=str(error)[:200]) from error
    return place


def _fetch(place: Path) -> None:
    part = place.with_suffix(".part")
    with urllib.request.urlopen(ADDRESS, timeout=TIMEOUT_SECONDS) as answer, part.open("wb") as file:
        while chunk := answer.read(1 << 20):
            file.write(chunk)
    if _sha512(part) != SHA512:
        part.unlink()
        raise DatasetUnavailable(package=PACKAGE, reason="the package's SHA-512 is another one")
    part.replace(place)


def _sha512(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha512").hexdigest()
