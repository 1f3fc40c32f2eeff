"""Every trainer with settings so small that it takes seconds, and the data it learns from: real, and here without a download."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

from pipelines.music.score import words_of
from pipelines.training.data import Data, Texts, find_datasets
from pipelines.training.datasets import docstrings, instruments
from pipelines.training.trainer import changed, find_trainers
from tests.pipelines.tiny_concepts import tiny_concepts
from tests.pipelines.tiny_drawings import tiny_drawings
from tests.pipelines.tiny_tunes import tiny_tunes

SETTINGS: dict[str, dict[str, Any]] = {
    "cnn": {"plan.steps": 100, "plan.ema_decay": 0.9, "side": 32, "width": 8, "stages": 2, "batch": 24},
    "resnet": {"plan.steps": 60, "plan.ema_decay": 0.9, "side": 32, "width": 8, "batch": 24},
    "vae": {"plan.steps": 250, "plan.learning_rate": 0.004, "plan.ema_decay": 0.9, "side": "8", "width": 16, "beta": 0.2, "batch": 32},
    "dcgan": {"plan.steps": 600, "plan.learning_rate": 0.001, "plan.ema_decay": 0.95, "side": "8", "width": 32, "latent": 16, "batch": 32},
    "wgan_gp": {"plan.steps": 300, "plan.learning_rate": 0.002, "plan.ema_decay": 0.95, "side": "8", "width": 32, "latent": 16, "batch": 32},
    "latent_diffusion": {"plan.steps": 80, "plan.learning_rate": 0.004, "plan.ema_decay": 0.9, "side": "16", "width": 32, "batch": 16},
    "char_transformer": {"plan.steps": 180, "plan.ema_decay": 0.9, "context": 48, "width": 64, "layers": 2, "batch": 16},
    "lstm": {"plan.steps": 250, "plan.ema_decay": 0.9, "context": 48, "width": 128, "batch": 24},
    "bert_mlm": {"plan.steps": 250, "plan.learning_rate": 0.005, "plan.ema_decay": 0.9, "context": 16, "width": 64, "layers": 1, "vocabulary": 400, "batch": 48},
    "bert_classifier": {"plan.steps": 90, "plan.learning_rate": 0.005, "plan.ema_decay": 0.8, "context": 32, "width": 32, "layers": 1, "vocabulary": 600, "batch": 24},
    "lstm_classifier": {"plan.steps": 50, "plan.learning_rate": 0.01, "plan.ema_decay": 0.8, "context": 32, "width": 32, "vocabulary": 600, "batch": 24},
    "sound_classifier": {"plan.steps": 100, "plan.ema_decay": 0.8, "seconds": 0.96, "batch": 16},
    "note_transformer": {"plan.steps": 200, "plan.learning_rate": 0.01, "plan.ema_decay": 0.9, "context": 64, "width": 32, "layers": 2, "heads": 2, "batch": 12},
    "captioner": {"plan.steps": 60, "plan.ema_decay": 0.9, "plan.bf16": False, "side": 32, "width": 8, "blocks": 1, "layers": 1, "heads": 2, "vocabulary": 100, "batch": 24, "named": 12, "easy": 1.0},
    "fusion": {"plan.steps": 90, "plan.ema_decay": 0.9, "plan.bf16": False, "dimension": 32, "rows": 512, "width": 8, "side": 32, "batch": 24, "listening": 0.2},
}  # fmt: skip


def settings_of(name: str, steps: int | None = None) -> Any:
    """`steps`: fewer of them, for what does not have to learn anything."""
    wanted = SETTINGS[name] if steps is None else {**SETTINGS[name], "plan.steps": steps}
    return changed(name, find_trainers()[name].PRESETS["cpu"], wanted)


@cache
def data_of(kind: str) -> Data:
    if kind == "named pictures":
        return tiny_drawings()
    if kind.endswith("pictures"):
        return find_datasets()["digits"].load(Path("unused"))
    if kind == "scores":
        tunes = tuple(" ".join(words_of(tune)) for tune in tiny_tunes(60))
        return Texts(tunes[:50], tunes[50:])
    if kind == "concepts":
        return tiny_concepts()
    if kind == "labelled sounds":
        return instruments.play(30)
    if kind == "labelled texts":
        return docstrings.read({"pictures": "PIL", "noise schedules": "diffusers/schedulers"})
    texts = find_datasets()["python_docs"].load(Path("unused"))
    return replace(texts, texts=texts.texts[:60], held_out=texts.held_out[:6])
