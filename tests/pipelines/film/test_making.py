"""Films of real files by the real ffmpeg, read back by it."""

import re
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import psutil
import pytest
from PIL import Image

from pipelines.errors.film import EmptyScene, FfmpegFailed, FilmTooLong, NoFfmpeg, NoScenes, TooManyScenes
from pipelines.errors.requests import SettingOutOfRange, UnreadablePicture
from pipelines.film.camera import MARGIN, frames, still
from pipelines.film.ffmpeg import find_ffmpeg
from pipelines.film.soundtrack import RATE, VOICE_LUFS, mix
from pipelines.film.timeline import FADE_SECONDS, LEAD_SECONDS, TAIL_SECONDS, lay_out
from pipelines.multimodal import MultimodalPipeline
from pipelines.provenance import films, recipe
from pipelines.sound.files import open_sound, to_bytes
from pipelines.sound.measures import loudness
from pipelines.types.events import Progress
from pipelines.types.film import Cut, FilmRequest, Scene, StoryRequest
from pipelines.types.sound import Wave
from pipelines.types.speech import Sentence

SAID = (Sentence("Hello, fox.", 0.0, 0.6), Sentence("Goodbye!", 0.8, 1.2))


def tone(seconds: float, hertz: float = 330.0, level: float = 0.3) -> Wave:
    return Wave(
        (level * np.sin(np.arange(int(seconds * 24_000)) * hertz * 2 * np.pi / 24_000)).astype(np.float32), 24_000
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory):  # type: ignore[no-untyped-def]
    """A film of a landscape with narration and a portrait without, its pipeline's result and its file."""
    folder = tmp_path_factory.mktemp("film")
    for name, size, colour in (("wide", (320, 180), "red"), ("tall", (90, 200), "blue")):
        Image.new("RGB", size, colour).save(folder / f"{name}.png")
    (folder / "said.wav").write_bytes(to_bytes(tone(1.2)))
    (folder / "tune.wav").write_bytes(to_bytes(tone(1.0, 110.0, 0.05)))
    request = FilmRequest(
        (Cut(SAID), Cut((Sentence("Nobody says this.", 0.0, 2.0),), 3.0)),
        (str(folder / "wide.png"), str(folder / "tall.png")),
        (str(folder / "said.wav"), ""),
        str(folder / "tune.wav"),
        320,
        180,
        story=StoryRequest(theme="a fox", scenes=(Scene("Hello, fox. Goodbye!"), Scene("Nobody says this."))),
    )
    told: list[Progress] = []
    result = MultimodalPipeline.on_this_machine().generate(request, told.append)  # type: ignore[arg-type]
    (folder / "film.mp4").write_bytes(result.film)
    return result, folder / "film.mp4", told


def ffmpeg(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([find_ffmpeg(), "-hide_banner", *arguments], capture_output=True, check=False)


def test_the_film_is_mp4_with_its_three_streams(made) -> None:  # type: ignore[no-untyped-def]
    result, path, told = made
    about = ffmpeg("-i", str(path)).stderr.decode()
    for stream in (
        "Video: h264",
        "yuv420p",
        "320x180",
        "25 fps",
        "Audio: aac",
        "48000 Hz",
        "Subtitle: mov_text",
        "(eng)",
    ):
        assert stream in about
    hours, minutes, seconds = re.search(r"Duration: (\d+):(\d+):([\d.]+)", about).groups()  # type: ignore[union-attr]
    assert 3600 * int(hours) + 60 * int(minutes) + float(seconds) == pytest.approx(result.seconds_film, abs=0.1)
    assert told[0].done == 0 and told[-1].done == told[-1].total == round(result.seconds_film * 25)


def test_subtitles_are_in_step_with_what_is_heard(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result, path, _ = made
    said = ffmpeg("-i", str(path), "-map", "0:s", "-f", "srt", "-").stdout.decode()
    assert [line for line in said.splitlines() if line and line[0].isalpha()] == [
        "Hello, fox.",
        "Goodbye!",
        "Nobody says this.",
    ]
    begin = re.search(r"00:00:(\d\d),(\d{3}) -->", said)
    assert begin is not None
    written = int(begin[1]) + int(begin[2]) / 1000
    ffmpeg("-i", str(path), "-map", "0:a", str(tmp_path / "heard.wav"))
    heard = open_sound(tmp_path / "heard.wav")
    loud = np.flatnonzero(np.abs(heard.samples) > 0.5 * np.abs(heard.samples).max())
    assert written == pytest.approx(loud[0] / heard.sampling_rate, abs=0.1)
    assert result.segments[0].start_seconds == pytest.approx(LEAD_SECONDS)


def test_pictures_of_any_shape_are_seen_whole(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result, path, _ = made
    ffmpeg("-ss", str(result.seconds_film - 1.0), "-i", str(path), "-frames:v", "1", str(tmp_path / "late.png"))
    late = np.asarray(Image.open(tmp_path / "late.png").convert("RGB")).astype(int)
    assert late[90, 160, 2] > 200 and late[90, 160, 0] < 60
    ffmpeg("-ss", "1", "-i", str(path), "-frames:v", "1", str(tmp_path / "early.png"))
    early = np.asarray(Image.open(tmp_path / "early.png").convert("RGB")).astype(int)
    assert early[5, 5, 0] > 200 and early[175, 315, 0] > 200


def test_the_recipe_is_in_the_film_and_the_film_still_plays(made, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    result, _, _ = made
    data = films.encode(result.film, recipe.make(result.request, result))
    assert recipe.request_of(recipe.read(data)) == result.request.story
    (tmp_path / "kept.mp4").write_bytes(data)
    assert ffmpeg("-v", "error", "-i", str(tmp_path / "kept.mp4"), "-f", "null", "-").stderr == b""
    assert films.read(result.film) == "" and films.read(data[:-5]) == "" and films.read(b"\0\0\0\1ftyp") == ""


def test_the_camera_keeps_still_pictures_alive_and_a_plain_ground_plain() -> None:
    icon = Image.new("RGB", (64, 64), "white")
    icon.paste("black", (24, 24, 40, 40))
    near = still(icon, (320, 180), 0)
    first, last = np.asarray(near.at(0.0)), np.asarray(near.at(1.0))
    assert first.shape == (180, 320, 3) and (first[0, 0] == 255).all() and (last[179, 319] == 255).all()
    assert (last < 128).sum() > (first < 128).sum() * (MARGIN**2 - 0.1)
    lines = Image.fromarray((np.indices((60, 60)).sum(0) % 2 * 255).astype(np.uint8)).convert("RGB")
    assert np.asarray(still(lines, (320, 180), 0).canvas)[2, 2].max() < 200  # blurred and dimmed
    timeline = lay_out([Cut(seconds=2.0)] * 2, [0.0, 0.0])
    shown = list(frames([near, still(Image.new("RGB", (64, 64), "red"), (320, 180), 1)], timeline))
    assert len(shown) == round(timeline.seconds * 25)
    assert np.asarray(shown[0]).max() == 0  # out of black
    middle = np.asarray(shown[round((2.0 - FADE_SECONDS / 2) * 25)])[5, 5]
    assert middle[0] == 255 and 80 < middle[1] < 180  # half white, half red


def test_a_small_picture_keeps_sharp_edges() -> None:
    half = Image.new("RGB", (64, 64), "white")
    half.paste("black", (0, 0, 32, 64))
    row = np.asarray(still(half, (640, 640), 0).canvas)[320, :, 0]
    plain = np.asarray(half.resize((640, 640), Image.Resampling.LANCZOS))[320, :, 0]
    assert ((row > 40) & (row < 215)).sum() < ((plain > 40) & (plain < 215)).sum()


def test_music_gives_way_to_a_narration() -> None:
    timeline = lay_out([Cut(SAID), Cut(seconds=6.0)], [4.0, 0.0])
    silence = Wave(np.zeros(4 * 24_000, np.float32), 24_000)
    heard = mix(timeline, [silence, None], tone(2.0, 220.0)).samples
    level = {
        at: float(np.abs(heard[int(at * RATE) : int((at + 0.3) * RATE)]).max())
        for at in (2.5, 8.0, timeline.seconds - 0.3)
    }
    assert 0 < level[2.5] < 0.4 * level[8.0] and level[timeline.seconds - 0.3] < 0.3 * level[8.0]
    assert timeline.stretches[0].end == pytest.approx(LEAD_SECONDS + 4.0 + TAIL_SECONDS)


def test_a_long_sound_is_mixed_in_little_memory_and_as_loud_as_it_should_be() -> None:
    said = [tone(7.5, 220.0 + 40 * number, 0.1 + 0.01 * number) for number in range(6)]
    timeline = lay_out([Cut()] * 6, [one.seconds for one in said])
    assert loudness(mix(timeline, said, None)) == pytest.approx(VOICE_LUFS, abs=0.5)
    tracemalloc.start()
    try:
        whole = mix(timeline, said, tone(2.0, 110.0, 0.05))
        peak_bytes = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert whole.samples.dtype == np.float32 and peak_bytes < 4 * whole.samples.nbytes


def test_bad_films_are_refused_in_plain_words(tmp_path: Path) -> None:
    cut, pipeline = Cut(), MultimodalPipeline.on_this_machine()
    refused = (
        (NoScenes, FilmRequest((), (), ())),
        (TooManyScenes, FilmRequest((cut,) * 25, ("x",) * 25, ("",) * 25)),
        (EmptyScene, FilmRequest((cut, cut), ("x",), ("", ""))),
        (EmptyScene, FilmRequest((cut, cut), ("x", ""), ("", ""))),
        (FilmTooLong, FilmRequest((Cut(seconds=1000.0),), ("x",), ("",))),
        (SettingOutOfRange, FilmRequest((cut,), ("x",), ("",), width=321)),
    )
    for error, request in refused:
        with pytest.raises(error):
            pipeline.generate(request)
    (tmp_path / "no.png").write_bytes(b"words")
    with pytest.raises(UnreadablePicture):
        pipeline.generate(FilmRequest((cut,), (str(tmp_path / "no.png"),), ("",)))


def test_without_ffmpeg_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64)).save(tmp_path / "one.png")
    request = FilmRequest((Cut(seconds=2.0),), (str(tmp_path / "one.png"),), ("",))
    pipeline = MultimodalPipeline.on_this_machine()
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", sys.executable)  # a program that is none
    with pytest.raises(FfmpegFailed):
        pipeline.generate(request)
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoFfmpeg, match="pip install imageio-ffmpeg"):
        pipeline.generate(request)


def test_stop_leaves_no_film_and_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far it is: at its sound, at its frames, and while the encoder takes its time with the last ones."""
    Image.new("RGB", (64, 64)).save(tmp_path / "one.png")
    slow, read = tmp_path / "slow", tmp_path / "read"
    slow.write_text(f"#!/bin/sh\ncat > /dev/null\ntouch {read}\nexec sleep 60\n")
    slow.chmod(0o755)
    pipeline, this = MultimodalPipeline.on_this_machine(), psutil.Process()
    before = this.children(recursive=True)
    asked = iter([False, False, False, True])
    for seconds, program, is_cancelled in (
        (60.0, "", lambda: True),
        (60.0, "", lambda: next(asked)),
        (2.0, str(slow), read.exists),
    ):
        with monkeypatch.context() as patch:
            if program:
                patch.setenv("IMAGEIO_FFMPEG_EXE", program)
            request = FilmRequest((Cut(seconds=seconds),), (str(tmp_path / "one.png"),), ("",), width=64, height=64)
            result = pipeline.generate(request, is_cancelled=is_cancelled)
        assert result.finish_reason == "cancelled" and result.film == b""
        assert this.children(recursive=True) == before
    assert read.exists()


def test_words_that_look_like_markup_stay_in_the_subtitles(tmp_path: Path) -> None:
    words = ["I <3 you, <b>fox</b>", "{\\an8}above", "C:\\new\\Nest", "a & b &amp; 1 < 2"]
    Image.new("RGB", (64, 64)).save(tmp_path / "one.png")
    cut = Cut(tuple(Sentence(text, 0.3 * n, 0.3 * n + 0.2) for n, text in enumerate(words)), 4.0)
    request = FilmRequest((cut,), (str(tmp_path / "one.png"),), ("",), width=64, height=64)
    result = MultimodalPipeline.on_this_machine().generate(request)
    (tmp_path / "film.mp4").write_bytes(result.film)  # type: ignore[union-attr]
    said = ffmpeg("-i", str(tmp_path / "film.mp4"), "-map", "0:s", "-f", "srt", "-").stdout.decode()
    assert [text for text in words if text not in said.replace("\u2060", "")] == []
    assert [one.text for one in result.segments] == words  # type: ignore[union-attr]
