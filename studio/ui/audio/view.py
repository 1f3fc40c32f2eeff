"""What the Audio tab shows, as our own HTML and lines of text. Everything in it is escaped here. Knows no gradio.

Buttons carry data-action and data-id (see `components.items`); data-seek plays the sound of the same stage from that
second; data-speech works the player of sentences that are still being made (assets/js/audio.js).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.types.events import Progress
from pipelines.types.music import MusicResult, Note
from pipelines.types.sound import Heard
from pipelines.types.speech import Sentence, SpeechResult
from pipelines.types.transcription import TranscribeResult
from pipelines.types.workbench import Measures, WorkbenchResult
from studio.library.creations import Item
from studio.ui import lists, sending
from studio.ui.facts import doing_line, duration, error_line
from studio.ui.safe import escape
from studio.ui.stream import Live
from studio.ui.words import WORDS, say
from studio.ui.working import Working, meter, seconds_left

SHOWN_WHILE_MADE = 30  # sentences
SOUND_FORMATS = (("FLAC", ""), ("WAV", "?as=wav"), ("MP3", "?as=mp3"), ("OGG", "?as=ogg"))
TEXT_FORMATS = (("TXT", "?as=txt"), ("SRT", "?as=srt"), ("VTT", "?as=vtt"), ("JSON", "?as=json"))
BAR_HEIGHT, ROLL_HEIGHT = 4, 240


@dataclass(frozen=True)
class Sound:
    """A result that can be heard: `id` is its creation's, "" where it is not kept; `url` and `midi_url` can be fetched."""

    url: str
    id: str = ""
    midi_url: str = ""


# ── lines of text ─────────────────────────────────────────────────────────────────────────────────────────────────────


def working_line(working: Working, language: str, now: float) -> str:
    """ "sentence 3 of 8 · 4 s left", as far as it is known."""
    stage = working.live.stage
    if not isinstance(stage, Progress) or not stage.total:
        return doing_line(working.live, language)
    unit = stage.unit if stage.unit in ("sentences", "seconds", "notes") else "steps"
    done = min(stage.done + 1, stage.total) if unit == "sentences" else stage.done  # the one that is being made
    parts = [say(f"audio_done_{unit}", language, done=done, total=stage.total)]
    left = seconds_left(working, now)
    if left is not None:
        parts.append(say("image_left", language, n=duration(left, language)))
    return " · ".join(parts)


def speech_facts(result: SpeechResult, name: str, language: str) -> str:
    """ "Kokoro-82M · 12 s of sound · first heard after 0.8 s · 1.9 × real time · loaded in 2 s"."""
    parts = [name, say("audio_length", language, n=duration(result.seconds_audio, language))]
    if result.sentences:
        parts.append(say("audio_first", language, n=duration(result.seconds_first, language)))
    if result.request.has_right_to_voice:
        parts.append(say("speak_with_right", language))
    return " · ".join([*parts, *_pace(result, language)])


def transcript_facts(result: TranscribeResult, name: str, language: str) -> str:
    parts = [name, say("audio_length", language, n=duration(result.seconds_audio, language))]
    if result.language:
        tongue = language_name(result.language, language)
        parts.append(say("audio_language", language, name=tongue, n=f"{result.language_probability:.0%}"))
    return " · ".join([*parts, *_pace(result, language)])


def music_facts(result: MusicResult, name: str, language: str) -> str:
    request = result.request
    key = key_name(request.key, language) if request.key else ""
    parts = [name, *filter(None, (key, request.metre))]
    if request.tempo:
        parts.append(say("audio_tempo", language, n=request.tempo))
    parts.append(say("audio_length", language, n=duration(result.seconds_audio, language)))
    if result.notes:
        parts.append(say("audio_notes", language, n=len(result.notes)))
    if request.seed is not None:
        parts.append(say("facts_seed", language, n=request.seed))
    return " · ".join([*parts, *_pace(result, language)])


def workbench_facts(result: WorkbenchResult, language: str) -> str:
    one = result.measures
    if one is None:
        return " · ".join([duration(result.seconds, language), say("finish_cancelled", language)])
    parts = [f"{one.sampling_rate} Hz", say("audio_mono" if one.channels == 1 else "audio_stereo", language)]
    return " · ".join([*parts, duration(result.seconds, language)])


def _pace(result: SpeechResult | TranscribeResult | MusicResult, language: str) -> list[str]:
    parts = [duration(result.seconds, language)]
    if result.seconds > 0.05 and result.seconds_audio:
        parts.append(say("audio_pace", language, n=f"{result.seconds_audio / result.seconds:.1f}"))
    if result.seconds_load >= 0.1:
        parts.append(say("facts_load", language, n=duration(result.seconds_load, language)))
    if result.finish_reason == "cancelled":
        parts.append(say("finish_cancelled", language))
    return parts


def language_name(code: str, language: str) -> str:
    """ "Chinese" for "zh"; the code itself where nobody has named it."""
    word = f"tongue_{code.partition('-')[0].lower()}"
    return say(word, language) if word in WORDS else code


def key_name(key: str, language: str) -> str:
    """ "A minor" and "D" (which is major) in the person's language; anything else as it is."""
    tonic, _, mode = key.partition(" ")
    word = f"key_{mode or 'major'}"
    return say(word, language, tonic=tonic) if word in WORDS else key


def clock(seconds: float) -> str:
    """0:07, 1:02:09."""
    whole = max(0, int(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


# ── the stage ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def empty_stage(area: str, language: str) -> str:
    return f'<div class="stage stage-empty">{lists.empty(say(f"{area}_empty", language))}</div>'


def failed_stage(live: Live, language: str) -> str:
    return f'<div class="stage stage-failed" role="alert">{escape(error_line(live.error, language))}</div>'


def gone_stage(language: str) -> str:
    """It was stopped before there was anything, or it is gone."""
    return f'<div class="stage stage-empty">{lists.empty(escape(say("audio_none", language)))}</div>'


def working_stage(working: Working, language: str) -> str:
    """Sentences or text as they come, with the bar of the job."""
    live = working.live
    if live.heard:
        return f'<div class="stage stage-spoken">{meter(live, language)}{spoken(working.job.id, live.heard, language)}</div>'
    if live.text:
        return (
            f'<div class="stage stage-spoken">{meter(live, language)}<p class="written">{escape(live.text)}</p></div>'
        )
    wait = f'<div class="stage-wait">{escape(say("audio_soon", language))}</div>'
    return f'<div class="stage stage-working">{wait}{meter(live, language)}</div>'


def spoken(job_id: str, heard: Sequence[Heard], language: str) -> str:
    """What can be heard before the rest is made: its player, and its newest sentences."""
    rows = "".join(
        f'<li data-piece="{one.number}">{escape(one.text)}</li>' for one in heard[-SHOWN_WHILE_MADE:] if one.text
    )
    count = max(one.number for one in heard) + 1
    return (
        f'<div class="spoken" data-job="{escape(job_id)}" data-count="{count}">{_speech_buttons(language)}'
        f'<ol class="sentences">{rows}</ol></div>'
    )


def _speech_buttons(language: str) -> str:
    names = (("play", "speech_play"), ("pause", "speech_pause"), ("stop", "speech_stop"))
    buttons = "".join(
        f'<button type="button" class="item-button" data-speech="{act}">{escape(say(key, language))}</button>'
        for act, key in names
    )
    return f'<div class="item-actions speech-player">{buttons}</div>'


def sound_stage(sound: Sound, job_id: str, sentences: Sequence[Sentence], language: str) -> str:
    """The whole as a player; what is said in it can be pressed. Of `job_id` pieces may still be playing."""
    rows = "".join(_segment(one) for one in sentences)
    listed = f'<ol class="segments">{rows}</ol>' if rows else ""
    whole = f'data-job="{escape(job_id)}" data-count="{len(sentences)}" data-whole'
    pieces = f'<div class="spoken" {whole}>{_speech_buttons(language)}</div>'
    return f'<div class="stage stage-sound">{player(sound.url, language)}{pieces if sentences else ""}{listed}</div>'


def transcript_stage(url: str, segments: Sequence[Sentence], language: str) -> str:
    """What was heard, each segment to be pressed to hear it; `url` is the recording, "" where it was not kept."""
    if not segments:
        return f'<div class="stage stage-empty">{lists.empty(escape(say("listen_nothing", language)))}</div>'
    rows = "".join(_segment(one) for one in segments)
    heard = player(url, language) if url else ""
    return f'<div class="stage stage-sound">{heard}<ol class="segments">{rows}</ol></div>'


def _segment(one: Sentence) -> str:
    return (
        f'<li><button type="button" data-seek="{one.start_seconds:.2f}" data-until="{one.end_seconds:.2f}">'
        f'<span class="mono">{clock(one.start_seconds)}</span><span>{escape(one.text.strip())}</span></button></li>'
    )


def player(url: str, language: str) -> str:
    label = escape(say("audio_player", language))
    return f'<audio controls preload="metadata" src="{escape(url)}" aria-label="{label}"></audio>'


def music_stage(sound: Sound, result: MusicResult | None, language: str) -> str:
    roll = piano_roll(result.notes, result.seconds_audio, result.request.tempo, language) if result else ""
    return f'<div class="stage stage-sound">{player(sound.url, language)}{roll}</div>'


def piano_roll(notes: Sequence[Note], seconds: float, tempo: int | None, language: str) -> str:
    """Pitch upwards, time to the right, one line for each C; louder notes are fuller. A press plays from there."""
    if not notes:
        return ""
    low, high = min(one.pitch for one in notes) - 2, max(one.pitch for one in notes) + 2
    beats = max(max(one.start_beats + one.beats for one in notes), seconds * (tempo or 120) / 60)
    lanes = high - low + 1
    lines = "".join(
        f'<line x1="0" x2="{beats:.2f}" y1="{high - pitch + 1}" y2="{high - pitch + 1}"/>'
        for pitch in range(low, high + 1)
        if pitch % 12 == 0
    )
    bars = "".join(
        f'<rect x="{one.start_beats:.3f}" y="{high - one.pitch}" width="{max(one.beats - 0.04, 0.05):.3f}" height="1" '
        f'rx="0.1" opacity="{0.45 + 0.55 * one.velocity / 127:.2f}"/>'
        for one in notes
    )
    label = escape(say("audio_roll", language, n=len(notes)))
    return (
        f'<figure class="roll" data-beats="{beats:.3f}" data-tempo="{tempo or 120}">'
        f'<svg viewBox="0 0 {beats:.2f} {lanes}" preserveAspectRatio="none" role="img" aria-label="{label}">'
        f'<g class="octaves">{lines}</g><g class="notes">{bars}</g></svg><span class="playhead"></span></figure>'
    )


def workbench_stage(result: WorkbenchResult, pictures: Sequence[str], sound: Sound | None, language: str) -> str:
    """`pictures` are addresses of the waveform and the spectrogram."""
    names = ("bench_waveform", "bench_spectrogram")
    figures = "".join(
        f'<figure class="sound-picture"><figcaption>{escape(say(name, language))}</figcaption>'
        f'<img src="{escape(url)}" alt="{escape(say(name, language))}"></figure>'
        for name, url in zip(names, pictures, strict=False)
    )
    heard = player(sound.url, language) if sound is not None else ""
    told = measures(result.measures, language) if result.measures is not None else ""
    return f'<div class="stage stage-sound">{heard}{told}{figures}</div>'


def measures(one: Measures, language: str) -> str:
    """The figures, each with its name; what could not be found is left out."""
    rows = [
        ("bench_length", duration(one.seconds, language)),
        ("bench_peak", f"{one.peak:.1f} dBFS"),
        ("bench_rms", f"{one.rms:.1f} dBFS"),
        ("bench_loudness", f"{one.loudness:.1f} LUFS" if one.loudness is not None else ""),
        ("bench_tempo", say("audio_tempo", language, n=round(one.tempo)) if one.tempo is not None else ""),
        ("bench_key", key_name(one.key, language) if one.key_fit >= 0.5 else ""),
        ("bench_pitch", f"{one.pitch:.0f} Hz" if one.pitch is not None else ""),
        ("bench_clipped", say("bench_samples", language, n=one.clipped) if one.clipped else ""),
    ]
    parts = [
        f"<div><dt>{escape(say(key, language))}</dt><dd>{escape(value)}</dd></div>" for key, value in rows if value
    ]
    return f'<dl class="measures">{"".join(parts)}</dl>'


# ── what can be done with a result ────────────────────────────────────────────────────────────────────────────────────


def sound_actions(sound: Sound, language: str, *, is_starred: bool) -> str:
    """Use settings, send to, star, download."""
    if not sound.id:
        name = "sound.flac"
        links = f'<a class="item-button" href="{escape(sound.url)}" download="{name}">{escape(say("download", language))}</a>'
        return f'<div class="item-actions">{links}</div>'
    links = _links(sound.id, SOUND_FORMATS, language)
    if sound.midi_url:
        links += f'<a class="item-button" href="{escape(sound.midi_url)}" download="{escape(sound.id)}.mid">MIDI</a>'
    return f'<div class="item-actions">{_buttons("sound", sound.id, language, is_starred=is_starred)}{links}</div>'


def text_actions(
    creation_id: str, language: str, *, is_starred: bool, formats: Sequence[tuple[str, str]] = TEXT_FORMATS
) -> str:
    links = _links(creation_id, formats, language)
    return f'<div class="item-actions">{_buttons("text", creation_id, language, is_starred=is_starred)}{links}</div>'


def again_action(job_id: str, language: str) -> str:
    again = lists.button("again", job_id, say("run_again", language), classes="item-button strong")
    return f'<div class="item-actions">{again}</div>'


def _buttons(kind: str, creation_id: str, language: str, *, is_starred: bool) -> str:
    star = say("unstar" if is_starred else "star", language)
    parts = [lists.button("use", creation_id, say("use_settings", language))]
    parts.append(sending.menu(kind, creation_id, language))
    return "".join([*parts, lists.button("star", creation_id, star, is_pressed=is_starred)])


def _links(creation_id: str, formats: Sequence[tuple[str, str]], language: str) -> str:
    links = "".join(
        f'<a class="item-button" href="media/{escape(creation_id)}{suffix}" '
        f'download="{escape(creation_id)}.{name.lower()}" aria-label="{escape(say("download_as", language, name=name))}">{name}</a>'
        for name, suffix in formats
    )
    return f'<span class="mono">{escape(say("download", language))}</span>{links}'


# ── what was made before ──────────────────────────────────────────────────────────────────────────────────────────────


def recent(entries: Sequence[Item], area: str, language: str) -> str:
    if not entries:
        return lists.empty(escape(say(f"{area}_recent_empty", language)))
    return lists.recent_strip(entries, language)
