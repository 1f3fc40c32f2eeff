"""The pictures of a job's folder: those that belong to its request, its previews, and those that are shown and not kept."""

import os
from pathlib import Path

import pytest

from pipelines.errors.storage import DiskFull
from pipelines.types.events import Preview, Progress
from pipelines.types.image import ImageRequest
from pipelines.types.text import TextRequest
from studio.jobs.folder import End, JobFolder

PNG, MASK = b"\x89PNG picture", b"\x89PNG mask"
ASKED = ImageRequest("m", "inpaint", image="image.png", mask="mask.png")


def made(jobs: Path, request: ImageRequest = ASKED) -> JobFolder:
    return JobFolder.create(jobs, "visitor:a", request, files={"image": PNG, "mask": MASK}, parents=("c" * 32,))


def test_files_lie_in_the_folder_under_the_names_of_their_fields(tmp_path: Path) -> None:
    folder = made(tmp_path)
    assert (folder.path / "files" / "image.png").read_bytes() == PNG
    assert folder.files(ASKED) == {"image": PNG, "mask": MASK}
    assert folder.spec().request == ASKED and folder.spec().parents == ("c" * 32,)


def test_a_model_is_given_paths(tmp_path: Path) -> None:
    folder = made(tmp_path)
    given = folder.with_paths(ASKED)
    assert Path(given.image).is_absolute() and Path(given.image).read_bytes() == PNG
    assert Path(given.mask).read_bytes() == MASK
    assert folder.with_paths(TextRequest("m", text="x")) == TextRequest("m", text="x")


@pytest.mark.parametrize("name", ["../../secret.png", "/etc/passwd", "~/x", "files/../../x", "a\0b", "."])
def test_names_are_never_trusted(tmp_path: Path, name: str) -> None:
    asked = ImageRequest("m", "image-to-image", image=name)
    folder = JobFolder.create(tmp_path, "visitor:a", asked, files={"image": PNG})
    assert Path(folder.with_paths(asked).image) == folder.path / "files" / "image.png"
    assert folder.files(asked) == {"image": PNG}


def test_a_full_disk_leaves_no_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(DiskFull):
        made(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_only_the_newest_preview_is_kept_and_none_after_the_end(tmp_path: Path) -> None:
    folder = made(tmp_path)
    with folder.writer() as events:
        for step in (1, 2, 3):
            events(Progress(step, 4, "steps"))
            events(Preview(step, 4, jpeg=b"jpeg %d" % step))
    told = [event for event in folder.reader().read() if event["kind"] == "preview"]
    assert [event["step"] for event in told] == [1, 2, 3] and all("jpeg" not in event for event in told)
    assert [path.name for path in folder.path.glob("preview-*.jpg")] == [told[-1]["file"]]
    assert folder.preview(told[-1]["file"]) == b"jpeg 3"
    assert folder.preview(told[0]["file"]) == b"jpeg 3", "who asks for an older one sees the newest"
    for odd in ("../request.json", "request.json", "preview-1.jpg.x", ""):
        assert folder.preview(odd) is None
    folder.finish(End("done", None, None, 1.0, 2.0))
    assert list(folder.path.glob("preview-*.jpg")) == [] and folder.preview(told[-1]["file"]) is None


def test_a_private_job_shows_its_pictures_as_long_as_its_folder_is_there(tmp_path: Path) -> None:
    folder = made(tmp_path)
    assert folder.pictures() == []
    folder.put_pictures([b"%d" % number for number in range(12)])
    assert folder.pictures() == [b"%d" % number for number in range(12)]
    folder.remove()
    assert folder.pictures() == []


def test_an_end_that_was_written_when_a_job_had_one_creation_is_still_read(tmp_path: Path) -> None:
    folder = made(tmp_path)
    (folder.path / "end.json").write_text(
        '{"state": "done", "result": null, "error": null, "started": 1.0, "ended": 2.0, "creation_id": "c"}'
    )
    assert folder.end() == End("done", None, None, 1.0, 2.0, ("c",))
