"""Story: a theme becomes scenes, pictures, narrations and a film; each scene can be changed and the rest is kept."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import gradio as gr

from pipelines.errors.access import NotFound
from pipelines.errors.film import NoScenes
from pipelines.film.telling import check_language
from pipelines.pictures.files import open_picture
from pipelines.types.crossing import from_json
from pipelines.types.film import SIZES, Board, Scene, Shown, StoryRequest, StoryResult
from pipelines.types.model import Task
from studio.jobs.flows import UNKEPT, unkept
from studio.jobs.job import Job, event_of
from studio.library.creations import Creation
from studio.library.pictures import thumbnail
from studio.services import Services
from studio.ui import sending, wishes
from studio.ui.audio import layout
from studio.ui.audio.boxes import whole
from studio.ui.audio.files import Given, url_of
from studio.ui.audio.layout import Parts
from studio.ui.audio.panel import SoundPanel
from studio.ui.audio.stage import Outcome
from studio.ui.components import first_model, model_choices, pressed, quietly
from studio.ui.i18n import language, t
from studio.ui.multimodal import film_view, story_view
from studio.ui.multimodal.script import scenes_of, script_of
from studio.ui.stage import Scene as Look
from studio.ui.stream import Live
from studio.ui.told import told
from studio.ui.watchers import Updates
from studio.ui.working import Working

NOBODY = ""
Written = tuple[str, str, str]  # the script that was asked for ("": none), the one that came of it, its seed
NOTHING_WRITTEN: Written = ("", "", "")
MAKERS: dict[str, Task] = {"model": "write", "painter": "text-to-image", "speaker": "speech", "composer": "music"}
MOST_WRITTEN = 12  # scenes, by the slider


class Story(SoundPanel):
    area = "story"
    request_class = StoryRequest
    task = "write"
    kept_as = "film"

    def __init__(self, services: Services, wish: gr.State) -> None:
        self.pressed_with = gr.State("")  # the script when the newest story was asked for
        self.written = gr.State(NOTHING_WRITTEN)
        super().__init__(services, wish)
        s = self.parts.settings
        board = [self._wish, *self.run_outputs, s["script"]]
        self.parts.stage.click(told(self._press_board), s["script"], board, **quietly())
        taking = [self.written, self.pressed_with, s["script"]]
        self.written.change(self._take_written, taking, [s["script"], s["seed"]], **quietly())
        s["speaker"].change(told(self._suit_speaker), [s["speaker"], s["voice"]], s["voice"], **quietly())
        for name in ("script", "seed"):  # what a program fills in is no input of a person
            self.keep_after(s[name].change(None, None, None, js="() => {}", api_visibility="private"))

    # ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def lay_out(self) -> Parts:
        made: dict[str, Any] = {}
        with gr.Row(elem_classes="studio-columns image-columns", equal_height=False):
            with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
                with gr.Column(elem_classes="studio-card prompt-card"):
                    made["theme"] = gr.Textbox(label=t("story_theme"), placeholder=t("story_theme_hint"), lines=2, max_lines=4, elem_id="story-theme", max_length=2000)  # fmt: skip
                    made["script"] = gr.Textbox(label=t("story_script"), info=t("story_script_help"), lines=6, max_lines=18, elem_id="story-script", max_length=60_000)  # fmt: skip
                with gr.Row(elem_classes="tight sizes"):
                    made["count"] = gr.Slider(1, MOST_WRITTEN, 4, step=1, label=t("story_count"), elem_id="story-count", min_width=120)  # fmt: skip
                    made["shape"] = gr.Radio([(shape, shape) for shape in SIZES], value="16:9", label=t("story_shape"), elem_id="story-shape", elem_classes="segmented", min_width=120)  # fmt: skip
                with gr.Accordion(t("story_who"), open=False, elem_id="story-more"):
                    made["model"] = layout.model(self._services, "story", self.models("en"), self.first_model())
                    made["painter"] = self._picker("painter", MAKERS["painter"])
                    made["speaker"] = self._picker("speaker", MAKERS["speaker"])
                    voices = self._voices(made["speaker"].value)
                    made["voice"] = gr.Dropdown(voices, value=voices[0] if voices else None, label=t("speak_voice"), elem_id="story-voice", allow_custom_value=True)  # fmt: skip
                    made["composer"] = self._picker("composer", MAKERS["composer"])
                    made["seed"] = layout.number("story", "seed", "seed", placeholder="seed_drawn")
                made["private"] = gr.Checkbox(
                    False, label=t("private"), info=t("story_private_help"), elem_id="story-private"
                )
                (film, write), stop = layout.runs("story", "story_run", "story_write")
            with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
                shown = layout.stage("story")
        runs = ((film, {"what": "story-film"}), (write, {"what": "write"}))
        return Parts(made, {}, runs, stop, **shown, recent=layout.recent("story"))

    def _picker(self, name: str, task: Task) -> gr.Dropdown:
        is_demo = self._services.settings.is_public_demo
        return gr.Dropdown(self._choices(name, task, "en"), value=first_model(self._services, task) or NOBODY, label=t(f"story_{name}"), elem_id=f"story-{name}", allow_custom_value=not is_demo)  # fmt: skip

    def _choices(self, name: str, task: Task, lang: str) -> list[tuple[Any, str]]:
        """Who can write, draw, narrate or compose; nobody narrates or composes where that is wished."""
        offered: list[tuple[Any, str]] = list(model_choices(self._services, task, lang))
        return [(t("story_nobody"), NOBODY), *offered] if name in ("speaker", "composer") else offered

    @property
    def load_outputs(self) -> list[Any]:
        return [*self.show_outputs, *(self.parts.settings[name] for name in MAKERS)]

    def _load(self, saved: object, request: gr.Request) -> Updates:
        lang = language(request)
        return {**super()._load(saved, request), **{part: show(lang) for part, show in self.fresh.items()}}

    @property
    def fresh(self) -> dict[Any, Callable[[str], Any]]:
        """What shows which models there are, and how it does, by language."""
        s = self.parts.settings
        return {s[name]: partial(self._freshened, name, task) for name, task in MAKERS.items()}

    def _freshened(self, name: str, task: Task, lang: str) -> Any:
        return gr.update(choices=self._choices(name, task, lang))

    def _voices(self, speaker: object) -> list[str]:
        rows = self._services.catalog.rows("speech")
        return next((list(row.voices) for row in rows if row.id == speaker), [])

    def _suit_speaker(self, speaker: str, voice: str, request: gr.Request) -> Any:
        voices = self._voices(speaker)
        return gr.update(choices=voices, value=voice if voice in voices else (voices or [""])[0])

    def asked(self, values: Mapping[str, Any]) -> tuple[StoryRequest, dict[str, Given]]:
        """Scenes that are written down keep their seed, so that what is not changed is not made again; where new ones take
        their place another is drawn. Raises NoScenes or NoStoryLanguage.
        """
        named = {
            name: str(values[name] or "").strip()
            for name in ("theme", "model", "painter", "speaker", "voice", "composer")
        }
        is_written = values["what"] == "write"
        scenes = () if is_written else scenes_of(str(values["script"] or ""))
        if not scenes and not named["theme"]:
            raise NoScenes()
        if not scenes:
            check_language(self._services.catalog.find(named["model"]), named["theme"])
        is_new_tale = is_written and bool(str(values["script"] or "").strip())
        seed = None if is_new_tale else whole(values["seed"])
        return StoryRequest(
            task=values["what"],
            scenes=scenes,
            count=int(values["count"] or 4),
            shape=values["shape"] if values["shape"] in SIZES else "16:9",
            seed=secrets.randbelow(2**32) if seed is None else seed,
            **named,
        ), {}

    def filled(self, asked: StoryRequest) -> Updates:
        s = self.parts.settings
        same = ("theme", "model", "painter", "speaker", "voice", "composer", "shape")
        return {
            **{s[name]: getattr(asked, name) for name in same},
            s["count"]: min(asked.count, MOST_WRITTEN),
            s["script"]: script_of(asked.scenes),
            s["seed"]: "" if asked.seed is None else str(asked.seed),
        }

    def with_scene(self, script: str, scene: str) -> Updates:
        """The script with one more scene at its end."""
        return {self.parts.settings["script"]: "\n\n".join(filter(None, (script.strip(), scene.strip())))}

    # ── pressing ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def run_outputs(self) -> list[Any]:
        return [*self.show_outputs, self.parts.settings["seed"], self.pressed_with]

    @property
    def stage_outputs(self) -> list[Any]:
        return [*super().stage_outputs, self.written]

    def _runner(self, more: Mapping[str, Any]) -> Any:
        run = super()._runner(more)

        def run_and_keep_seed(values: Updates, request: gr.Request) -> Updates:
            """The seed that was drawn for scenes stands in its box: the next go makes only what has changed. Of a theme it
            comes with the scenes.
            """
            updates, s = run(values, request), self.parts.settings
            asked = self._asked_of(
                self._services.jobs.get(self._services.identity.who(request), updates[self.shown][1])
            )
            kept = {s["seed"]: str(asked.seed)} if asked.scenes else {}
            return {**updates, **kept, self.pressed_with: str(values[s["script"]] or "")}

        return run_and_keep_seed

    def _take_written(self, written: Written, pressed_with: str, script: str | None) -> tuple[Any, Any]:
        """The scenes that were written, or what their pictures show, where nobody has typed something else meanwhile."""
        asked_for, scenes, drawn = written
        script = script or ""  # gradio 6.31 gives none of a box that nobody has seen yet
        is_untouched = not script.strip() or script == pressed_with or script_of(scenes_of(script)) == asked_for
        return (scenes, drawn) if scenes and is_untouched else (gr.skip(), gr.skip())

    def _press_board(self, event: gr.EventData, script: str, request: gr.Request) -> Updates:
        """Another picture of one scene, and the film again, with what was changed in the script; or its picture or its narration
        is sent elsewhere. Raises NotFound.
        """
        action, which = pressed(event)
        job_id, _, number = which.partition(":")
        if action in sending.VERBS:
            return {self._wish: wishes.wish(action, which)}
        if action != "take" or not number.isdecimal():
            return {self.pulse: gr.skip()}
        owner = self._services.identity.who(request)
        story = self.told_by(self._services.jobs.get(owner, job_id))
        if int(number) >= len(story.scenes):
            raise NotFound(thing="picture")
        scenes = _with_take(scenes_of(script), story.scenes, int(number))
        again = self._services.jobs.get(owner, job_id)
        job = self._services.jobs.submit(owner, replace(story, scenes=scenes, task="story-film"), keep=again.keep)
        return {
            **self.show("follow", job.id),
            self.parts.settings["seed"]: str(story.seed),
            self.parts.settings["script"]: script_of(scenes),
            self.pressed_with: script_of(scenes),
        }

    def _asked_of(self, job: Job) -> StoryRequest:
        """Raises NotFound for a job of another kind."""
        if not isinstance(job.request, StoryRequest):
            raise NotFound(thing="job")
        return job.request

    def told_by(self, job: Job) -> StoryRequest:
        """What was asked for, with what was filled in on the way. Raises NotFound for a job of another kind."""
        if not isinstance(job.result, StoryResult):
            return self._asked_of(job)
        return replace(job.result.request, scenes=tuple(shown.scene for shown in job.result.scenes))

    def _press(self, event: gr.EventData, request: gr.Request) -> Updates:
        match pressed(event):
            case ("scenes", job_id):
                return self.filled(self.told_by(self._services.jobs.get(self._services.identity.who(request), job_id)))
        return super()._press(event, request)

    # ── the stage ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _working_stage(self, scene: Look, mine: Working, now: float) -> Updates:
        p = self.parts
        scenes = _seen(mine.live.board.scenes if mine.live.board else (), {})
        return {
            **super()._working_stage(scene, mine, now),
            p.stage: story_view.working_stage(mine, scenes, scene.language),
            p.facts: story_view.working_line(mine, scene.language, now),
        }

    def _ended_stage(self, scene: Look, job_id: str, live: Live | None) -> Updates:
        """Of what failed the scenes by then too. What was written just now comes into the script."""
        updates = super()._ended_stage(scene, job_id, live)
        job = self._job(scene.owner, job_id)
        if job is None:
            return updates
        if job.state in ("failed", "interrupted"):
            updates[self.parts.stage] += story_view.board(_seen(self._board_of(job), {}), "", scene.language)
        if live is not None and isinstance(job.result, StoryResult):
            told_by = self.told_by(job)
            updates[self.written] = (
                script_of(self._asked_of(job).scenes),
                script_of(told_by.scenes),
                str(told_by.seed),
            )
        return updates

    def outcome(self, outcome: Outcome, language: str) -> tuple[str, str, str]:
        film, result = outcome.creation, outcome.result
        scenes = self._board_of(outcome.job) if outcome.job else _scenes_of(film)
        if not scenes:
            return "", "", ""
        job_id = outcome.job.id if outcome.job and outcome.job.is_ended and outcome.job.keep else ""
        unkept = outcome.urls.get("film.mp4", "")
        stage = story_view.stage(film.id if film else unkept, _seen(scenes, outcome.urls), job_id, language)
        facts = ""
        if isinstance(result, StoryResult):
            asked = result.request
            is_typed = outcome.job is not None and bool(self._asked_of(outcome.job).scenes)
            models = ("" if is_typed else asked.model, asked.painter, asked.speaker, asked.composer)
            names = [self.model_name(model) for model in models if model]
            facts = story_view.facts(result, names, language)
        actions = story_view.scenes_action(job_id, language) if job_id else ""
        if film is not None:
            has_words = bool(self.url_of_part(film, "segments"))
            actions = story_view.actions(film.id, language, is_starred=film.is_starred, has_words=has_words)
        elif unkept:
            actions = film_view.unkept_actions(unkept, language)
        return stage, facts, actions

    def _take_unkept(self, scene: Look, job_id: str) -> None:
        """What the parts of a private story made, before their folders go."""
        job = self._job(scene.owner, job_id)
        if job is None or job.keep or not job.is_ended or scene.memory.get(scene.owner, job_id) is not None:
            return
        urls: dict[str, str] = {}
        made = {shown.picture: shown.picture for shown in self._board_of(job)}
        made |= {"film.mp4": job.result.film} if isinstance(job.result, StoryResult) else {}
        for name, which in made.items():
            with suppress(NotFound):
                if which.startswith(UNKEPT):
                    data = unkept(self._services.jobs.folder(scene.owner, which.removeprefix(UNKEPT)))
                    data = data if name == "film.mp4" or not data else thumbnail(open_picture(data))
                    urls |= {name: url_of(data)} if data else {}
        scene.memory.put(scene.owner, job, urls)

    def _board_of(self, job: Job) -> Sequence[Shown]:
        """The scenes of a story as they stood last."""
        if isinstance(job.result, StoryResult):
            return job.result.scenes
        events = map(event_of, self._services.jobs.folder(job.owner, job.id).reader().read())
        boards = [event.data for event in events if event is not None and isinstance(event.data, Board)]
        return boards[-1].scenes if boards else ()


def _seen(scenes: Sequence[Shown], urls: Mapping[str, str]) -> Sequence[Shown]:
    """The scenes as they can be shown: what is not kept is a data URL of `urls`, and before the end nothing."""
    return [
        replace(shown, picture=urls.get(shown.picture, ""), narration="") if shown.picture.startswith(UNKEPT) else shown
        for shown in scenes
    ]


def _with_take(typed: Sequence[Scene], shown: Sequence[Scene], number: int) -> tuple[Scene, ...]:
    """The typed scenes, and another picture of the one that is shown as `number`; the shown ones where it is not typed."""
    place = typed.index(shown[number]) if shown[number] in typed else number
    scenes = list(typed if place < len(typed) else shown)
    scenes[place] = replace(scenes[place], take=scenes[place].take + 1)
    return tuple(scenes)


def _scenes_of(film: Creation | None) -> Sequence[Shown]:
    """The scenes that the recipe of a film tells, where the job is gone that made it."""
    if film is None:
        return ()
    try:
        asked = from_json("request", dict(film.recipe["request"]))
    except (KeyError, TypeError, ValueError):
        return ()
    return [Shown(scene) for scene in asked.scenes] if isinstance(asked, StoryRequest) else ()
