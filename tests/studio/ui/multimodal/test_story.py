"""The form of a story: what was typed meanwhile stays, an edit goes into the next film, a seed that was typed is used."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from pipelines.errors.access import NotFound
from pipelines.types.film import Scene, Shown, StoryRequest, StoryResult
from studio.jobs.folder import End
from studio.services import Services
from studio.settings import Settings
from studio.ui.multimodal.story import Story
from studio.ui.stage import PageMemory
from studio.ui.stage import Scene as Look
from studio.ui.stream import Live
from studio.ui.wishes import NONE

ANN = "visitor:" + "a" * 32
REQUEST = gr.Request(headers={"accept-language": "en"})
SCENES = (Scene("One.", "fox"), Scene("Two.", "dog"))
SCRIPT = "[fox]\nOne.\n\n[dog]\nTwo."


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache"))
    services.identity.who = lambda request: ANN  # type: ignore[method-assign]
    with gr.Blocks():
        made = Story(services, gr.State(NONE))
    yield made
    services.close()


def values(story: Story, **typed: Any) -> dict[str, Any]:
    return {name: part.value for name, part in story.parts.settings.items()} | {"what": "story-film"} | typed


def test_what_the_pictures_of_typed_scenes_show_is_written_down_so_that_an_edit_changes_no_other(story: Story) -> None:
    jobs = story._services.jobs
    job = jobs.submit(ANN, StoryRequest(scenes=(Scene("One."), Scene("Two.")), painter="openmoji-128", seed=7))
    result = StoryResult(job.request, "stop", tuple(map(Shown, SCENES)), "", 1.0)  # type: ignore[arg-type]
    jobs.folder(ANN, job.id).finish(End("done", result, None, 1.0, 2.0))
    look = Look(ANN, "en", ("follow", job.id), PageMemory())
    ended = story._ended_stage(look, job.id, Live.of_job(jobs.get(ANN, job.id)))
    assert ended[story.written] == ("One.\n\nTwo.", SCRIPT, "7")
    assert story.written not in story._ended_stage(look, job.id, None), "it ended long ago"


@pytest.mark.parametrize(
    ("script", "pressed_with", "is_taken"),
    [
        ("", "", True),
        ("[cat]\nOld.", "[cat]\nOld.", True),  # it stood there when others were asked for
        ("One.\n\n\nTwo.\n", "", True),  # what was asked for, after a reload
        ("[cat]\nOld.", "", False),
        ("One.\n\nTwo, and more.", "One.\n\nTwo.", False),
    ],
)
def test_what_was_written_takes_no_place_of_what_was_typed(
    story: Story, script: str, pressed_with: str, is_taken: bool
) -> None:
    taken = story._take_written(("One.\n\nTwo.", SCRIPT, "7"), pressed_with, script)
    assert (taken == (SCRIPT, "7")) is is_taken


def test_another_picture_goes_with_what_was_changed_in_the_script(story: Story) -> None:
    jobs = story._services.jobs
    job = jobs.submit(ANN, StoryRequest(scenes=SCENES, painter="openmoji-128", seed=7))
    shown = tuple(map(Shown, SCENES))
    jobs.folder(ANN, job.id).finish(End("done", StoryResult(job.request, "stop", shown, "", 1.0), None, 1.0, 2.0))  # type: ignore[arg-type]

    def press(script: str, number: int = 1) -> str:
        event = gr.EventData(None, {"action": "take", "id": f"{job.id}:{number}"})
        return str(story._press_board(event, script, REQUEST)[story.parts.settings["script"]])

    assert press("[fox]\nOne!\n\n[dog]\nTwo.") == "[fox]\nOne!\n\n[dog; take 2]\nTwo."
    assert press("[dog]\nTwo.\n\n[fox]\nOne.") == "[dog; take 2]\nTwo.\n\n[fox]\nOne.", "it stands elsewhere now"
    assert press("[fox]\nOne.\n\n[dog; take 2]\nTwo!") == "[fox]\nOne.\n\n[dog; take 3]\nTwo!"
    assert press("") == press("[fox]\nOne.") == "[fox]\nOne.\n\n[dog; take 2]\nTwo."
    with pytest.raises(NotFound):
        press(SCRIPT, 2)


def test_the_seed_that_was_typed_is_used_and_a_new_tale_has_its_own(story: Story) -> None:
    def seed(**typed: Any) -> int | None:
        return story.asked(values(story, **typed))[0].seed

    assert (
        seed(theme="a fox", seed="7")
        == seed(theme="a fox", seed="7", what="write")
        == seed(script=SCRIPT, seed="7")
        == 7
    )
    drawn = {seed(theme="a fox", seed="7", script=SCRIPT, what="write") for _ in range(3)}
    assert len(drawn) == 3
