"""Data sets of one's own as HTML: nothing that a person, a model or a hub wrote is more than text; changes before and after."""

import asyncio
from pathlib import Path

import pytest

from pipelines.errors.training import NothingInLibrary, UnknownDataset
from pipelines.training.augmentation.sounds import SoundChanges
from pipelines.training.data import Sounds
from pipelines.training.plan import Plan
from pipelines.types.dataset import CaptionDataRequest, CaptionDataResult, FetchDataRequest, FetchDataResult
from pipelines.types.events import Loading, Progress
from pipelines.types.training import TrainRequest
from studio.jobs import changing as changing_job
from studio.jobs.job import Job
from studio.library.datasets import Said
from studio.ui.training import own_view
from studio.ui.training.changing import Changing, shown_changes
from studio.ui.training.own_view import DataJob
from tests.browser.test_hostile import ATTACKS
from tests.studio.ui.training.test_view import Elements

OWN = "own_0123456789abcdef"


@pytest.mark.parametrize("attack", ATTACKS)
def test_captions_names_and_labels_are_only_text(attack: str) -> None:
    said = [Said(0, "0.png", f"x/{attack}", attack, attack, attack), Said(1, "1.flac", attack, attack, "person")]
    html = own_view.caption_table(OWN, said, 0, [(attack, attack)], "en")
    allowed = {"div", "p", "label", "select", "option", "input", "button", "img", "audio", "textarea", "small", "span"}
    assert set(Elements(html).tags) <= allowed
    asked = FetchDataRequest(attack)
    job = Job("j" * 32, "visitor:x", asked, "done", True, 0.0, result=FetchDataResult(OWN, "c", 5, 1))
    assert set(Elements(own_view.data_jobs([DataJob(job, None)], "zh")).tags) <= {"div", "span", "button"}
    assert "<script" not in shown_changes({"texts": [[attack, attack]]}, "en").replace("&lt;", "")
    assert attack not in shown_changes({"pictures": [attack + '"', attack + '"']}, "en")


def test_a_page_of_captions_and_the_way_to_the_others() -> None:
    said = [Said(number, f"{number}.png", f"{number}.png", "", "") for number in range(30)]
    pages = [own_view.caption_table(OWN, said, number, [], "en") for number in (-1, 0, 1, 2, 9)]
    assert pages[0] == pages[1] and pages[3] == pages[4]
    assert [page.count("<textarea") for page in pages] == [12, 12, 12, 6, 6]
    assert f"{OWN}:1" in pages[1] and f"{OWN}:0" in pages[2] and "No model here" in pages[1]


def test_what_is_at_work_is_told_with_what_can_be_pressed() -> None:
    asked = CaptionDataRequest(OWN, "icon-names", name="Pets")
    at_work = Job("j" * 32, "visitor:x", asked, "running", True, 0.0)
    line = own_view.data_jobs([DataJob(at_work, Progress(3, 12, "pictures"))], "en")
    assert "3 of 12 pictures" in line and 'data-action="stop"' in line and "Pets" in line
    assert "1 MB of 4 MB" in own_view.data_jobs(
        [DataJob(at_work, Loading("download", "x", 1_000_000, 4_000_000))], "en"
    )
    done = Job("j" * 32, "visitor:x", asked, "done", True, 0.0, result=CaptionDataResult(OWN, 5, 2, 1))
    assert "5 captioned, 2 not known, 1 kept" in own_view.data_jobs([DataJob(done, None)], "en")
    none = Job("j" * 32, "visitor:x", FetchDataRequest("a/b"), "done", True, 0.0, result=FetchDataResult("", "c", 2, 9))
    assert "only 2 good rows" in own_view.data_jobs([DataJob(none, None)], "en")
    failed = Job("j" * 32, "visitor:x", asked, "failed", True, 0.0, error=NothingInLibrary(count=1, least=8))
    assert "至少需要 8 件" in own_view.data_jobs([DataJob(failed, None)], "zh")


def test_changes_are_shown_before_and_after(tmp_path: Path) -> None:
    """In a process of its own, for pictures; in this one, for sounds."""
    import torch

    asked = TrainRequest("cnn", "digits", {"augment.rotate": 40.0})
    html = shown_changes(asyncio.run(Changing(tmp_path).show(asked)), "en")
    assert html.count("data:image/png;base64,") == 2 and html.index("before") < html.index("after")
    with pytest.raises(UnknownDataset):
        asyncio.run(Changing(tmp_path).show(TrainRequest("cnn", "nothing")))
    waves = tuple(torch.sin(torch.arange(8000) * (0.1 + number / 50)) for number in range(4))
    data = Sounds(waves, waves[:1], (), (), (), ("",) * 4, ("",), 8000)

    class Settings:
        plan, augment = Plan(steps=1, learning_rate=0.1), SoundChanges(gain=6.0)

    heard = shown_changes(changing_job.changes(data, Settings()), "en")
    assert heard.count("<audio") == 4
