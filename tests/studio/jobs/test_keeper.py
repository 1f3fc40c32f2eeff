"""Models in a real worker: loaded, pinned and unloaded by command, unloaded by themselves, and in the books."""

import time
from collections.abc import Callable

from pipelines.types.load import LoadRequest, LoadResult
from studio.jobs.supervisor import Supervisor
from tests.studio.jobs.conftest import ANN, MODEL, story, watch


def wait_for(jobs: Supervisor, is_so: Callable[[list[dict]], bool], timeout_seconds: float = 30.0) -> list[dict]:
    """The rows of what is loaded, once they are so."""
    deadline = time.monotonic() + timeout_seconds
    while not is_so(rows := jobs.status()["loaded_models"]):
        assert time.monotonic() < deadline, rows
        time.sleep(0.05)
    return rows


def test_a_model_is_loaded_pinned_and_unloaded_by_command(open_services):
    jobs = open_services(memory_bytes=3 * 10**9, idle_seconds=1.0).jobs
    job = jobs.submit(ANN, LoadRequest(MODEL, is_pinned=True))
    end = watch(jobs, ANN, job.id)[-1].data
    assert end.state == "done" and isinstance(end.result, LoadResult) and end.result.size_bytes > 10**8
    (row,) = wait_for(jobs, lambda rows: len(rows) == 1 and rows[0]["is_pinned"])
    assert row["model"] == MODEL and row["device"] == "cpu" and row["size_bytes"] >= end.result.size_bytes

    # it stays although nobody has used it for longer than a second, and stands in the books
    time.sleep(2.0)
    status = jobs.status()
    assert [row["model"] for row in status["loaded_models"]] == [MODEL]
    assert status["loaded_models"][0]["idle_seconds"] >= 1.5
    books = status["memory"]["ram"]
    assert books["budget_bytes"] == 3 * 10**9 and books["taken_bytes"] == row["size_bytes"]
    assert [process["who"] for process in books["processes"]] == ["the engine"]

    # unpinned it goes by itself
    jobs.pin(MODEL, False)
    wait_for(jobs, lambda rows: rows == [])
    assert jobs.status()["memory"]["ram"]["taken_bytes"] == 0


def test_unloading_waits_for_the_work_of_a_model(open_services):
    jobs = open_services().jobs
    job = jobs.submit(ANN, story(max_new_tokens=200))
    wait_for(jobs, lambda rows: jobs.get(ANN, job.id).state == "running")
    jobs.unload(MODEL)
    jobs.unload_all()
    jobs.unload("nothing of that name")
    assert watch(jobs, ANN, job.id)[-1].data.state == "done"
    jobs.unload_all()
    wait_for(jobs, lambda rows: rows == [])
    assert watch(jobs, ANN, jobs.submit(ANN, story()).id)[-1].data.state == "done"
