"""The index of the jobs."""

import sqlite3
from pathlib import Path

from pipelines.types.image import ImageRequest, ImageResult
from pipelines.types.model import ImageDefaults
from pipelines.types.music import MusicRequest
from pipelines.types.speech import SpeechRequest
from pipelines.types.text import TextRequest
from pipelines.types.transcription import TranscribeRequest
from studio.jobs.folder import End, JobSpec
from studio.jobs.store import JobStore, Row, amount_of


def _row(number: int, **fields: object) -> Row:
    start = {"id": f"{number:032x}", "owner": "ann", "kind": "text", "model": "m", "title": "t", "state": "done"}
    times = {"keep": True, "created": float(number), "started": float(number), "ended": number + 2.0}
    return Row(**{**start, **times, **fields})  # type: ignore[arg-type]


def test_rows_come_back_newest_first_and_to_their_owner(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "studio.db")
    rows = [_row(1), _row(2), _row(3, owner="bo"), _row(4, keep=False)]
    for row in rows:
        store.put(row)
    assert store.of_owner("ann", 10) == [rows[3], rows[1], rows[0]]
    assert store.of_owner("ann", 1) == [rows[3]]
    assert store.get(rows[2].id) == rows[2]
    store.remove(rows[2].id)
    assert store.get(rows[2].id) is None


def test_unfinished_and_estimates(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "studio.db")
    store.put(_row(1, state="queued", started=None, ended=None))
    store.put(_row(2, state="running", ended=None))
    store.put(_row(3, ended=5.0))
    store.put(_row(4, ended=8.0))
    assert [row.state for row in store.unfinished()] == ["queued", "running"]
    assert store.usual_seconds("text", "m") == 3.0
    assert store.usual_seconds("text", "never seen") is None


def test_the_private_parts_of_a_flow_that_is_at_work_are_not_to_be_deleted(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "studio.db")
    alone = _row(1, keep=False)
    flows = [
        _row(number, kind="story", keep=False, state=state)
        for number, state in ((2, "queued"), (3, "running"), (4, "done"))
    ]
    parts = [_row(10 + number, keep=False, flow=flow.id) for number, flow in enumerate(flows)]
    for row in (alone, *flows, *parts, _row(20), _row(21, keep=False, flow="f" * 32)):
        store.put(row)
    gone = {row.id for row in store.ended_and_not_kept()}
    assert gone == {alone.id, flows[2].id, parts[2].id, _row(21).id}


def test_an_estimate_grows_with_the_work(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "studio.db")
    asked = ImageRequest("m", width=512, height=512, steps=10, count=2)
    for number in (1, 2):
        spec = JobSpec(f"{number:032x}", "ann", ImageRequest("m"), created=1.0)
        result = ImageResult("m", asked, 512, 512, "stop", 20, 10.0)
        store.put(Row.of(spec, "done", End("done", result, None, 1.0, 11.0)))
    amount = amount_of(asked)
    assert store.usual_seconds("image", "m", amount) == 10.0
    assert store.usual_seconds("image", "m", amount_of(ImageRequest("m", width=512, height=1024, steps=10))) == 10.0
    assert store.usual_seconds("image", "m", amount_of(ImageRequest("m", width=512, height=512, steps=5))) == 2.5
    assert store.usual_seconds("image", "m") == 10.0


def test_the_work_of_a_request_that_leaves_it_to_the_model() -> None:
    defaults = ImageDefaults(100, 200, 10, 7.0)
    assert amount_of(ImageRequest("m")) is None and amount_of(TextRequest("m", text="x")) is None
    assert amount_of(ImageRequest("m"), defaults) == 0.2
    assert amount_of(ImageRequest("m", "inpaint", steps=20, strength=0.5), defaults) == 0.2


def test_an_index_of_another_version_is_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "studio.db"
    other = sqlite3.connect(path)
    columns = "id TEXT PRIMARY KEY, owner TEXT, kind TEXT, model TEXT, created REAL, ended REAL, creation_id TEXT"
    other.execute(f"CREATE TABLE jobs ({columns})")
    other.execute("INSERT INTO jobs VALUES ('x', 'ann', 'text', 'm', 1.0, 2.0, 'c')")
    other.commit()
    other.close()
    store = JobStore(path)
    assert store.ids() == set()
    store.put(_row(1))
    assert store.get(_row(1).id) == _row(1)


def test_it_is_there_after_a_restart(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "studio.db")
    store.put(_row(1))
    store.close()
    assert JobStore(tmp_path / "studio.db").get(_row(1).id) == _row(1)


def test_a_damaged_index_is_set_aside_and_made_new(tmp_path: Path) -> None:
    path = tmp_path / "studio.db"
    path.write_bytes(b"this is no database" * 1000)
    store = JobStore(path)
    store.put(_row(1))
    assert store.ids() == {_row(1).id}
    assert path.with_name("studio.db.damaged").exists()


def test_a_page_torn_out_of_the_middle_is_found(tmp_path: Path) -> None:
    path = tmp_path / "studio.db"
    store = JobStore(path)
    for number in range(500):
        store.put(_row(number))
    store.close()
    data = bytearray(path.read_bytes())
    data[4096 * 5 : 4096 * 9] = b"\xff" * 4096 * 4
    path.write_bytes(data)
    store = JobStore(path)
    store.put(_row(1))
    assert store.get(_row(1).id) == _row(1)
    assert sqlite3.connect(path).execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_the_work_of_sound_is_its_characters_or_its_seconds() -> None:
    assert amount_of(SpeechRequest("m", "Hello.")) == 6.0
    assert amount_of(MusicRequest("m", seconds=12.0)) == 12.0
    assert amount_of(TranscribeRequest("m")) is None
