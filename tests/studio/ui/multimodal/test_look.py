"""A talk about a picture: each question goes with the picture and all that was said before, kept, private, stopped or deleted."""

from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from pipelines.errors.access import NotFound
from pipelines.errors.requests import EmptyPrompt
from pipelines.types.caption import CaptionRequest, CaptionResult, Exchange, FinishReason
from studio.jobs.folder import End
from studio.jobs.job import Job
from studio.jobs.keep import Keep
from studio.library.lineage import lineage
from studio.services import Services
from studio.settings import Settings
from studio.ui.multimodal import look_view as view
from studio.ui.multimodal.look import Look
from studio.ui.stage import PageMemory, Scene
from studio.ui.wishes import NONE

ANN, BO = "visitor:" + "a" * 32, "visitor:" + "b" * 32
REQUEST = gr.Request(headers={"accept-language": "en"})
MODEL = "HuggingFaceTB/SmolVLM-256M-Instruct"


def png() -> bytes:
    data = BytesIO()
    Image.new("RGB", (20, 10), "red").save(data, "PNG")
    return data.getvalue()


@pytest.fixture
def look(tmp_path: Path) -> Iterator[Look]:
    """Jobs wait: what a worker would write is written by the test."""
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache"))
    services.identity.who = lambda request: ANN  # type: ignore[method-assign]
    with gr.Blocks():
        made = Look(services, gr.State(NONE))
    yield made
    services.close()


def answered(look: Look, job: Job, text: str, reason: FinishReason = "stop") -> Job:
    """As the worker ends it: what was said is kept, or stays in the folder."""
    services = look._services
    folder = services.jobs.folder(ANN, job.id)
    result = CaptionResult(MODEL, reason, text)
    kept = Keep(services.creations, services.catalog)(folder.spec(), folder, result)
    for one in kept:
        services.creations.index(ANN, one)
    folder.finish(End("cancelled" if reason == "cancelled" else "done", result, None, 1.0, 2.0, kept))
    return services.jobs.get(ANN, job.id)


def asked_further(look: Look, question: str, job: Job, *, what: str = "follow", private: bool = False) -> Job:
    s = look.parts.settings
    values = {
        look.parts.others["further"]: question, s["model"]: MODEL, s["language"]: "en", s["private"]: private,
        look.shown: (what, job.creation_ids[0] if what == "creation" else job.id), look.job: job.id,
        look.memory: look.memory.value,
    }  # fmt: skip
    shown = look._ask_further(values, REQUEST)[look.shown]
    return look._services.jobs.get(ANN, shown[1])


def test_each_question_goes_with_the_picture_and_all_that_was_said(look: Look) -> None:
    jobs, creations = look._services.jobs, look._services.creations
    first = answered(look, jobs.submit(ANN, CaptionRequest(MODEL), files={"image": png()}), "A fox.")
    second = asked_further(look, " What colour? ", first)
    assert second.request.question == "What colour?" and second.request.earlier == (Exchange("", "A fox."),)
    assert jobs.folder(ANN, second.id).files(second.request) == {"image": png()}
    second = answered(look, second, "Red.")
    third = answered(look, asked_further(look, "How old?", second, what="creation"), "Two years.")
    assert third.request.earlier == (Exchange("", "A fox."), Exchange("What colour?", "Red."))

    # each stands in the library after the one before it, and whichever is opened shows the whole of it, with its picture
    (made,) = third.creation_ids
    drawn = lineage(creations, ANN, made)
    assert [step.creation.id for step in sorted(drawn.steps, key=lambda step: step.column)] == [
        first.creation_ids[0], second.creation_ids[0], made,
    ]  # fmt: skip
    jobs.remove(ANN, third.id)
    stage = look._creation_stage(Scene(ANN, "en", ("creation", made), PageMemory()), made)[look.parts.stage]
    said = ["A fox.", "What colour?", "Red.", "How old?", "Two years."]
    assert [words for words in said if words not in stage] == [] and f"media/{made}/image" in stage


def test_a_talk_goes_on_after_a_stop_from_what_was_said_before_it(look: Look) -> None:
    first = answered(look, look._services.jobs.submit(ANN, CaptionRequest(MODEL), files={"image": png()}), "A fox.")
    stopped = answered(look, asked_further(look, "What colour?", first), "", "cancelled")
    ended = look._ended_stage(Scene(ANN, "en", ("job", stopped.id), PageMemory()), stopped.id, None)
    assert "A fox." in ended[look.parts.stage] and "stopped before" in ended[look.parts.stage]
    assert f'data-action="again" data-id="{stopped.id}"' in ended[look.parts.actions]
    again = look._services.jobs.rerun(ANN, stopped.id)
    assert again.request == stopped.request, "with all that was said before"
    assert asked_further(look, "How old?", stopped).request.earlier == (Exchange("", "A fox."),)


def test_a_question_that_found_no_answer_stays_in_the_talk(look: Look) -> None:
    first = answered(look, look._services.jobs.submit(ANN, CaptionRequest(MODEL), files={"image": png()}), "A fox.")
    silent = answered(look, asked_further(look, "What colour?", first), "")
    stage = look._ended_stage(Scene(ANN, "en", ("job", silent.id), PageMemory()), silent.id, None)[look.parts.stage]
    assert "What colour?" in stage and "nothing to say" in stage and "stopped" not in stage and "stage-looked" in stage
    last = asked_further(look, "How old?", silent)
    assert last.request.earlier == (Exchange("", "A fox."), Exchange("What colour?", ""))
    assert view.stage("", "Two.", None, "en", last.request).count("nothing to say") == 1


def test_a_private_talk_stays_private_and_goes_on_from_the_memory_of_its_page(look: Look) -> None:
    jobs = look._services.jobs
    first = answered(look, jobs.submit(ANN, CaptionRequest(MODEL), keep=False, files={"image": png()}), "A fox.")
    scene = Scene(ANN, "en", ("follow", first.id), look.memory.value)
    assert "data:image/png" in look._ended_stage(scene, first.id, None)[look.parts.stage]
    jobs.remove(ANN, first.id)
    second = asked_further(look, "What colour?", first)
    assert not second.keep and second.request.earlier == (Exchange("", "A fox."),)
    assert jobs.folder(ANN, second.id).files(second.request) == {"image": png()}


def test_what_cannot_be_asked_leaves_no_job(look: Look) -> None:
    services = look._services
    first = answered(look, services.jobs.submit(ANN, CaptionRequest(MODEL), files={"image": png()}), "A fox.")
    with pytest.raises(EmptyPrompt):
        asked_further(look, "  ", first)
    services.identity.who = lambda request: BO  # type: ignore[method-assign]
    for what in ("follow", "creation"):
        with pytest.raises(NotFound):
            asked_further(look, "Whose?", first, what=what)
    assert len(services.jobs.recent(ANN, 9)) == 1 and services.jobs.recent(BO, 9) == []


def test_where_no_model_here_answers_questions_the_page_says_which_to_get(look: Look) -> None:
    note = look.fresh[look.parts.others["offer"]]("en")
    assert note["visible"] and "SmolVLM 256M (513 MB)" in note["value"] and "Models tab" in note["value"]
    assert "SmolVLM 256M" in look.fresh[look.parts.others["offer"]]("zh")["value"]
