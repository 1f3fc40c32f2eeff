"""Film: words or a picture become a film by a model; pictures become a film, and a film pictures, without one."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from pipelines.errors.access import NotFound
from pipelines.errors.film import NoPictures
from pipelines.provenance import films, recipe
from pipelines.types.clip import ClipRequest, ClipResult, FramesRequest, FramesResult, Join
from pipelines.types.model import ModelSpec
from pipelines.types.video import VideoRequest, VideoResult
from studio.library.creations import Creation, Item
from studio.services import Services
from studio.ui.audio import layout
from studio.ui.audio.boxes import real, seconds, shown, whole
from studio.ui.audio.files import Given
from studio.ui.audio.layout import Parts
from studio.ui.audio.panel import SoundPanel
from studio.ui.audio.stage import Outcome
from studio.ui.components import pressed, quietly
from studio.ui.i18n import language, t
from studio.ui.multimodal import film_view as view
from studio.ui.multimodal.film_files import film_given, picture_given, pictures_given
from studio.ui.stage import PageMemory, Scene
from studio.ui.told import inform, told
from studio.ui.watchers import Updates
from studio.ui.working import Working

Asked = VideoRequest | ClipRequest | FramesRequest
WHATS = ("clip", "video", "frames")
JOINS: tuple[Join, ...] = ("cut", "fade", "flow")
KINDS = (VideoRequest.kind, ClipRequest.kind, FramesRequest.kind)
ODD = re.compile(r"\W+")
NUMBERS = ("frames", "width", "height", "steps", "seed")
SIDES = ("width", "height")


class Film(SoundPanel):
    area = "film"
    request_class = Asked
    task = "text-to-video"
    kept_as = "film"

    def __init__(self, services: Services, wish: gr.State) -> None:
        self.offer = gr.HTML("", elem_id="film-note", elem_classes="notice", visible=False, render=False)
        self._rooms: dict[str, gr.Column] = {}
        super().__init__(services, wish)
        what = self.parts.settings["what"]
        opened = what.change(self._show_room, what, list(self._rooms.values()), **quietly())
        self.keep_after(opened)  # what a program fills in is no input of a person
        pressing = [self.parts.actions, self._wish, *self.show_outputs, *self.form_outputs]
        self.parts.stage.click(told(self._press_stage), [self.memory], pressing, **quietly())

    # ── the form ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def lay_out(self) -> Parts:
        made: dict[str, Any] = {}
        files: dict[str, Any] = {}
        with gr.Row(elem_classes="studio-columns image-columns", equal_height=False):
            with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
                made["what"] = gr.Radio([(t(f"film_what_{one}"), one) for one in WHATS], value=WHATS[0], label=t("film_what"), elem_id="film-what", elem_classes="segmented")  # fmt: skip
                with gr.Column(elem_classes="film-room") as self._rooms["clip"]:
                    self._lay_out_clip(made, files)
                with gr.Column(visible=False, elem_classes="film-room") as self._rooms["video"]:
                    self._lay_out_video(made, files)
                with gr.Column(visible=False, elem_classes="film-room") as self._rooms["frames"]:
                    files["film"] = gr.File(
                        label=t("film_film"), file_types=["video"], type="filepath", elem_id="film-film", height=120
                    )
                    made["every"] = layout.number("film", "every", "film_every", value="1")
                    made["count"] = layout.number("film", "count", "film_count")
                made["private"] = layout.private("film")
                (run,), stop = layout.runs("film", "film_run")
            with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
                stage = layout.stage("film")
        return Parts(made, files, ((run, {}),), stop, **stage, recent=layout.recent("film"))

    def _lay_out_clip(self, made: dict[str, Any], files: dict[str, Any]) -> None:
        files["pictures"] = gr.File(
            label=t("film_pictures"), file_count="multiple", file_types=["image"], type="filepath", allow_reordering=True,
            elem_id="film-pictures", height=180,
        )  # fmt: skip
        joins = [(t(f"film_join_{join}"), join) for join in JOINS]
        made["join"] = gr.Radio(joins, value="fade", label=t("film_join"), info=t("film_join_help"), elem_id="film-join", elem_classes="segmented")  # fmt: skip
        made["seconds"] = layout.number("film", "seconds", "film_seconds", value="2")
        made["join_seconds"] = layout.number("film", "join-seconds", "film_join_seconds", value="0.5")
        made["rate"] = layout.number("film", "rate", "film_rate", value="25")
        for side in SIDES:
            made[f"clip_{side}"] = layout.number("film", f"clip-{side}", side, placeholder="film_side_hint")

    def _lay_out_video(self, made: dict[str, Any], files: dict[str, Any]) -> None:
        self.offer.render()
        made["prompt"] = gr.Textbox(label=t("film_prompt"), placeholder=t("film_prompt_hint"), lines=3, max_lines=8, elem_id="film-prompt", max_length=20_000)  # fmt: skip
        made["model"] = layout.model(self._services, "film", self.models("en"), self.first_model())
        files["image"] = gr.Image(
            type="filepath", format="png", image_mode=None, sources=["upload", "clipboard"], label=t("film_image"), height=180,
            buttons=[], elem_id="film-image",
        )  # fmt: skip
        with gr.Accordion(t("more_settings"), open=False, elem_id="film-more"):
            made["negative_prompt"] = gr.Textbox(label=t("negative_prompt"), lines=1, max_lines=4, elem_id="film-negative-prompt", max_length=20_000)  # fmt: skip
            for name in (*NUMBERS, "guidance_scale"):
                made[name] = layout.number("film", name, "film_frames" if name == "frames" else name)

    def _show_room(self, what: str) -> list[Any]:
        return [gr.update(visible=name == what) for name in self._rooms]

    @property
    def rows(self) -> list[ModelSpec]:
        catalog = self._services.catalog
        return list(
            {row.id: row for task in ("text-to-video", "image-to-video") for row in catalog.rows(task)}.values()
        )

    @property
    def fresh(self) -> dict[Any, Callable[[str], Any]]:
        """What shows which models there are, and how it does, by language."""
        return {
            self.parts.settings["model"]: lambda lang: gr.update(choices=self.models(lang)),
            self.offer: self._noted,
        }

    def _noted(self, lang: str) -> Any:
        rows = self.rows
        is_there = any(self._services.catalog.is_on_disk(row) for row in rows)
        return gr.update(value="" if is_there else view.no_model(rows, lang), visible=not is_there)

    @property
    def load_outputs(self) -> list[Any]:
        return [*self.show_outputs, *self.fresh]

    def _load(self, saved: object, request: gr.Request) -> Updates:
        lang = language(request)
        return {**super()._load(saved, request), **{part: show(lang) for part, show in self.fresh.items()}}

    # ── asking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def asked(self, values: Mapping[str, Any]) -> tuple[Asked, dict[str, Given]]:
        """Raises NoPictures, UnreadablePicture, PicturesTooLarge, UnreadableFilm …"""
        match values["what"]:
            case "video":
                return self._asked_of_model(values)
            case "frames":
                given = film_given(values["film"])
                count = whole(values["count"])
                every = seconds(values["every"])
                asked = FramesRequest(
                    every_seconds=1.0 if every is None else every,
                    count=count,
                    title_text=_stem(given.path if given else ""),
                )
                return asked, {"film": given} if given else {}
        pictures = pictures_given(values["pictures"])
        if not pictures:
            raise NoPictures()
        return ClipRequest(
            ("",) * len(pictures),
            seconds=seconds(values["seconds"]) or 0.0,
            join_seconds=seconds(values["join_seconds"]) or 0.0,
            join=values["join"] if values["join"] in JOINS else "cut",
            frame_rate=25 if (rate := whole(values["rate"])) is None else rate,
            width=whole(values["clip_width"]),
            height=whole(values["clip_height"]),
            title_text=" · ".join(_stem(one.path) for one in pictures),
        ), {f"pictures-{number}": one for number, one in enumerate(pictures)}

    def _asked_of_model(self, values: Mapping[str, Any]) -> tuple[VideoRequest, dict[str, Given]]:
        given = picture_given(values["image"])
        prompt, negative, model = (str(values[name] or "").strip() for name in ("prompt", "negative_prompt", "model"))
        numbers: dict[str, Any] = {name: whole(values[name]) for name in NUMBERS}
        asked = VideoRequest(model, prompt, negative, guidance_scale=real(values["guidance_scale"]), **numbers)
        return asked, {"image": given} if given else {}

    def filled(self, asked: Any) -> Updates:
        s = self.parts.settings
        match asked:
            case VideoRequest():
                numbers = {s[name]: "" if (value := getattr(asked, name)) is None else str(value) for name in NUMBERS}
                words = {s[name]: getattr(asked, name) for name in ("prompt", "negative_prompt", "model")}
                return {s["what"]: "video", **words, **numbers, s["guidance_scale"]: shown(asked.guidance_scale)}
            case FramesRequest():
                every = {s["every"]: shown(asked.every_seconds), s["count"]: shown(asked.count)}
                return {s["what"]: "frames", **every}
        return {
            s["what"]: "clip",
            s["join"]: asked.join,
            s["seconds"]: shown(asked.seconds),
            s["join_seconds"]: shown(asked.join_seconds),
            s["rate"]: str(asked.frame_rate),
            **{s[f"clip_{side}"]: shown(getattr(asked, side)) for side in SIDES},
        }

    def tell_what_is_missing(self, owner: str, creation: Creation, lang: str) -> None:
        """What the form could not be filled in with, when it was filled in with a creation's settings."""
        asked, sources = recipe.request_of(creation.recipe), 0
        for parent in creation.parents:
            with suppress(NotFound):
                self._services.creations.get(owner, parent)
                sources += 1
        with suppress(NotFound):  # the recipe has the blanks filled in; what was asked is in the job
            asked = self._services.jobs.get(owner, creation.job_id).request
        match asked:
            case ClipRequest() if sources < len(asked.pictures):
                inform("film_pictures_not_back", lang, n=sources, total=len(asked.pictures))
            case FramesRequest() if not sources:
                inform("film_film_not_back", lang)

    def _press(self, event: gr.EventData, request: gr.Request) -> Updates:
        updates = super()._press(event, request)
        match pressed(event):
            case ("use", creation_id):
                owner = self._services.identity.who(request)
                self.tell_what_is_missing(owner, self._services.creations.get(owner, creation_id), language(request))
        return updates

    def _press_stage(self, memory: PageMemory, event: gr.EventData, request: gr.Request) -> Updates:
        """What `_press` does, and a whole picture of those that are not kept. Raises NotFound."""
        action, place = pressed(event)
        if action != "whole":
            return self._press(event, request)
        job_id, _, number = place.partition("/")
        _, urls = memory.get(self._services.identity.who(request), job_id) or (None, {})
        if (url := urls.get(f"{number}.png")) is None:
            raise NotFound(thing="picture")
        return {self.parts.actions: view.whole_picture(url, int(number), language(request))}

    def filled_from(self, owner: str, creation: Creation) -> Updates:
        """What it was made from comes from the library, as far as it is still there."""
        updates = super().filled_from(owner, creation)
        files, sources = self.parts.files, []
        for parent in creation.parents:
            with suppress(NotFound):
                path = self._laid(owner, parent)
                sources.append((parent, path))
        paths = [path for _, path in sources]
        match recipe.request_of(creation.recipe):
            case ClipRequest():
                updates[files["pictures"]] = paths or None
            case FramesRequest():
                updates[files["film"]] = paths[0] if paths else None
            case _:
                return updates
        return {**updates, self.source: tuple(sources)}

    def boxed(self, data: bytes) -> str:
        return save_bytes_to_cache(data, f"film{films.suffix_of(data) or '.png'}", get_upload_folder())

    def with_creation(
        self, owner: str, action: str, creation_id: str, pictures: Sequence[str], sources: Sequence[tuple[str, str]]
    ) -> Updates:
        """The form with what was sent to it: a picture that is to move, one more picture of a film, or a film. Raises NotFound."""
        path, files, what = self._laid(owner, creation_id), self.parts.files, self.parts.settings["what"]
        match action:
            case "to-motion":
                return {what: "video", files["image"]: path, self.source: ((creation_id, path),)}
            case "to-frames":
                return {what: "frames", files["film"]: path, self.source: ((creation_id, path),)}
        return {what: "clip", files["pictures"]: [*pictures, path], self.source: (*sources, (creation_id, path))}

    def with_words(self, which: str, text: str) -> Updates:
        """The form with what was written, to be filmed by a model."""
        s = self.parts.settings
        return {s["what"]: "video", s["prompt"]: text, self.source: ((which, text),)}

    def _laid(self, owner: str, creation_id: str) -> str:
        """A file of the library where a box can show it, called by its title."""
        creation = self._services.creations.get(owner, creation_id)
        path = self._services.creations.path(owner, creation_id)
        name = ODD.sub("-", creation.title).strip("-")[:40] or creation.kind
        return save_bytes_to_cache(path.read_bytes(), f"{name}{path.suffix}", get_upload_folder())

    # ── the stage ────────────────────────────────────────────────────────────────────────────────────────────────────

    def has_made(self, creation: Creation) -> bool:
        """Whether a creation was asked for here. A recipe may be anything."""
        asked = creation.recipe.get("request")
        return isinstance(asked, dict) and asked.get("kind") in KINDS

    def _is_recent(self, item: Item) -> bool:
        return self.has_made(item.creation)

    def _working_stage(self, scene: Scene, mine: Working, now: float) -> Updates:
        p = self.parts
        return {
            **super()._working_stage(scene, mine, now),
            p.stage: view.working_stage(mine, scene.language),
            p.facts: view.working_line(mine, scene.language, now),
        }

    def outcome(self, outcome: Outcome, language: str) -> tuple[str, str, str]:
        made, result = outcome.creation, outcome.result
        facts = ""
        if isinstance(result, VideoResult | ClipResult | FramesResult):
            facts = view.facts(result, self.model_name(result.model) if result.model else "", language)
        times = result.times if isinstance(result, FramesResult) else ()
        if "film.mp4" in outcome.urls:
            url = outcome.urls["film.mp4"]
            return view.player(url, "", language), facts, view.unkept_actions(url, language)
        if made is not None and made.kind == "film":
            stage = view.player(f"media/{made.id}", f"media/{made.id}/thumbnail", language)
            return stage, facts, view.actions(made.id, language, is_starred=made.is_starred)
        pictures = self._pictures(outcome)
        if not pictures:
            return "", "", ""
        return view.pictures(pictures, times, language, job_id=outcome.job.id if outcome.job else ""), facts, ""

    def _pictures(self, outcome: Outcome) -> list[tuple[str, str]]:
        """(URL of a small one, id) of each picture of a film."""
        if outcome.urls:
            return [(url, "") for name, url in sorted(outcome.urls.items(), key=_by_number) if name.endswith(".webp")]
        ids = outcome.job.creation_ids if outcome.job else [outcome.creation.id] if outcome.creation else []
        return [(f"media/{one}/thumbnail", one) for one in ids]


def _by_number(named: tuple[str, str]) -> int:
    number = named[0].partition(".")[0]
    return int(number) if number.isdecimal() else 0


def _stem(path: str) -> str:
    return Path(path).stem
