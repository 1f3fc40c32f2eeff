"""A sound in, classes out: what a trained model says, of its pieces and of a longer sound, and what spoke for it."""

import base64
import io
from pathlib import Path

import numpy
import pytest
import torch
from PIL import Image

from pipelines.base import open_catalog
from pipelines.errors.models import WrongTask
from pipelines.errors.requests import MissingSound, UnreadableSound
from pipelines.families import sound_classifier
from pipelines.loading.inspection.weights import check_model
from pipelines.loading.placement.devices import CPU
from pipelines.recognition.classification import ClassificationPipeline
from pipelines.sound.files import to_bytes
from pipelines.training.datasets import instruments
from pipelines.training.run import run
from pipelines.types.classification import SOUND_LIMIT_SECONDS, ClassifySoundRequest
from pipelines.types.events import ignore
from pipelines.types.model import ModelSpec
from pipelines.types.sound import Wave
from pipelines.types.training import TrainRequest

pytestmark = pytest.mark.usefixtures("one_thread")
RUN = "0" * 32
RATE = 16_000
SETTINGS = {"plan.steps": 2, "plan.ema_decay": 0.0, "seconds": 0.96, "mels": 32, "width": 16, "layers": 1, "batch": 4}


def noise(seconds: float, seed: int = 0) -> numpy.ndarray:
    return numpy.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * RATE)).astype(numpy.float32)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a sound classifier of two steps."""
    home, made = tmp_path_factory.mktemp("home"), instruments.play(10)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(instruments, "load", lambda packages: made)
        run(TrainRequest("sound_classifier", "instruments", SETTINGS, name="Notes", run=RUN), home / "runs" / RUN)
    return home


@pytest.fixture
def pipeline(home: Path) -> ClassificationPipeline:
    return ClassificationPipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")


def test_a_trained_model_is_found_and_answers(home: Path, pipeline: ClassificationPipeline, tmp_path: Path) -> None:
    catalog = open_catalog(home / "models", cache_folder=home / "cache")
    assert [(row.id, row.family) for row in catalog.rows("classify-sound")] == [("notes", "sound_classifier")]

    # Stereo at another rate, and without a name that says what it is
    (tmp_path / "sound").write_bytes(to_bytes(Wave(numpy.stack([noise(0.7), noise(0.7)], 1), 22_050)))
    result = pipeline.generate(ClassifySoundRequest("notes", str(tmp_path / "sound")))
    assert len(result.likelihoods) == 8
    assert sum(one.probability for one in result.likelihoods) == pytest.approx(1, abs=1e-4)
    probabilities = [one.probability for one in result.likelihoods]
    assert probabilities == sorted(probabilities, reverse=True)
    with Image.open(io.BytesIO(base64.b64decode(result.looked_at))) as shown:
        assert shown.size == (224, 224)


def test_what_cannot_be_told_is_refused(pipeline: ClassificationPipeline, tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(UnreadableSound):
        pipeline.generate(ClassifySoundRequest("notes", str(tmp_path / "a.wav")))
    (tmp_path / "long.wav").write_bytes(to_bytes(Wave(numpy.zeros(round(SOUND_LIMIT_SECONDS + 1) * 2000), 2000)))
    with pytest.raises(UnreadableSound, match="longer than 2 minutes"):
        pipeline.generate(ClassifySoundRequest("notes", str(tmp_path / "long.wav")))
    with pytest.raises(MissingSound):
        pipeline.generate(ClassifySoundRequest("notes"))
    with pytest.raises(WrongTask):
        pipeline.generate(ClassifySoundRequest("openmoji-128", str(tmp_path / "a.wav")))


# ── the family ────────────────────────────────────────────────────────────────────────────────────────────────────────


def loaded(folder: Path) -> sound_classifier.SoundClassifier:
    spec = ModelSpec("mine", "Mine", "sound_classifier", ("classify-sound",), "folder", str(folder))
    weights = check_model(folder, "mine")
    assert sound_classifier.serves(weights.architectures, weights.file_format)
    return sound_classifier.load(spec, weights, CPU, (), ignore)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model as it may come from anywhere: it hears 64 frames, 0.655 s, of 32 bands, and nobody says how it was trained."""
    from transformers import ASTConfig, ASTFeatureExtractor, ASTForAudioClassification

    torch.manual_seed(0)
    config = ASTConfig(
        hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=32, patch_size=16, frequency_stride=16,
        time_stride=16, max_length=64, num_mel_bins=32, id2label={0: "wind", 1: "rain", 2: "hail"}, initializer_range=0.5,
    )  # fmt: skip
    ASTForAudioClassification(config).save_pretrained(tmp_path)
    ASTFeatureExtractor(num_mel_bins=32, max_length=64).save_pretrained(tmp_path)
    return tmp_path


def test_it_says_what_transformers_says(folder: Path) -> None:
    from transformers import pipeline

    sound = noise(0.5)
    said = {one["label"]: one["score"] for one in pipeline("audio-classification", model=str(folder))(sound)}
    model = loaded(folder)
    told, seen, heat = model.classify(Wave(sound, RATE))
    assert model.labels == ("wind", "rain", "hail")
    assert dict(zip(model.labels, told, strict=True)) == pytest.approx(said, abs=1e-4)
    assert (seen.size, heat.shape) == ((64, 32), (2, 4))
    assert heat.min() >= 0 and heat.max() == pytest.approx(1)


def test_a_longer_sound_is_the_mean_of_its_pieces(folder: Path) -> None:
    model, piece = loaded(folder), 10_480  # samples
    first, second = noise(1, 1)[:piece], noise(1, 2)[:piece] * 0.01
    each = [model.classify(Wave(one, RATE)) for one in (first, second)]
    rest = first[: piece // 3]  # too short to be heard beside them
    told, seen, _ = model.classify(Wave(numpy.concatenate([first, second, rest]), RATE))
    assert told == pytest.approx([(a + b) / 2 for a, b in zip(each[0][0], each[1][0], strict=True)], abs=1e-4)

    best = told.index(max(told))
    surest = max(each, key=lambda one: one[0][best])
    assert seen.tobytes() == surest[1].tobytes()


def test_what_is_short_is_followed_by_silence_as_in_its_training(home: Path) -> None:
    model = loaded(home / "models" / "notes")
    short = noise(0.2)
    filled = numpy.pad(short, (0, round(0.96 * RATE) - len(short)))
    assert model.classify(Wave(short, RATE))[0] == model.classify(Wave(filled, RATE))[0]
    assert loaded(home / "models" / "notes").classify(Wave(short[:10], RATE))[0]
