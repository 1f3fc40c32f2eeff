"""What the Film sub-tab shows, as our own HTML and lines of text. Everything in it is escaped here. Knows no gradio."""

from collections.abc import Sequence

from pipelines.types.clip import ClipResult, FramesResult
from pipelines.types.events import Progress
from pipelines.types.model import ModelSpec
from pipelines.types.video import VideoResult
from studio.ui import lists, sending
from studio.ui.facts import doing_line, duration, size
from studio.ui.safe import escape
from studio.ui.words import say
from studio.ui.working import Working, meter, seconds_left


def working_line(working: Working, language: str, now: float) -> str:
    """ "step 3 of 50 · 2 min left", "frame 40 of 200 · 3 s left", as far as it is known."""
    stage = working.live.stage
    if not isinstance(stage, Progress) or stage.unit not in ("steps", "frames"):
        return doing_line(working.live, language)
    word = "film_done_frames" if stage.unit == "frames" else "image_step"
    parts = [say(word, language, done=stage.done, total=stage.total)]
    left = seconds_left(working, now)
    if left is not None:
        parts.append(say("image_left", language, n=duration(left, language)))
    return " · ".join(parts)


def working_stage(working: Working, language: str) -> str:
    """The newest look at the middle of the film, where there is one, with the bar."""
    live = working.live
    look = f'<div class="stage-wait">{escape(say("image_soon", language))}</div>'
    if live.preview is not None and live.preview.file:
        url = f"media/jobs/{working.job.id}/{live.preview.file}"
        title = say("image_preview", language, title=working.job.title)
        look = f'<img class="preview" src="{escape(url)}" alt="{escape(title)}">'
    return f'<div class="stage stage-working">{look}{meter(live, language)}</div>'


def player(url: str, poster: str, language: str) -> str:
    """`url` is a film's own, or a data URL of one that is not kept; then `poster` is ""."""
    shown = f' poster="{escape(poster)}"' if poster else ""
    return (
        f'<div class="stage stage-story"><video controls loop preload="metadata"{shown} aria-label="{escape(say("story_film", language))}">'
        f'<source src="{escape(url)}" type="video/mp4"></video></div>'
    )


def pictures(urls: Sequence[tuple[str, str]], times: Sequence[float], language: str, *, job_id: str = "") -> str:
    """The pictures of a film as (URL of a small one, id of the creation), each with what can take it.

    Those that are not kept have no id, but a `job_id`: a whole one comes into the page when it is asked for.
    """
    cards = []
    for number, (url, creation_id) in enumerate(urls):
        at = duration(times[number], language) if number < len(times) else ""
        when = f'<span class="mono">{escape(say("film_at", language, at=at))}</span>' if at else ""
        link, name = url.removesuffix("/thumbnail"), say("film_picture", language, n=number + 1)
        save = f'<a class="item-button" href="{escape(link)}" download="{number + 1:03}.png">PNG</a>'
        if not creation_id:
            save = lists.button("whole", f"{job_id}/{number}", "PNG")
        menu = sending.menu("image", creation_id, language) if creation_id else ""
        cards.append(
            f'<li><img loading="lazy" src="{escape(url)}" alt="{escape(name)}"><div class="board-words">{when}'
            f'<div class="item-actions">{menu}{save}</div></div></li>'
        )
    return f'<div class="stage stage-story"><ol class="board">{"".join(cards)}</ol></div>'


def facts(result: VideoResult | ClipResult | FramesResult, name: str, language: str) -> str:
    """ "Wan 2.1 1.3B · 81 frames · 16 a second · 5.1 s · seed 7 · made in 4 min"."""
    parts = [name] if name else []
    if isinstance(result, FramesResult):
        parts.append(say("film_facts_pictures", language, n=len(result.times)))
    else:
        parts.append(say("film_facts_frames", language, n=result.frames))
    if isinstance(result, VideoResult):
        parts.append(say("film_facts_rate", language, n=f"{result.frame_rate:g}"))
        parts.append(say("facts_seed", language, n=result.request.seed))
    parts.append(say("film_facts_length", language, n=duration(result.seconds_film, language)))
    parts.append(duration(result.seconds, language))
    if isinstance(result, VideoResult) and result.seconds_load >= 0.1:
        parts.append(say("facts_load", language, n=duration(result.seconds_load, language)))
    if result.finish_reason == "cancelled":
        parts.append(say("finish_cancelled", language))
    return " · ".join(parts)


def actions(film: str, language: str, *, is_starred: bool) -> str:
    """Use settings, send to, star, download."""
    star = say("unstar" if is_starred else "star", language)
    parts = [
        lists.button("use", film, say("use_settings", language)),
        sending.menu("film", film, language),
        lists.button("star", film, star, is_pressed=is_starred),
        f'<a class="item-button" href="media/{escape(film)}" download="{escape(film)}.mp4" '
        f'aria-label="{escape(say("download_as", language, name="MP4"))}">MP4</a>',
    ]
    return f'<div class="item-actions">{"".join(parts)}</div>'


def unkept_actions(url: str, language: str) -> str:
    link = f'<a class="item-button" href="{escape(url)}" download="film.mp4">{escape(say("download", language))}</a>'
    return f'<div class="item-actions">{link}</div>'


def whole_picture(url: str, number: int, language: str) -> str:
    """Where a picture that is not kept can be taken whole; `number` from 0."""
    name = f"{number + 1:03}.png"
    words = say("film_whole", language, name=name)
    link = f'<a class="item-button" href="{escape(url)}" download="{name}">{escape(words)}</a>'
    return f'<div class="item-actions">{link}</div>'


def no_model(offered: Sequence[ModelSpec], language: str) -> str:
    """Which video models could be added."""
    names = [f"{spec.name} ({size(spec.size_bytes)})" if spec.size_bytes else spec.name for spec in offered]
    return escape(say("film_models_none", language, names=" · ".join(names)))
