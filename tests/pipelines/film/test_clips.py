"""Pictures as a film, a film as pictures, and what is no film."""

import subprocess
import sys
import wave
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from pipelines.errors.film import (
    FfmpegFailed,
    FilmPicturesTooLarge,
    FilmTooLong,
    FilmTooLongToRead,
    NoFilm,
    NoPictures,
    TooManyPictures,
    UnreadableFilm,
)
from pipelines.errors.requests import SettingOutOfRange, UnreadablePicture
from pipelines.film.ffmpeg import Encoder, find_ffmpeg
from pipelines.film.flow import Between
from pipelines.multimodal import MultimodalPipeline
from pipelines.types.clip import ClipRequest, FramesRequest, Join
from pipelines.types.events import never

RED, BLUE = (200, 30, 30), (30, 30, 200)


@pytest.fixture(scope="module")
def films() -> MultimodalPipeline:
    return MultimodalPipeline.on_this_machine(device="cpu")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """A wide one and a high one."""
    folder = tmp_path_factory.mktemp("pictures")
    Image.new("RGB", (160, 90), RED).save(folder / "red.png")
    Image.new("RGB", (80, 120), BLUE).save(folder / "blue.png")
    return str(folder / "red.png"), str(folder / "blue.png")


@pytest.fixture(scope="module")
def film(films, pictures, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of red, two of blue, ten frames a second."""
    path = tmp_path_factory.mktemp("films") / "two colours.mp4"
    path.write_bytes(films.generate(ClipRequest(pictures, 2.0, frame_rate=10)).film)
    return path


def middle(image: bytes | Image.Image) -> np.ndarray:
    picture = image if isinstance(image, Image.Image) else Image.open(BytesIO(image))
    return np.asarray(picture.convert("RGB"))[picture.height // 2, picture.width // 2].astype(int)


def is_like(colour: np.ndarray, wanted: tuple[int, int, int]) -> bool:
    return bool(np.abs(colour - np.array(wanted)).max() < 30)


def ball(at: int) -> Image.Image:
    picture = Image.new("RGB", (160, 120), (230, 230, 210))
    ImageDraw.Draw(picture).ellipse((at, 45, at + 30, 75), fill=RED)
    return picture


def test_pictures_stand_as_long_as_asked_and_the_film_has_the_shape_of_the_first(films, film):
    taken = films.generate(FramesRequest(str(film), every_seconds=1.0))
    assert (taken.seconds_film, taken.times) == (4.0, (0.0, 1.0, 2.0, 3.0))
    colours = [middle(image) for image in taken.images]
    assert all(map(is_like, colours, (RED, RED, BLUE, BLUE)))
    assert Image.open(BytesIO(taken.images[3])).size == (160, 90)


@pytest.mark.parametrize(("join", "frames"), [("cut", 20), ("fade", 25), ("flow", 25)])
def test_every_way_from_one_picture_to_the_next_has_the_frames_that_it_takes(join: Join, frames, films, pictures):
    result = films.generate(ClipRequest(pictures, 1.0, join, 0.5, 10))
    assert (result.finish_reason, result.frames) == ("stop", frames)
    assert result.seconds_film == frames / 10


def test_a_cross_fade_is_half_one_and_half_the_other_in_its_middle(films, pictures, tmp_path):
    path = tmp_path / "fade.mp4"
    path.write_bytes(films.generate(ClipRequest(pictures, 1.0, "fade", 1.0, 10)).film)
    seen = middle(films.generate(FramesRequest(str(path), count=1)).images[0])
    assert is_like(seen, (115, 30, 115))


def test_between_two_pictures_what_is_seen_moves_and_does_not_fade():
    between = Between(ball(40), ball(62))
    for share in (0.25, 0.5, 0.75):
        pixels = np.asarray(between.at(share)).astype(int)
        is_ball = pixels[60, :, 1] < 130  # a fade would have two of them, each half as strong
        wanted = np.zeros(160, bool)
        wanted[round(40 + 22 * share) : round(70 + 22 * share)] = True
        assert (is_ball != wanted).sum() <= 6, share
    assert np.abs(np.asarray(between.at(0.0)).astype(int) - np.asarray(ball(40))).mean() < 1
    assert np.abs(np.asarray(between.at(1.0)).astype(int) - np.asarray(ball(62))).mean() < 1


def test_two_pictures_that_flow_without_standing_are_n_frames_from_one_to_the_other(films, tmp_path):
    for name, at in (("a", 40), ("b", 62)):
        ball(at).save(tmp_path / f"{name}.png")
    names = tuple(str(tmp_path / f"{name}.png") for name in "ab")
    result = films.generate(ClipRequest(names, 0.0, "flow", 1.2, 10))
    assert result.frames == 12
    path = tmp_path / "flow.mp4"
    path.write_bytes(result.film)
    images = films.generate(FramesRequest(str(path), count=12)).images
    first, last = (np.asarray(Image.open(BytesIO(one)))[60].astype(int) for one in (images[0], images[-1]))
    assert first[42, 1] < 130 < first[90, 1] and last[90, 1] < 130 < last[42, 1]


def test_stop_ends_a_film_and_a_taking(films, pictures, film):
    told: list[object] = []
    long = ClipRequest(pictures, 200.0, frame_rate=25)
    assert films.generate(long, told.append, lambda: len(told) > 2).finish_reason == "cancelled"
    told.clear()
    taken = films.generate(FramesRequest(str(film), 0.1), told.append, lambda: len(told) > 2)
    assert taken.finish_reason == "cancelled" and 0 < len(taken.images) < 40


def test_a_film_that_was_recorded_as_it_went_says_no_length_and_is_read(films, film, tmp_path):
    path = tmp_path / "live.mkv"
    with path.open("wb") as live:  # to a pipe: the length at the front cannot be written afterwards
        command = [find_ffmpeg(), "-loglevel", "error", "-i", str(film), "-c", "copy", "-f", "matroska", "-"]
        subprocess.run(command, check=True, stdout=live)
    taken = films.generate(FramesRequest(str(path), count=4))
    assert 3.5 < taken.seconds_film <= 4.1 and len(taken.images) == 4


@pytest.mark.parametrize(
    "title",
    [
        "Stream #0:0: Video: x, 64x64, .. fps",
        "Duration: 09:00:00.00",
        "a\n  Duration: 09:00:00.00\n  Stream #0:0: Video: x, 1x1, .",
    ],
)
def test_a_film_is_what_it_is_and_not_what_its_title_says(title, films, film, tmp_path):
    path = tmp_path / "film.mp4"
    command = [
        find_ffmpeg(),
        "-loglevel",
        "error",
        "-i",
        str(film),
        "-c",
        "copy",
        "-metadata",
        f"title={title}",
        str(path),
    ]
    subprocess.run(command, check=True)
    taken = films.generate(FramesRequest(str(path), count=4))
    assert taken.seconds_film == 4.0 and len(taken.images) == 4


def test_an_encoder_that_takes_no_frame_is_given_up_and_stopped(tmp_path, monkeypatch):
    program = tmp_path / "ffmpeg"
    program.write_text(f"#!{sys.executable}\nimport time\ntime.sleep(600)\n")
    program.chmod(0o755)
    monkeypatch.setattr("pipelines.film.ffmpeg.find_ffmpeg", lambda: str(program))
    frame, asked = bytes(3 * 1024 * 1024), iter([False, True])
    with Encoder(tmp_path, (1024, 1024)) as encoder:
        assert not encoder.write(frame, lambda: next(asked))
    monkeypatch.setattr("pipelines.film.ffmpeg.FRAME_SECONDS", 0.2)
    with Encoder(tmp_path, (1024, 1024)) as encoder, pytest.raises(FfmpegFailed):
        encoder.write(frame, never)


def test_what_is_too_much_or_nothing_is_said_plainly(films, pictures, film):
    for request, error in (
        (ClipRequest(), NoPictures),
        (ClipRequest(pictures * 51), TooManyPictures),
        (ClipRequest(pictures, 500.0), FilmTooLong),
        (ClipRequest(pictures, 0.0), SettingOutOfRange),
        (ClipRequest(pictures, -1.0), SettingOutOfRange),
        (ClipRequest(pictures, frame_rate=0), SettingOutOfRange),
        (ClipRequest(pictures, join_seconds=float("nan")), SettingOutOfRange),
        (FramesRequest(), NoFilm),
        (FramesRequest(str(film), 0.02), TooManyPictures),
        (FramesRequest(str(film), count=0), SettingOutOfRange),
    ):
        with pytest.raises(error):
            films.generate(request)


def no_film(kind: str) -> bytes:
    """Something that is called a film."""
    match kind:
        case "text":
            return b"This is no film, whatever it is called."
        case "playlist":
            return b"#EXTM3U\n#EXTINF:10,\nfile:///etc/passwd\n"
        case "empty":
            return b""
        case "picture":
            return Path(__file__).parents[3].joinpath("assets/screenshots/text-light.png").read_bytes()
        case "torn":
            return b"\x00\x00\x00\x20ftypisom" + bytes(300)
    return b"\x1aE\xdf\xa3" + bytes(range(256)) * 4


@pytest.mark.parametrize("kind", ["text", "playlist", "empty", "picture", "torn", "noise"])
def test_what_is_no_film_is_refused_by_what_it_holds(kind, films, tmp_path):
    path = tmp_path / "film.mp4"
    path.write_bytes(no_film(kind))
    with pytest.raises(UnreadableFilm) as refusal:
        films.generate(FramesRequest(str(path)))
    assert "film.mp4" in refusal.value.say("en") and str(tmp_path) not in refusal.value.say("en")


def test_a_film_that_has_only_sound_holds_no_pictures(films, tmp_path):
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(16000))
    path = tmp_path / "sound.mp4"
    command = [find_ffmpeg(), "-loglevel", "error", "-i", str(tmp_path / "sound.wav"), str(path)]
    subprocess.run(command, check=True)
    with pytest.raises(UnreadableFilm, match="no pictures"):
        films.generate(FramesRequest(str(path)))


@pytest.mark.parametrize(
    ("source", "coder", "error"),
    [
        (("color=s=64x64:r=1/3600", "-t", "36000"), "libx264", FilmTooLongToRead),
        (("color=s=8000x8000", "-frames:v", "1"), "mpeg4", FilmPicturesTooLarge),
    ],
    ids=["ten hours", "64 megapixels"],
)
def test_a_film_that_is_too_long_or_too_large_is_refused_before_it_is_decoded(source, coder, error, films, tmp_path):
    path = tmp_path / "film.mp4"
    command = [find_ffmpeg(), "-loglevel", "error", "-f", "lavfi", "-i", *source, "-c:v", coder, str(path)]
    subprocess.run(command, check=True)
    assert path.stat().st_size < 1_000_000
    with pytest.raises(error, match=r"film\.mp4"):
        films.generate(FramesRequest(str(path)))


def test_a_picture_that_is_none_is_named(films, pictures, tmp_path):
    path = tmp_path / "no picture.png"
    path.write_text("text")
    with pytest.raises(UnreadablePicture, match=r"no picture\.png"):
        films.generate(replace(ClipRequest(pictures), pictures=(pictures[0], str(path))))
