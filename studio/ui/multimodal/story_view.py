"""What the Story sub-tab shows, as our own HTML: the board of scenes and the film. Everything in it is escaped here. Knows no gradio."""

from collections.abc import Sequence
from dataclasses import replace

from pipelines.types.events import Progress
from pipelines.types.film import Shown, StoryResult
from studio.ui import lists, sending
from studio.ui.facts import doing_line, duration
from studio.ui.safe import escape
from studio.ui.words import say
from studio.ui.working import Working, meter, seconds_left

FILM_FORMATS = (("MP4", ""), ("SRT", "?as=srt"), ("VTT", "?as=vtt"))


def working_line(working: Working, language: str, now: float) -> str:
    """ "scene 2 of 4 is written", "5 of 10 parts · 20 s left", as far as it is known."""
    stage = working.live.stage
    if not isinstance(stage, Progress) or stage.unit not in ("scenes", "parts"):
        return doing_line(working.live, language)
    line = say(f"story_done_{stage.unit}", language, done=stage.done, total=stage.total)
    left = seconds_left(working, now)
    return " · ".join([line, *([say("image_left", language, n=duration(left, language))] if left else [])])


def facts(result: StoryResult, names: Sequence[str], language: str) -> str:
    """ "SmolLM2 · OpenMoji 128 · Kokoro 82M · 4 scenes · seed 7 · 48 s"."""
    parts = [*names, say("story_scenes", language, n=len(result.scenes))]
    if result.request.seed is not None:
        parts.append(say("facts_seed", language, n=result.request.seed))
    parts.append(duration(result.seconds, language))
    if result.finish_reason == "cancelled":
        parts.append(say("finish_cancelled", language))
    return " · ".join(parts)


def working_stage(working: Working, scenes: Sequence[Shown], language: str) -> str:
    """Its narrations are heard at the end: what changes twice a second could not be listened to."""
    silent = [replace(shown, narration="") for shown in scenes]
    return f'<div class="stage stage-story">{meter(working.live, language)}{board(silent, "", language)}</div>'


def stage(film: str, scenes: Sequence[Shown], job_id: str, language: str) -> str:
    """The film, where there is one, and the scenes that it is made of."""
    return f'<div class="stage stage-story">{player(film, language) if film else ""}{board(scenes, job_id, language)}</div>'


def player(film: str, language: str) -> str:
    """`film` is the id of a creation, or the data URL of one that is not kept: its subtitles are in it, and shown by few browsers."""
    if film.startswith("data:"):
        title = escape(say("story_film", language))
        return f'<video controls preload="metadata" aria-label="{title}"><source src="{escape(film)}" type="video/mp4"></video>'
    url = f"media/{escape(film)}"
    return (
        f'<video controls preload="metadata" poster="{url}/thumbnail" aria-label="{escape(say("story_film", language))}">'
        f'<source src="{url}" type="video/mp4">'
        f'<track kind="subtitles" default src="{url}?as=vtt" label="{escape(say("story_subtitles", language))}"></video>'
    )


def board(scenes: Sequence[Shown], job_id: str, language: str) -> str:
    """A card for each scene. With a job each offers another picture, and its picture and its narration go on elsewhere."""
    cards = "".join(_card(number, shown, job_id, language) for number, shown in enumerate(scenes))
    return f'<ol class="board">{cards}</ol>' if cards else ""


def _card(number: int, shown: Shown, job_id: str, language: str) -> str:
    scene = shown.scene
    if shown.picture:
        url = shown.picture if shown.picture.startswith("data:") else f"media/{shown.picture}/thumbnail"
        seen = f'<img loading="lazy" src="{escape(url)}" alt="{escape(scene.prompt)}">'
    else:
        doing = escape(say("story_drawing", language)) if shown.doing == "picture" else ""
        seen = f'<div class="board-blank">{doing}</div>'
    said = f'<audio controls preload="none" src="media/{escape(shown.narration)}"></audio>' if shown.narration else ""
    prompt = f'<div class="mono">{escape(scene.prompt)}</div>' if scene.prompt else ""
    take = (
        lists.button("take", f"{job_id}:{number}", say("story_take", language)) if job_id and not scene.picture else ""
    )
    is_kept = bool(job_id and shown.picture) and not shown.picture.startswith("data:")
    spoken = ("sound", shown.narration) if shown.narration else ("", "")
    menu = sending.menu("image", shown.picture, language, but="story", also=spoken) if is_kept else ""
    actions = f'<div class="item-actions">{take}{menu}</div>' if take or menu else ""
    return f'<li>{seen}<div class="board-words">{prompt}<p>{escape(scene.text)}</p>{said}{actions}</div></li>'


def scenes_action(job_id: str, language: str) -> str:
    """Of a story without a film."""
    return f'<div class="item-actions">{lists.button("scenes", job_id, say("story_use_scenes", language))}</div>'


def actions(film: str, language: str, *, is_starred: bool, has_words: bool) -> str:
    """Use settings, star, download; `has_words`: something is said in it."""
    star = say("unstar" if is_starred else "star", language)
    links = "".join(
        f'<a class="item-button" href="media/{escape(film)}{suffix}" download="{escape(film)}.{name.lower()}" '
        f'aria-label="{escape(say("download_as", language, name=name))}">{name}</a>'
        for name, suffix in FILM_FORMATS[: None if has_words else 1]
    )
    buttons = lists.button("use", film, say("use_settings", language)) + sending.menu("film", film, language)
    buttons += lists.button("star", film, star, is_pressed=is_starred)
    return (
        f'<div class="item-actions">{buttons}<span class="mono">{escape(say("download", language))}</span>{links}</div>'
    )
