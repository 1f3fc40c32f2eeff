"""What the Image tab shows: honest lines, and nothing of what others wrote but its characters."""

from pipelines.errors.requests import UnreadablePicture
from pipelines.types.events import Loading, Preview, Progress
from pipelines.types.image import ImageRequest, ImageResult
from pipelines.types.model import ImageDefaults, ModelSpec
from studio.jobs.folder import End
from studio.jobs.job import Job, JobEvent, Place
from studio.library.creations import Creation, Item
from studio.ui.image import view
from studio.ui.image.view import Picture, Working
from studio.ui.stream import Live, fold

EVIL = "\"><img src=x onerror=alert(1)>'"


def job(prompt: str = "a cat", started: float | None = 100.0) -> Job:
    return Job("j" * 32, "ann", ImageRequest("m", prompt=prompt), "running", True, 90.0, started)


def after(*events: JobEvent) -> Live:
    live = Live()
    for event in events:
        live = fold(live, event)
    return live


def steps(*done_at: tuple[int, float], total: int = 8) -> Live:
    return after(*(JobEvent("progress", time, Progress(done, total, "steps")) for done, time in done_at))


def test_the_line_of_a_running_job_tells_step_pace_and_time_left() -> None:
    assert view.working_line(Working(job(), steps((1, 101.0))), "en", 101.0) == "step 1 of 8"
    assert (
        view.working_line(Working(job(), steps((1, 101.0)), usual_seconds=5.0), "en", 101.0)
        == "step 1 of 8 · 4.0 s left"
    )
    line = view.working_line(Working(job(), steps((1, 101.0), (2, 101.5), (5, 103.0))), "en", 103.0)
    assert line == "step 5 of 8 · 2.0 steps/s · 1.5 s left"
    assert (
        view.working_line(Working(job(), steps((1, 101.0), (3, 102.0))), "zh", 102.0)
        == "第 3 / 8 步 · 2.0 步/秒 · 还需 2.5 秒"
    )


def test_before_its_first_step_it_tells_what_it_waits_for() -> None:
    assert view.working_line(Working(job(), Live(waits=Place(2, 30.0))), "en", 100.0) == "2 ahead of you · about 30 s"
    loading = after(JobEvent("loading", 1.0, Loading("weights", "m", 1, 4)))
    assert view.working_line(Working(job(), loading), "en", 100.0) == "Reading weights of m · 25 %"


def test_a_preview_is_shown_with_its_bar_and_goes_when_the_work_ends() -> None:
    live = after(
        JobEvent("progress", 1.0, Progress(2, 8, "steps")), JobEvent("preview", 1.1, Preview(2, 8, "preview-7.jpg"))
    )
    html = view.working_stage(Working(job(), live), "en", 1.2)
    assert f'src="media/jobs/{"j" * 32}/preview-7.jpg"' in html and 'aria-valuenow="25"' in html
    ended = fold(live, JobEvent("end", 2.0, End("failed", None, UnreadablePicture(name=EVIL, reason="x"), 1.0, 2.0)))
    assert ended.has_failed and "<img" not in view.failed_stage(ended, "en")


def test_the_facts_are_those_of_the_result() -> None:
    asked = ImageRequest("m", count=4, steps=24, seed=42)
    result = ImageResult("m", asked, 128, 96, "stop", 24, 3.2, seconds_load=0.01)
    assert (
        view.image_facts(result, "OpenMoji", "en")
        == "OpenMoji · 24 steps · 7.5 steps/s · 128 × 96 · seed 42–45 · 3.2 s"
    )
    stopped = ImageResult("m", ImageRequest("m", steps=5, seed=1), 8, 8, "cancelled", 2, 1.0, 2.0)
    assert (
        view.image_facts(stopped, "m", "en")
        == "m · 5 steps · 2.0 steps/s · 8 × 8 · seed 1 · 1.0 s · loaded in 2.0 s · stopped"
    )


def test_a_model_tells_what_it_is_for_and_what_suits_it() -> None:
    spec = ModelSpec(
        "m",
        "M",
        "f",
        (),
        "starter",
        "m",
        note_en="Draws icons.",
        note_zh="画图标。",
        defaults=ImageDefaults(64, 64, 8, 3.0),
    )
    assert view.model_notice(spec, "en") == "Draws icons. It suits 64 × 64 pixels, 8 steps, guidance scale 3."
    assert view.model_notice(spec, "zh").startswith("画图标。")


def test_names_are_escaped_everywhere() -> None:
    picture = Picture(EVIL, EVIL, EVIL, before_url=EVIL)
    made = Creation("b" * 32, "me", "image", EVIL, "2026-01-01T00:00:00+00:00", {}, "j")
    for html in (
        view.gallery([picture, picture], EVIL, "en"),
        view.comparison(picture, EVIL, picture, "en"),
        view.comparison(None, "", picture, "en"),
        view.downloads(picture, "zh"),
        view.downloads(Picture("0", EVIL, EVIL, is_kept=False), "en"),
        view.queue([Working(job(EVIL), Live())], "en", 1.0),
        view.recent([Item(made, EVIL)], "en"),
        view.working_stage(Working(job(EVIL), Live(preview=Preview(1, 2, EVIL))), "en", 1.0),
    ):
        assert "<img src=x" not in html and "alert(1)>" not in html


def test_empty_states_teach() -> None:
    assert "Paste the folder" in view.empty_stage("en", has_models=False)
    assert "Your pictures appear here" in view.empty_stage("en", has_models=True)
    assert view.queue([], "en", 0.0) == ""


def test_what_was_not_read_and_what_was_withheld_is_told() -> None:
    request = ImageRequest("m", prompt="a cat", count=4)
    result = ImageResult("m", request, 8, 8, "stop", 1, 1.0, withheld=(1, 3), unread=f"and {EVIL}" + "x" * 300)
    english, chinese = view.image_notes(result, "en"), view.image_notes(result, "zh")
    assert "withheld 2 of 4 pictures (number 2, 4)" in english and "4 张中的 2 张（第 2, 4 张）" in chinese
    assert f"{len(result.unread)} characters" in english and "and &quot;" in english and " …”" in english
    assert "<img" not in english + chinese and len(english) < 900
    assert view.image_notes(ImageResult("m", request, 8, 8, "stop", 1, 1.0), "en") == ""


def test_adapters_of_the_model_are_offered_and_those_that_lie_over_it_are_marked() -> None:
    assert view.adapters_offered([], {"blue"}, "en") == ""
    offered = view.adapters_offered(["blue", "<b>old"], {"blue"}, "en")
    assert 'data-id="blue" aria-pressed="true"' in offered
    assert 'data-id="&lt;b&gt;old" aria-pressed="false"' in offered
    assert "<b>" not in offered
