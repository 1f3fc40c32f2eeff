"""What a page asks for beside gradio: the looks of jobs and of this machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.errors.access import NotFound
from pipelines.types.events import Preview, Progress
from pipelines.types.image import ImageRequest
from pipelines.types.text import TextRequest
from studio.jobs.job import Job
from studio.services import Services
from studio.settings import Settings
from studio.ui.live import Looks, job_place
from studio.ui.stream import TAIL_BYTES, peek

ANN, BO = "visitor:ann", "visitor:bo"


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    """With no worker: whatever is asked for waits."""
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache", engine="inline"))
    yield services
    services.close()


def asked(services: Services, prompt: str = "a <b>fox") -> Job:
    return services.jobs.submit(ANN, ImageRequest("openmoji-128", prompt=prompt, steps=500), keep=True)


def test_an_unfinished_job_is_seen_by_its_owner_alone(services: Services) -> None:
    job, looks = asked(services), Looks(services)
    folder = services.jobs.folder(ANN, job.id)
    with folder.writer() as told:
        for step in range(1, 4000):
            told(Progress(step, 5000, "steps"))
        told(Preview(3999, 5000, jpeg=b"jpeg"))
    assert (folder.path / "events.jsonl").stat().st_size > TAIL_BYTES
    live = peek(services.jobs, ANN, job)
    assert live.stage == Progress(3999, 5000, "steps") and live.rate, "the newest, with its pace"
    html = looks.job(ANN, job.id, "en")
    assert "step 3999 of 5000" in html and f"media/jobs/{job.id}/preview-" in html and 'aria-valuenow="80"' in html
    assert (
        "3999" in looks.job(ANN, job.id, "zh") and "step" not in looks.job(ANN, job.id, "zh").partition("stage-line")[2]
    )
    for owner, which in ((BO, job.id), (ANN, "0" * 32), (ANN, "../jobs")):
        with pytest.raises(NotFound):
            looks.job(owner, which, "en")
    services.jobs.cancel(ANN, job.id)
    with pytest.raises(NotFound):
        looks.job(ANN, job.id, "en")


def test_what_has_no_look_of_its_own_is_not_there(services: Services) -> None:
    job = services.jobs.submit(ANN, TextRequest("smollm2-135m-instruct", task="write", text="a fox"), keep=True)
    with pytest.raises(NotFound):
        Looks(services).job(ANN, job.id, "en")


def test_a_place_keeps_its_look_as_long_as_the_job_is_not_finished(services: Services) -> None:
    job = asked(services)
    place = job_place(job, "en")
    with services.jobs.folder(ANN, job.id).writer() as told:
        told(Progress(1, 500, "steps"))
    assert job_place(services.jobs.get(ANN, job.id), "en") == place
    assert f'src="live/job/{job.id}"' in place


def test_the_chips_and_the_drawer_tell_of_one_person_s_jobs(services: Services) -> None:
    looks = Looks(services)
    asked(services)
    assert "1 waiting" in looks.chips(ANN, "", "en") and "waiting" not in looks.chips(BO, "", "en")
    assert "a &lt;b&gt;fox" in looks.jobs(ANN, "", "en") and "fox" not in looks.jobs(BO, "", "en")
    assert "正在启动" in looks.chips(BO, "", "zh"), "no worker has told what it is yet"
