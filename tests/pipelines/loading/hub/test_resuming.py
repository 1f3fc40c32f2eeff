"""Downloads that were stopped, broke off, or are gone on with; what came and what stays."""

import threading
import time

import pytest

from pipelines.download import DownloadPipeline
from pipelines.errors.models import (
    ModelNotHere,
)
from pipelines.errors.requests import NoRevision
from pipelines.errors.storage import NotRemoved
from pipelines.loading.hub import cache as hub_cache
from pipelines.loading.hub.client import Hub
from pipelines.types.download import DownloadRequest
from pipelines.types.events import Event, Loading, ignore
from tests.pipelines.loading.hub.asking import Stop, refusal_of, spec, stop_at


def test_a_stopped_download_goes_on_where_it_stopped(hub, large):
    hub.bytes_per_second = 400_000
    events: list[Loading] = []
    with pytest.raises(Stop):
        Hub().snapshot(spec("owner/large"), stop_at(0.4, events))
    done, total = hub_cache.bytes_here(spec("owner/large"))
    assert 0.3 * total < done < 0.9 * total
    assert hub_cache.folder_on_disk(spec("owner/large")) is None

    hub.bytes_per_second = None
    again: list[Loading] = []
    folder = Hub().snapshot(spec("owner/large"), again.append)
    assert again[0].done >= done and again[-1].done == again[-1].total == total
    resumed = [one for one in hub.sent if one.file == "model.safetensors"][-1]
    size = (large / "model.safetensors").stat().st_size
    assert resumed.start > 0 and resumed.start + resumed.count == size
    assert (folder / "model.safetensors").read_bytes() == (large / "model.safetensors").read_bytes()


def test_a_line_that_breaks_is_taken_up_again(hub, large):
    hub.cut_after = 300_000
    folder = Hub().snapshot(spec("owner/large"), ignore)
    size = (large / "model.safetensors").stat().st_size
    assert hub.bytes_sent("model.safetensors") == size
    assert [one.start > 0 for one in hub.sent if one.file == "model.safetensors"] == [False, True]
    assert (folder / "model.safetensors").read_bytes() == (large / "model.safetensors").read_bytes()


def test_a_server_that_is_busy_is_asked_again(hub, large):
    hub.stumbles = 2
    assert Hub().snapshot(spec("owner/large"), ignore)
    hub_cache.remove(spec("owner/large"))
    hub.stumbles = 1000
    assert "503" in refusal_of("owner/large", ModelNotHere)


def test_a_server_that_knows_no_ranges_begins_again(hub, large):
    hub.cut_after, hub.knows_ranges = 300_000, False
    folder = Hub().snapshot(spec("owner/large"), ignore)
    assert (folder / "model.safetensors").read_bytes() == (large / "model.safetensors").read_bytes()


def test_it_goes_on_with_the_commit_that_it_began(hub, large):
    hub.bytes_per_second = 400_000
    with pytest.raises(Stop):
        Hub().snapshot(spec("owner/large"), stop_at(0.4, []))
    record = hub_cache.read_record(spec("owner/large"))
    assert record is not None and record.commit == hub.repositories["owner/large"].commit and record.revision == "main"
    hub.asked.clear()
    hub.bytes_per_second = None
    folder = Hub().snapshot(spec("owner/large"), ignore)
    assert hub.asked[0] == f"api/models/owner/large/revision/{record.commit}" and folder.name == record.commit


def test_a_commit_that_the_hub_dropped_is_begun_anew(hub, large):
    hub.bytes_per_second = 400_000
    with pytest.raises(Stop):
        Hub().snapshot(spec("owner/large"), stop_at(0.4, []))
    hub.bytes_per_second = None
    repository = hub.repositories["owner/large"]
    repository.commit = "b" * 40
    repository.files["model.safetensors"] = (large / "model.safetensors").read_bytes()[:-1] + b"\x01"
    assert Hub().snapshot(spec("owner/large"), ignore).name == "b" * 40
    assert not list((hub_cache.repository_folder(spec("owner/large")) / "blobs").glob("*.part"))


def test_on_a_slow_link_it_tells_about_four_times_a_second(hub, large):
    hub.bytes_per_second = 500_000
    events: list[Loading] = []
    started = time.monotonic()
    Hub().snapshot(spec("owner/large"), events.append)  # type: ignore[arg-type]
    seconds = time.monotonic() - started
    assert seconds > 1 and 3 <= len(events) <= 4 * seconds + 3


def test_of_two_that_want_one_model_one_fetches(hub, large):
    hub.bytes_per_second = 1_000_000
    waited: list[Event] = []
    threads = [threading.Thread(target=Hub().snapshot, args=(spec("owner/large"), waited.append)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hub.bytes_sent("model.safetensors") == (large / "model.safetensors").stat().st_size


def test_the_pipeline_says_what_came_and_what_stayed(hub, large, tmp_path):
    pipeline = DownloadPipeline.on_this_machine(tmp_path / "models", device="cpu")
    hub.bytes_per_second = 400_000
    heard: list[Event] = []
    stopped = pipeline.generate(
        DownloadRequest("owner/large"), heard.append, lambda: any(0 < e.done > 0.4 * e.total for e in heard)
    )
    assert stopped.finish_reason == "cancelled" and 0 < stopped.new_bytes == stopped.size_bytes
    hub.bytes_per_second = None
    whole = pipeline.generate(DownloadRequest("owner/large"))
    assert whole.finish_reason == "stop" and whole.revision == hub.repositories["owner/large"].commit
    assert whole.new_bytes + stopped.new_bytes == whole.size_bytes == hub_cache.bytes_on_disk(spec("owner/large"))
    assert pipeline.generate(DownloadRequest("owner/large")).new_bytes == 0
    hub_cache.remove(spec("owner/large"))
    assert hub_cache.bytes_on_disk(spec("owner/large")) == 0
    assert hub_cache.folder_on_disk(spec("owner/large")) is None and hub_cache.bytes_here(spec("owner/large")) == (0, 0)


def test_what_cannot_be_deleted_is_not_said_to_be_gone(hub, large, monkeypatch):
    Hub().snapshot(spec("owner/large"), ignore)

    def forbid(*arguments: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.unlink", forbid)
    with pytest.raises(NotRemoved, match="Permission denied") as caught:
        hub_cache.remove(spec("owner/large"))
    assert str(hub_cache.repository_folder(spec("owner/large"))) in caught.value.say("zh")
    monkeypatch.undo()


def test_to_remove_what_is_not_there_is_no_failure(hub):
    hub_cache.remove(spec("owner/nothing"))


@pytest.mark.parametrize(
    "revision", ["v1.0", "refs/pr/12", "feature/größer", "0" * 40, "2024_01-fix", "main@2", "a.b.c", "x" * 200]
)
def test_a_revision_may_be_what_git_takes(revision):
    DownloadRequest("owner/name", revision).check()


@pytest.mark.parametrize(
    "revision",
    ["", "..", "a/../b", "../../x", "/etc/passwd", "-rf", "a b", "a\nb", "a\x00", "a\x7f", "a\\b", "a//b", "a/", ".a",
     "a/.b", "a.lock", "a.", "a~1", "a:b", "a?b", "a*", "a[b", "@", "a@{1}", "x" * 201, "\ud800", "a\u2028b"],
)  # fmt: skip
def test_a_revision_that_no_hub_has_is_refused_before_it_names_a_file(revision, hub):
    with pytest.raises(NoRevision) as caught:
        DownloadPipeline.on_this_machine(device="cpu").generate(DownloadRequest("owner/name", revision))
    assert "版本" in caught.value.say("zh") and hub.asked == []


def test_a_starter_counts_as_a_download_too(starter_folder, tmp_path):
    pipeline = DownloadPipeline.on_this_machine(tmp_path / "models", device="cpu")
    result = pipeline.generate(DownloadRequest("smollm2-135m-instruct"))
    assert result.new_bytes == 0 and result.size_bytes > 50_000_000
