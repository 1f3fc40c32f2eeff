"""Files of creations: for their owner only, in parts where asked, and never as a page of ours."""

import io
import zipfile
from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pipelines.errors.access import NotFound
from studio.api.media import Shelves, media_routes
from studio.identity import Identity

NAMES = ["a.png", "a.PNG", "a.wav", "a.mp4", "a.md", "a.html", "a.svg", "a.xhtml", "a.xml", "a.js", "a.json", "a"]


class Shelf:
    """A folder of files that all belong to one visitor."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.identity = Identity(folder / "home")
        self.owner = self.identity.new_visitor()
        for name in NAMES:
            (folder / name).write_bytes(b"<script>0123456789")

    def find(self, owner: str, creation_id: str, part: str) -> Path:
        if owner != self.owner or "/" in creation_id or creation_id == "unknown" or part not in ("", "image"):
            raise NotFound(thing="creation")
        return self.folder / creation_id

    def find_preview(self, owner: str, job_id: str, name: str) -> bytes:
        made = {"preview-1.jpg": b"jpeg", "sound-0.wav": b"RIFF"}
        if (owner, job_id) != (self.owner, "job") or name not in made:
            raise NotFound(thing="file")
        return made[name]

    def find_sample(self, owner: str, run_id: str, name: str) -> Path:
        if (owner, run_id) != (self.owner, "run") or name not in NAMES:
            raise NotFound(thing="picture")
        return self.folder / name

    def find_model(self, owner: str, run_id: str) -> Path:
        if (owner, run_id) != (self.owner, "run"):
            raise NotFound(thing="model")
        return self.folder

    def events(self, owner: str, run_id: str) -> bytes:
        self.find_model(owner, run_id)
        return b"events"

    def convert(self, owner: str, creation_id: str, file_format: str) -> bytes:
        return self.find(owner, creation_id, "").read_bytes() + file_format.encode()

    def browser(self, owner: str | None = None) -> TestClient:
        cookie = self.identity.cookie(owner, is_https=False, is_framed=False).partition(";")[0] if owner else ""
        headers = {"cookie": cookie}
        shelves = Shelves(
            self.find,
            self.find_preview,
            self.find_sample,
            self.convert,
            self.find_preview,
            self.find_model,
            self.events,
        )
        return TestClient(Starlette(routes=media_routes(shelves, self.identity)), headers=headers)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


@pytest.mark.parametrize("name", NAMES)
def test_only_pictures_sound_and_film_are_shown_in_place(shelf: Shelf, name: str) -> None:
    answer = shelf.browser(shelf.owner).get(f"/media/{name}")
    assert answer.status_code == 200 and answer.headers["x-content-type-options"] == "nosniff"
    kind, place = answer.headers["content-type"], answer.headers["content-disposition"]
    if Path(name).suffix.lower() in (".png", ".wav", ".mp4"):
        assert kind.partition("/")[0] in ("image", "audio", "video") and place.startswith("inline")
    else:
        assert kind == "application/octet-stream" and place.startswith("attachment")


def test_others_do_not_see_it(shelf: Shelf) -> None:
    for owner in (None, shelf.identity.new_visitor()):
        answer = shelf.browser(owner).get("/media/a.png")
        assert answer.status_code == 404 and b"0123" not in answer.content
    assert shelf.browser(shelf.owner).get("/media/unknown").status_code == 404
    (shelf.folder / "a.png").unlink()
    assert shelf.browser(shelf.owner).get("/media/a.png").status_code == 404


def test_a_part_can_be_asked_for(shelf: Shelf) -> None:
    answer = shelf.browser(shelf.owner).get("/media/a.wav", headers={"range": "bytes=8-11"})
    assert answer.status_code == 206 and answer.content == b"0123"
    assert answer.headers["content-range"] == "bytes 8-11/18"
    assert shelf.browser(shelf.owner).get("/media/a.wav", headers={"range": "bytes=99-"}).status_code == 416


@pytest.mark.parametrize("path", ["..%2fhome%2fsecret.key", "../home/secret.key", "%2e%2e/home/secret.key"])
def test_paths_are_not_ids(shelf: Shelf, path: str) -> None:
    assert shelf.browser(shelf.owner).get(f"/media/{path}").status_code == 404


def test_a_picture_is_had_in_another_format(shelf: Shelf) -> None:
    for name, kind in (("webp", "image/webp"), ("jpeg", "image/jpeg")):
        answer = shelf.browser(shelf.owner).get(f"/media/a.png?as={name}")
        assert answer.content.endswith(name.encode()) and answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"] == f'attachment; filename="a.png.{name}"'
        assert shelf.browser(shelf.identity.new_visitor()).get(f"/media/a.png?as={name}").status_code == 404
    for name, kind in (("mp3", "audio/mpeg"), ("srt", "application/x-subrip"), ("vtt", "text/vtt; charset=utf-8")):
        answer = shelf.browser(shelf.owner).get(f"/media/a.wav?as={name}")
        assert answer.content.endswith(name.encode()) and answer.headers["content-type"] == kind
        assert answer.headers["content-disposition"].startswith("attachment")
    for odd in ("", "svg", "../x", "html"):
        assert shelf.browser(shelf.owner).get("/media/a.png", params={"as": odd}).content == b"<script>0123456789"


def test_what_stands_beside_it_has_its_own_address(shelf: Shelf) -> None:
    assert shelf.browser(shelf.owner).get("/media/a.png/image").status_code == 200
    assert shelf.browser(shelf.owner).get("/media/a.png/other").status_code == 404
    assert shelf.browser(shelf.identity.new_visitor()).get("/media/a.png/image").status_code == 404


def test_a_preview_is_its_owner_s_and_is_not_stored(shelf: Shelf) -> None:
    answer = shelf.browser(shelf.owner).get("/media/jobs/job/preview-1.jpg")
    assert (answer.content, answer.headers["content-type"]) == (b"jpeg", "image/jpeg")
    assert "no-store" in answer.headers["cache-control"]
    assert shelf.browser(shelf.owner).get("/media/jobs/job/preview-2.jpg").status_code == 404
    assert shelf.browser(shelf.identity.new_visitor()).get("/media/jobs/job/preview-1.jpg").status_code == 404
    assert shelf.browser(None).get("/media/jobs/job/preview-1.jpg").status_code == 404


def test_a_piece_of_sound_is_its_owner_s_and_is_not_stored(shelf: Shelf) -> None:
    answer = shelf.browser(shelf.owner).get("/media/jobs/job/sound-0.wav")
    assert (answer.content, answer.headers["content-type"]) == (b"RIFF", "audio/wav")
    assert "no-store" in answer.headers["cache-control"]
    assert shelf.browser(shelf.identity.new_visitor()).get("/media/jobs/job/sound-0.wav").status_code == 404


def test_what_a_run_made_is_shown_to_its_owner_alone(shelf: Shelf) -> None:
    png = next(name for name in NAMES if name.endswith(".png"))
    answer = shelf.browser(shelf.owner).get(f"/media/runs/run/{png}")
    assert answer.status_code == 200 and answer.headers["x-content-type-options"] == "nosniff"
    assert shelf.browser(shelf.identity.new_visitor()).get(f"/media/runs/run/{png}").status_code == 404
    assert shelf.browser(shelf.owner).get(f"/media/runs/other/{png}").status_code == 404


def test_a_finished_model_is_sent_as_a_zip(shelf: Shelf) -> None:
    (shelf.folder / "tokenizer").mkdir()
    (shelf.folder / "tokenizer" / "words.json").write_bytes(b"{}" * 700_000)
    answer = shelf.browser(shelf.owner).get("/media/runs/run/model.zip")
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"].startswith("attachment")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        names = {path.relative_to(shelf.folder).as_posix() for path in shelf.folder.rglob("*") if path.is_file()}
        assert set(archive.namelist()) == {f"{shelf.folder.name}/{name}" for name in names}
        assert archive.read(f"{shelf.folder.name}/tokenizer/words.json") == b"{}" * 700_000
    for owner in (None, shelf.identity.new_visitor()):
        assert shelf.browser(owner).get("/media/runs/run/model.zip").status_code == 404


def test_a_curve_is_sent_as_an_event_file(shelf: Shelf) -> None:
    answer = shelf.browser(shelf.owner).get("/media/runs/run/events.tfevents")
    assert answer.content == b"events" and answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="events.out.tfevents.run"'
    for owner in (None, shelf.identity.new_visitor()):
        assert shelf.browser(owner).get("/media/runs/run/events.tfevents").status_code == 404
