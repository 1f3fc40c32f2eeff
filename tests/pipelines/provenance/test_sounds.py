"""Recipes in sound files: what goes in comes out, whatever the format and the length, and damage is no recipe."""

import random
import tracemalloc
from io import BytesIO

import numpy as np
import pytest
import soundfile

from pipelines.errors.requests import NoRecipe
from pipelines.provenance import recipe, sounds
from pipelines.types.sound import Wave
from pipelines.types.speech import SpeechRequest, SpeechResult
from pipelines.types.workbench import WorkbenchRequest

WAVE = Wave((0.3 * np.sin(np.arange(12_000) * 0.05)).astype(np.float32), 24_000)
LONG = " ".join(random.Random(1).choices(["river", "海", "sky", "“quoted”", "\U0001f600"], k=20_000))


def made(text: str) -> dict:
    request = SpeechRequest("kokoro-82m", text, speed=1.25)
    return recipe.make(request, SpeechResult("kokoro-82m", request, "stop", 0.5, 1.0, 0.4))


@pytest.mark.parametrize("file_format", ["flac", "wav", "mp3", "ogg"])
@pytest.mark.parametrize("text", ["Good morning, 早上好", LONG[:29_000]])
def test_a_recipe_comes_back_out_of_every_format(file_format: str, text: str) -> None:
    data = sounds.encode(WAVE, made(text), file_format)
    assert sounds.suffix_of(data) == f".{file_format}"
    found = recipe.read(data)
    asked = recipe.request_of(found)
    assert isinstance(asked, SpeechRequest) and (asked.text, asked.speed) == (text, 1.25)
    assert found["result"]["seconds_first"] == 0.4


def test_a_stereo_sound_keeps_its_channels_and_its_samples() -> None:
    stereo = Wave(np.stack([WAVE.samples, -WAVE.samples], axis=1), 24_000)
    samples, rate = soundfile.read(BytesIO(sounds.encode(stereo, made("x"), "flac")), dtype="float32")
    assert rate == 24_000 and samples.shape == (12_000, 2)
    assert np.abs(samples - stereo.samples).max() < 1 / 32_768


def test_a_sound_of_somebody_else_has_no_recipe() -> None:
    from pipelines.sound.files import to_bytes

    for file_format in ("flac", "wav", "mp3", "ogg"):
        with pytest.raises(NoRecipe, match="holds no recipe"):
            recipe.read(to_bytes(WAVE, file_format), "theirs")


def test_damage_anywhere_is_a_recipe_or_a_plain_refusal() -> None:
    dice = random.Random(7)
    for file_format in ("flac", "wav", "mp3", "ogg"):
        whole = sounds.encode(WAVE, made("a" * 5000), file_format)
        for _ in range(40):
            data = bytearray(whole[: dice.randrange(4, len(whole))])
            for _ in range(dice.randrange(4)):
                data[dice.randrange(len(data))] = dice.randrange(256)
            try:
                recipe.read(bytes(data))
            except NoRecipe as refusal:
                assert "“file”" in str(refusal)


def test_a_file_that_was_made_from_another_one_names_it_by_its_field_alone() -> None:
    request = WorkbenchRequest(task="edit-sound", audio="/home/ann/secret/talk.wav", fade_in=1.0)
    assert recipe.make(request)["request"]["audio"] == "talk.wav"


@pytest.mark.parametrize("data", [b"", b"RIFF....AVI ", b"\xff\xd8\xff\xe0", b"\xff\xfea\0b\0", b"<html>", b"ID"])
def test_what_is_no_sound_has_no_suffix(data: bytes) -> None:
    assert sounds.suffix_of(data) == ""


@pytest.mark.parametrize(
    ("file_format", "rate", "written"),
    [("ogg", 384_000, 192_000), ("flac", 700_000, 192_000), ("mp3", 96_000, 48_000), ("mp3", 30_000, 32_000), ("mp3", 1_000, 8_000)],
)  # fmt: skip
def test_a_rate_that_a_format_has_not_becomes_one_that_it_has(file_format: str, rate: int, written: int) -> None:
    wave = Wave((0.3 * np.sin(np.arange(rate) * 0.5)).astype(np.float32), rate)
    info = soundfile.info(BytesIO(sounds.encode(wave, made("x"), file_format)))
    assert info.samplerate == written and info.duration == pytest.approx(1.0, abs=0.2)


def test_a_file_of_empty_chunks_takes_no_memory() -> None:
    data = b"RIFF....WAVE" + bytes(1_000_000)
    tracemalloc.start()
    assert sounds.read(data) == ""
    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()
