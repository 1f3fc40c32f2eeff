"""CSM, Dia, Bark, SpeechT5, Stable Audio and AudioLDM 2: tiny models of the real classes through the pipeline."""

import json
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy
import pytest

from pipelines.audio import AudioPipeline
from pipelines.errors.models import ModelDamaged, UnknownModel, UnsupportedModel
from pipelines.errors.requests import (
    EmptyPrompt,
    LongerThanModel,
    MadeAtOnce,
    NoRightToVoice,
    NoSuchVoice,
    NothingToSay,
    NoVoiceTaken,
    RightWithoutVoice,
    VoiceTooLong,
    WordsOfVoiceMissing,
)
from pipelines.families.dia import COMPANION, Dia
from pipelines.loading.hub.repository import Repository
from pipelines.loading.hub.transfer import RemoteFile
from pipelines.loading.seeding import TorchGenerator
from pipelines.sound.files import to_bytes
from pipelines.types.events import Progress, never
from pipelines.types.music import MusicRequest
from pipelines.types.sound import Wave
from pipelines.types.speech import SpeechRequest, SpeechResult
from tests.hub import LocalHub, ask_here
from tests.pipelines.tiny_sounds import save_audioldm2, save_stable_audio
from tests.pipelines.tiny_voices import save_bark, save_csm, save_dia, save_speecht5

SAVE: dict[str, Callable[[Path], Path]] = {
    "csm": save_csm,
    "dia": save_dia,
    "bark": save_bark,
    "speecht5": save_speecht5,
    "stable-audio": save_stable_audio,
    "audioldm2": save_audioldm2,
}
TEXT = "the dog. the dog."


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> AudioPipeline:
    models = tmp_path_factory.mktemp("voices") / "models"
    for name, save in SAVE.items():
        save(models / name)
    return AudioPipeline.on_this_machine(models, cache_folder=models.parent / "cache", device="cpu")


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Untrained models speak until they are stopped."""
    monkeypatch.setattr("pipelines.speech.speaking.LEAST_SECONDS", 1.5)
    monkeypatch.setattr("pipelines.speech.speaking.SECONDS_PER_CHARACTER", {False: 0.01, True: 0.01})


@pytest.fixture
def example(tmp_path: Path) -> Path:
    samples = numpy.sin(numpy.arange(24_000) / 9).astype(numpy.float32) * 0.4
    (tmp_path / "voice.wav").write_bytes(to_bytes(Wave(samples, 24_000)))
    return tmp_path / "voice.wav"


def differ(one: SpeechResult, other: SpeechResult) -> bool:
    shared = min(len(one.wave.samples), len(other.wave.samples))
    return len(one.wave.samples) != len(other.wave.samples) or bool(
        (one.wave.samples[:shared] != other.wave.samples[:shared]).any()
    )


def stop_after(looks: int) -> Callable[[], bool]:
    seen: list[int] = []

    def is_cancelled() -> bool:
        seen.append(1)
        return len(seen) > looks

    return is_cancelled


@pytest.mark.parametrize("name", ["csm", "dia", "bark", "speecht5"])
def test_it_speaks_by_its_seed_and_stops_in_the_middle_of_a_pass(audio, name):
    spec = audio.catalog.find(name)
    assert (spec.family, spec.tasks) == (name, ("speech",))
    asked = SpeechRequest(name, TEXT, seed=1)
    one = audio.generate(asked)
    assert one.finish_reason == "stop" and len(one.sentences) == (1 if name == "dia" else 2)
    assert abs(one.wave.samples).max() <= 1.0 and one.wave.samples.dtype == numpy.float32
    drawn = audio.generate(replace(asked, seed=None))
    assert not differ(drawn, audio.generate(drawn.request)), "its recipe makes it again"
    assert not differ(one, audio.generate(asked)) and differ(one, audio.generate(replace(asked, seed=2)))
    fast = audio.generate(replace(asked, speed=2.0))
    assert fast.seconds_audio == pytest.approx(one.seconds_audio / 2, abs=0.05)
    stopped = audio.generate(asked, is_cancelled=stop_after(9))
    assert stopped.finish_reason == "cancelled" and stopped.wave is None


def test_two_models_at_once_draw_the_lots_that_each_draws_alone(audio):
    """One speaks in the middle of the other's sentence, and lasts longer than it."""
    outer, inner = SpeechRequest("bark", "the dog.", seed=1), SpeechRequest("speecht5", "the dog.", seed=2)
    alone = [audio.generate(asked) for asked in (outer, inner)]
    has_begun, may_go_on = threading.Event(), threading.Event()
    looks: dict[str, int] = {"outer": 0, "inner": 0}
    said: list[Future[SpeechResult]] = []

    def wait_inside() -> bool:
        looks["inner"] += 1
        if looks["inner"] == 9:
            has_begun.set()
            may_go_on.wait(60)
        return False

    with ThreadPoolExecutor(1) as other:

        def begin_the_other() -> bool:
            looks["outer"] += 1
            if looks["outer"] == 9:
                said.append(other.submit(audio.generate, inner, is_cancelled=wait_inside))
                has_begun.wait(1)  # in vain where it has to wait for its turn
            return False

        here = audio.generate(outer, is_cancelled=begin_the_other)
        may_go_on.set()
        there = said[0].result()
    assert min(looks.values()) > 9 and not differ(here, alone[0]) and not differ(there, alone[1])


def test_who_waits_to_draw_lots_can_be_stopped(audio):
    asked = SpeechRequest("speecht5", "the dog.", seed=1)
    assert audio.generate(asked).finish_reason == "stop"  # and so it is loaded
    with ThreadPoolExecutor(1) as other, TorchGenerator.at(0, never):
        stopped = other.submit(audio.generate, asked, is_cancelled=stop_after(9)).result(60)
    assert stopped.finish_reason == "cancelled"


def test_a_dialogue_keeps_who_says_what():
    turns = Dia.cut(object.__new__(Dia), "[S1] Hello. [S2] Hi there. How are you? " * 5 + "Well?")
    texts = [piece.text for piece in turns]
    assert texts[0].startswith("[S1] Hello. [S2] Hi there. How are you? [S1] Hello.") and len(texts) > 1
    assert all(text[:4] in ("[S1]", "[S2]") and len(text) <= 200 for text in texts) and texts[-1].endswith("you? Well?")


@pytest.mark.parametrize("name", ["csm", "dia"])
def test_it_speaks_in_the_voice_of_an_example_with_the_right_to_it(audio, name, example, monkeypatch):
    asked = SpeechRequest(
        name, "the dog.", reference=str(example), reference_text="good day", has_right_to_voice=True, seed=1
    )
    in_that_voice = audio.generate(asked)
    assert in_that_voice.request.has_right_to_voice
    alone = audio.generate(replace(asked, reference="", reference_text="", has_right_to_voice=False))
    assert differ(in_that_voice, alone)
    with pytest.raises(NoRightToVoice):
        audio.generate(replace(asked, has_right_to_voice=False))
    with pytest.raises(WordsOfVoiceMissing):
        audio.generate(replace(asked, reference_text=" "))
    with pytest.raises(RightWithoutVoice):
        audio.generate(replace(asked, reference=""))
    loads: list[str] = []
    monkeypatch.setattr(audio, "lease", lambda spec, *_: loads.append(spec.id))
    stopped = audio.generate(asked, is_cancelled=lambda: True)
    assert stopped.finish_reason == "cancelled" and stopped.wave is None
    example.write_bytes(to_bytes(Wave(numpy.zeros(21 * 8000, numpy.float32), 8000)))
    with pytest.raises(VoiceTooLong):
        audio.generate(asked)
    assert loads == [], "what cannot be listened to is told before a model is loaded for it"


def test_signs_of_the_model_are_no_text(audio, example):
    asked = SpeechRequest("csm", "the <|AUDIO|>dog <|AU<|AUDIO|>DIO|> <placeholder>.", seed=1)
    said = audio.generate(asked)
    assert said.finish_reason == "stop" and [one.text for one in said.sentences] == ["the  dog <|AU DIO|>  ."]
    voice = replace(asked, reference=str(example), reference_text="<|AUDIO|>day<placeholder>", has_right_to_voice=True)
    assert differ(said, audio.generate(voice))
    with pytest.raises(NothingToSay):
        audio.generate(replace(asked, text="<|AUDIO|>"))


def test_half_precision_hears_an_example_and_makes_sound(audio, example):
    half = AudioPipeline(audio.catalog, audio.cache, audio.starters, replace(audio.place, dtype="bfloat16"))
    asked = SpeechRequest(
        "csm", "the dog.", reference=str(example), reference_text="day", has_right_to_voice=True, seed=1
    )
    noise = MusicRequest("stable-audio", "sound", "a dog", seconds=1.0, steps=2, seed=1)
    for made in (half.generate(asked), half.generate(replace(asked, model="dia")), half.generate(noise)):
        assert made.wave.samples.dtype == numpy.float32 and numpy.isfinite(made.wave.samples).all()


def test_others_take_no_voice_over_but_have_their_own(audio, example, monkeypatch):
    asked = SpeechRequest(
        "bark", "the dog.", reference=str(example), reference_text="good day", has_right_to_voice=True, seed=1
    )
    with monkeypatch.context() as patch:
        patch.setattr(audio, "lease", None)  # nothing is loaded for that
        for name in ("bark", "speecht5"):
            with pytest.raises(NoVoiceTaken):
                audio.generate(replace(asked, model=name))
    own = replace(asked, reference="", reference_text="", has_right_to_voice=False)
    assert differ(audio.generate(own), audio.generate(replace(own, voice="ann")))
    ann, bob, both = (
        audio.generate(replace(own, model="speecht5", voice=voice)) for voice in ("ann", "bob", "ann:1 bob:1")
    )
    assert differ(ann, bob) and differ(ann, both)
    with pytest.raises(NoSuchVoice):
        audio.generate(replace(own, voice="eve"))


def test_the_files_of_voices_are_fetched_and_a_voice_without_them_is_not_offered(audio, tmp_path, monkeypatch):
    folder = save_bark(tmp_path / "bark")
    with LocalHub() as hub:
        ask_here(monkeypatch, hub.address, tmp_path / "hub")
        hub.add("owner/bark", folder)
        said = audio.generate(SpeechRequest("owner/bark", "the dog.", voice="ann", seed=1))
    assert said.finish_reason == "stop" and said.seconds_audio > 0
    (folder / "speaker_embeddings" / "ann_fine_prompt.npy").unlink()
    with pytest.raises(NoSuchVoice):
        audio.generate(SpeechRequest(str(folder), "the dog.", voice="ann"))
    assert audio.generate(SpeechRequest(str(folder), "the dog.", seed=1)).finish_reason == "stop"


def test_a_codec_is_fetched_with_its_model_and_refused_with_it(audio, tmp_path, monkeypatch):
    folder = save_dia(tmp_path / "dia")
    codec = (folder / "dac_44khz").rename(tmp_path / "codec")
    with LocalHub() as hub:
        ask_here(monkeypatch, hub.address, tmp_path / "hub")
        with pytest.raises(UnknownModel, match="descript/dac_44khz"):
            audio.generate(SpeechRequest(str(folder), "the dog."))
        hub.add("owner/dia", folder)
        hub.add(COMPANION.location, codec).commit = COMPANION.revision
        before = audio.catalog.look("owner/dia").spec.size_bytes
        assert COMPANION.size_bytes < before < COMPANION.size_bytes + 20_000_000, (
            "the codec is counted until it is here"
        )
        said = audio.generate(SpeechRequest("owner/dia", "the dog.", seed=1))
    assert said.finish_reason == "stop" and said.seconds_audio > 0


def test_the_weights_that_a_config_names_for_transformers_are_fetched():
    names = ("config.json", "model.safetensors", "transformers-00001-of-00001.safetensors")
    files = tuple(RemoteFile(name, 9) for name in (*names, "transformers.safetensors.index.json"))
    named = Repository("o/m", "c", files, {"transformers_weights": "transformers.safetensors.index.json"}).needed()
    assert [file.name for file in named] == [names[0], "transformers.safetensors.index.json", names[2]]
    assert [file.name for file in Repository("o/m", "c", files).needed()][-1] == "model.safetensors"


def test_a_codec_without_weights_is_damaged(audio, tmp_path):
    folder = save_dia(tmp_path / "dia")
    weights = folder / "dac_44khz" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:500])
    with pytest.raises(ModelDamaged):
        audio.generate(SpeechRequest(str(folder), "the dog."))


@pytest.mark.parametrize("name", ["stable-audio", "audioldm2"])
def test_sounds_come_out_of_noise(audio, name):
    spec = audio.catalog.find(name)
    assert (spec.family, spec.tasks) == ("sound_diffusion", ("music", "sound"))
    asked = MusicRequest(name, task="sound", prompt="a dog barks", seconds=1.0, steps=3, seed=1)
    events: list = []
    one = audio.generate(asked, events.append)
    assert one.finish_reason == "stop" and one.seconds_audio == pytest.approx(1.0, abs=0.05) and not one.midi
    told = [(event.done, event.total, event.unit) for event in events if isinstance(event, Progress)]
    assert told == [(1, 3, "steps"), (2, 3, "steps"), (3, 3, "steps")]
    numpy.testing.assert_array_equal(one.wave.samples, audio.generate(asked).wave.samples)
    assert (one.wave.samples != audio.generate(replace(asked, seed=2)).wave.samples).any()
    assert (one.wave.samples != audio.generate(replace(asked, prompt="a gag")).wave.samples).any()
    stopped = audio.generate(replace(asked, steps=500), is_cancelled=stop_after(30))
    assert stopped.finish_reason == "cancelled" and stopped.wave is None
    for wrong, error in (
        ({"seconds": 60.0}, LongerThanModel),
        ({"melody": "song.mid"}, MadeAtOnce),
        ({"prompt": " "}, EmptyPrompt),
    ):
        with pytest.raises(error):
            audio.generate(replace(asked, **wrong))


def test_parts_of_another_model_are_told(audio, tmp_path):
    folder = save_audioldm2(tmp_path / "mixed")
    (folder / "vocoder").rename(tmp_path / "vocoder")
    copytree(folder / "vae", folder / "vocoder")
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps({**index, "vocoder": index["vae"]}))
    with pytest.raises(ModelDamaged):
        audio.generate(MusicRequest(str(folder), "sound", "a dog barks", seconds=1.0, steps=1))


def test_a_class_for_sound_that_diffusers_has_given_up_is_named(audio, tmp_path):
    folder = save_audioldm2(tmp_path / "old")
    index = folder / "model_index.json"
    index.write_text(index.read_text().replace("AudioLDM2Pipeline", "MusicLDMPipeline"))
    with pytest.raises(UnsupportedModel, match="MusicLDMPipeline"):
        audio.catalog.find(str(folder))
