"""What the Story sub-tab shows: nothing that others wrote is a tag, and each scene has what belongs to it."""

from pipelines.types.events import Progress
from pipelines.types.film import Scene, Shown, StoryRequest, StoryResult
from studio.jobs.job import Job
from studio.ui.multimodal import story_view
from studio.ui.stream import Live
from studio.ui.working import Working

EVIL = '"><script>alert(1)</script>'
BOARD = (
    Shown(Scene(EVIL, EVIL), "a" * 32, "b" * 32),
    Shown(Scene("Two.", "two"), doing="picture"),
    Shown(Scene("Three.", picture="c" * 32), "c" * 32),
)


def working(stage: Progress) -> Working:
    return Working(
        Job("j" * 32, "ann", StoryRequest(theme="x"), "running", True, 0.0), Live(stage=stage, is_started=True)
    )


def test_what_others_wrote_is_text() -> None:
    for html in (
        story_view.stage("f" * 32, BOARD, EVIL, "en"),
        story_view.working_stage(working(Progress(1, 4, "parts")), BOARD, "zh"),
    ):
        assert "<script" not in html and "&lt;script&gt;" in html


def test_each_scene_has_its_picture_its_narration_and_its_button() -> None:
    html = story_view.stage("f" * 32, BOARD, "d" * 32, "en")
    assert html.count("<img") == 2 and html.count("<audio") == 1 and html.count("<video") == 1 and "drawing" in html
    assert f'data-id="{"d" * 32}:0"' in html and f'data-id="{"d" * 32}:1"' in html
    assert f"{'d' * 32}:2" not in html, "a picture of the library is not drawn again"
    assert "<button" not in story_view.board(BOARD, "", "en")
    said, silent = (story_view.actions("f" * 32, "en", is_starred=False, has_words=words) for words in (True, False))
    assert "as=srt" in said and "as=srt" not in silent and "MP4" in silent
    assert "<audio" not in story_view.working_stage(working(Progress(1, 4, "parts")), BOARD, "en")


def test_the_line_says_how_far_it_is() -> None:
    assert story_view.working_line(working(Progress(1, 4, "scenes")), "en", 0.0) == "1 of 4 scenes written"
    assert "5 / 11" in story_view.working_line(working(Progress(5, 11, "parts")), "zh", 0.0)
    result = StoryResult(StoryRequest(theme="x", seed=7), "cancelled", BOARD, "", 90.0)
    assert story_view.facts(result, ["OpenMoji"], "en") == "OpenMoji · 3 scenes · seed 7 · 2 min · stopped"
