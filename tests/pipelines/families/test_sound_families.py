"""Families of sound over transformers: tiny models of the real classes, with random weights, through the pipeline."""

import json
from dataclasses import replace
from pathlib import Path

import numpy
import pytest

from pipelines.audio import AudioPipeline
from pipelines.errors.models import AdapterMismatch, ModelDamaged, NeedsProgram, UnsafeModel
from pipelines.errors.requests import EmptyPrompt, NoSuchKey, NoSuchVoice
from pipelines.sound.files import to_bytes
from pipelines.types.adapter import Adapter
from pipelines.types.events import Progress, ignore
from pipelines.types.music import MusicRequest
from pipelines.types.sound import Wave
from pipelines.types.speech import SpeechRequest
from pipelines.types.transcription import TranscribeRequest
from tests.pipelines.tiny_sounds import save_musicgen

LANGUAGES = ("en", "zh", "de")


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sounds") / "models"


@pytest.fixture(scope="module")
def audio(models: Path) -> AudioPipeline:
    return AudioPipeline.on_this_machine(models, cache_folder=models.parent / "cache", device="cpu")


def save_vits(folder: Path, speakers: int = 1) -> Path:
    """Five thousand numbers, and a tokenizer of letters."""
    import torch
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    folder.mkdir(parents=True)
    letters = ["_", *"abcdefghijklmnopqrstuvwxyz '-,.", "<unk>"]
    (folder / "vocab.json").write_text(json.dumps({letter: number for number, letter in enumerate(letters)}))
    tokenizer = VitsTokenizer(
        str(folder / "vocab.json"), pad_token="_", unk_token="<unk>", phonemize=False, is_uroman=False
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = VitsConfig(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=16, flow_size=16,
        spectrogram_bins=9, duration_predictor_num_flows=2, duration_predictor_filter_channels=16,
        prior_encoder_num_flows=2, prior_encoder_num_wavenet_layers=1, posterior_encoder_num_wavenet_layers=1,
        upsample_initial_channel=16, upsample_rates=[8, 8], upsample_kernel_sizes=[16, 16], resblock_kernel_sizes=[3],
        resblock_dilation_sizes=[[1, 3]], depth_separable_num_layers=1, num_speakers=speakers,
        speaker_embedding_size=8 if speakers > 1 else 0, sampling_rate=16_000,
    )  # fmt: skip
    VitsModel(config).save_pretrained(folder)
    return folder


def save_whisper(folder: Path) -> Path:
    """Bytes as tokens, three languages, two layers."""
    import torch
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
    from transformers import (
        GenerationConfig,
        PreTrainedTokenizerFast,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
    )

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|startoftranscript|>", *(f"<|{code}|>" for code in LANGUAGES), "<|translate|>"]
    special += ["<|transcribe|>", "<|startofprev|>", "<|nospeech|>", "<|notimestamps|>"]
    times = [f"<|{0.02 * number:.2f}|>" for number in range(1501)]
    made = Tokenizer(models.BPE(vocab={sign: number for number, sign in enumerate(alphabet)}, merges=[]))
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    made.add_tokens([AddedToken(token, special=True, normalized=False) for token in (*special, *times)])
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, eos_token=special[0], pad_token=special[0])
    tokenizer.save_pretrained(folder)
    number = made.token_to_id
    config = WhisperConfig(
        vocab_size=made.get_vocab_size(), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_target_positions=64, num_mel_bins=80,
        decoder_start_token_id=number("<|startoftranscript|>"), eos_token_id=number("<|endoftext|>"),
        pad_token_id=number("<|endoftext|>"), bos_token_id=number("<|endoftext|>"), suppress_tokens=[],
        begin_suppress_tokens=[],
    )  # fmt: skip
    torch.manual_seed(0)
    model = WhisperForConditionalGeneration(config)
    model.generation_config = GenerationConfig(
        decoder_start_token_id=number("<|startoftranscript|>"), eos_token_id=number("<|endoftext|>"),
        pad_token_id=number("<|endoftext|>"), is_multilingual=True, max_length=48, max_initial_timestamp_index=50,
        no_timestamps_token_id=number("<|notimestamps|>"), prev_sot_token_id=number("<|startofprev|>"),
        lang_to_id={f"<|{code}|>": number(f"<|{code}|>") for code in LANGUAGES},
        task_to_id={"transcribe": number("<|transcribe|>"), "translate": number("<|translate|>")}, return_timestamps=False,
    )  # fmt: skip
    model.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("noise") / "noise.wav"
    samples = numpy.random.default_rng(0).uniform(-0.5, 0.5, 16_000 * 33).astype(numpy.float32)
    path.write_bytes(to_bytes(Wave(samples, 16_000)))
    return path


def test_vits_speaks(models, audio):
    save_vits(models / "voice")
    spec = audio.catalog.find("voice")
    assert (spec.family, spec.tasks) == ("vits", ("speech",))
    one = audio.generate(SpeechRequest("voice", "Hello there. How are you?", seed=1))
    again = audio.generate(SpeechRequest("voice", "Hello there. How are you?", seed=1))
    other = audio.generate(SpeechRequest("voice", "Hello there. How are you?", seed=2))
    assert len(one.sentences) == 2 and one.wave.sampling_rate == 16_000
    assert abs(one.wave.samples).max() <= 1.0
    numpy.testing.assert_array_equal(one.wave.samples, again.wave.samples)
    assert len(one.wave.samples) != len(other.wave.samples) or (one.wave.samples != other.wave.samples).any()
    slow = audio.generate(SpeechRequest("voice", "Hello there. How are you?", seed=1, speed=0.5))
    assert slow.seconds_audio > 1.3 * one.seconds_audio
    with pytest.raises(NoSuchVoice):
        audio.generate(SpeechRequest("voice", "Hello.", voice="1"))
    with pytest.raises(AdapterMismatch):
        audio.lease(spec, (Adapter(str(models / "voice")),), ignore).__enter__()


def test_vits_of_several_speakers(models, audio):
    save_vits(models / "choir", speakers=3)
    one, other = (audio.generate(SpeechRequest("choir", "Hello.", voice=voice, seed=1)) for voice in ("0", "2"))
    assert len(one.wave.samples) != len(other.wave.samples) or (one.wave.samples != other.wave.samples).any()


def test_vits_that_needs_a_program_says_so(models, audio):
    folder = save_vits(models / "phonemes")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "tokenizer_config.json").write_text(json.dumps({**settings, "phonemize": True}))
    with pytest.raises(NeedsProgram, match="espeak"):
        audio.generate(SpeechRequest("phonemes", "Hello."))


def test_whisper_listens(models, audio, noise):
    save_whisper(models / "ears")
    spec = audio.catalog.find("ears")
    assert (spec.family, spec.tasks) == ("whisper", ("transcribe", "translate-speech"))
    found = audio.generate(TranscribeRequest("ears", audio=str(noise)))
    assert found.language in LANGUAGES and 1 / 3 < found.language_probability <= 1
    assert found.finish_reason == "stop" and found.seconds_audio == pytest.approx(33, abs=0.01)
    assert all(0 <= part.start_seconds <= part.end_seconds <= 33.01 for part in found.segments)
    asked = audio.generate(TranscribeRequest("ears", "translate-speech", audio=str(noise), language="de"))
    assert (asked.language, asked.language_probability) == ("de", 1.0)


def damaged(folder: Path, target: Path, name: str, content: bytes) -> Path:
    """A copy of a starter with one other file."""
    target.mkdir(parents=True)
    for file in folder.iterdir():
        (target / file.name).symlink_to(file)
    (target / name).unlink()
    (target / name).write_bytes(content)
    return target


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("model.onnx", b"\x08\x09" + bytes(range(256)) * 8000),
        ("model.onnx", b"\x08\x09"),
        ("voices.npz", b"PK\x05\x06" + bytes(18)),
        ("voices.npz", b"no table"),
        ("config.json", b'{"vocab": {}, "auto_map": {"x": "y"}}'),
    ],
)
def test_a_damaged_kokoro_is_told(models, audio, kokoro_folder, tmp_path, name, content):
    folder = damaged(kokoro_folder, tmp_path / "kokoro", name, content)
    with pytest.raises((ModelDamaged, UnsafeModel)):
        audio.generate(SpeechRequest(str(folder), "Hello."))


@pytest.mark.parametrize(
    ("name", "content"), [("tokenizer.json", b"{}"), ("model.bin", b"\6\0\0\0\x0c\0WhisperSpec\0")]
)
def test_a_damaged_whisper_is_told(models, audio, whisper_folder, tmp_path, noise, name, content):
    folder = damaged(whisper_folder, tmp_path / "whisper", name, content)
    with pytest.raises(ModelDamaged):
        audio.generate(TranscribeRequest(str(folder), audio=str(noise)))


def test_whisper_without_weights_is_damaged(models, audio, noise):
    folder = save_whisper(models / "deaf")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:2000])
    with pytest.raises(ModelDamaged):
        audio.generate(TranscribeRequest("deaf", audio=str(noise)))


def test_musicgen_makes_the_sound_of_words_and_goes_on(models, audio, monkeypatch, tmp_path):
    save_musicgen(models / "band")
    assert (audio.catalog.find("band").family, audio.catalog.find("band").tasks) == ("musicgen", ("music",))
    monkeypatch.setattr("pipelines.families.musicgen.MusicGen.longest_seconds", 4.0)
    monkeypatch.setattr("pipelines.music.performing.HEARD_SECONDS", 1.0)
    asked = MusicRequest("band", prompt="a slow waltz", key="D", seconds=6.0, seed=3)
    events: list = []
    one = audio.generate(asked, events.append)
    assert one.finish_reason == "stop" and one.notes == () and one.wave.sampling_rate == 1600
    assert one.seconds_audio == pytest.approx(6.0, abs=0.01)
    told = [event.done for event in events if isinstance(event, Progress)]
    assert told == sorted(told) and told[-1] == 6
    numpy.testing.assert_array_equal(one.wave.samples, audio.generate(asked).wave.samples)
    assert (one.wave.samples[:3000] != audio.generate(replace(asked, seed=4)).wave.samples[:3000]).any()
    assert (one.wave.samples[:3000] != audio.generate(replace(asked, prompt="waltz")).wave.samples[:3000]).any()

    # what is given stands at the beginning
    given = numpy.sin(numpy.arange(1600) / 5).astype(numpy.float32) / 2
    (tmp_path / "given.wav").write_bytes(to_bytes(Wave(given, 1600)))
    after = audio.generate(replace(asked, melody=str(tmp_path / "given.wav"), seconds=2.0))
    assert after.seconds_audio == pytest.approx(3.0, abs=0.01)
    numpy.testing.assert_allclose(after.wave.samples[:1600], given, atol=1e-3)
    alone = audio.generate(replace(asked, seconds=2.0)).wave.samples
    assert (after.wave.samples[1600:][: len(alone)] != alone[: len(after.wave.samples) - 1600]).any(), "it was heard"


def test_musicgen_stops_and_refuses(models, audio):
    save_musicgen(models / "stereo", channels=2)
    steps: list = []
    asked = MusicRequest("stereo", prompt="a waltz", seconds=20.0, seed=1)
    stopped = audio.generate(asked, steps.append, lambda: len(steps) > 30)
    assert stopped.finish_reason == "cancelled" and stopped.wave is None and len(steps) < 40
    assert audio.generate(replace(asked, seconds=1.0)).seconds_audio == pytest.approx(1.0, abs=0.06)
    with pytest.raises(EmptyPrompt):
        audio.generate(replace(asked, prompt=" "))
    with pytest.raises(NoSuchKey):
        audio.generate(replace(asked, key="H"))
