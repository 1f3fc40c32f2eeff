"""A LoRA of a tiny language model: it learns, resumes to the bit, and changes what its base says in the Text tab."""

import json
from dataclasses import replace

import pytest
from safetensors.torch import load_file

from pipelines.errors.models import UnknownModel
from pipelines.errors.training import BaseNotTrainable
from pipelines.text import TextPipeline
from pipelines.training.datasets import python_docs
from pipelines.training.metrics import read_metrics
from pipelines.training.run import run
from pipelines.types.adapter import Adapter
from pipelines.types.text import Sampling, TextRequest
from pipelines.types.training import TrainRequest
from tests.pipelines.tiny_texts import save_causal
from tests.pipelines.training.short import data_of
from tests.pipelines.training.tiny_course import Wishes

pytestmark = pytest.mark.usefixtures("one_thread")
RUN = "0" * 32
SETTINGS = {"plan.steps": 40, "plan.learning_rate": 0.02, "context": 24, "batch": 8}
ASKED = TrainRequest("causal_lm", "python_docs", SETTINGS, model="tiny-base", name="style", run=RUN)


@pytest.fixture
def home(tmp_path, monkeypatch):
    texts = data_of("texts")
    monkeypatch.setattr(python_docs, "load", lambda packages: texts)
    save_causal(tmp_path / "models" / "tiny-base")
    return tmp_path


def test_it_learns_and_is_laid_over_its_base(home):
    # 1 Trained: the first row is the base itself
    result = run(ASKED, home / "runs" / RUN)
    untrained = read_metrics(home / "runs" / RUN / "metrics.jsonl")[0]["perplexity"]
    assert result.metrics["perplexity"] < 0.9 * untrained

    # 2 A peft folder that names its base, and no weight of it
    place = home / "models" / result.model
    config = json.loads((place / "adapter_config.json").read_text())
    assert (config["peft_type"], config["base_model_name_or_path"]) == ("LORA", "tiny-base")
    assert all("lora_" in name for name in load_file(place / "adapter_model.safetensors"))
    assert json.loads((place / "model.json").read_text())["base"] == "tiny-base"

    # 3 In use
    pipeline = TextPipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")
    request = TextRequest(
        "tiny-base", "continue", text="the class", sampling=Sampling(temperature=0.0, max_new_tokens=16)
    )
    plain = pipeline.generate(request)
    tuned = pipeline.generate(replace(request, adapters=(Adapter(result.model),)))
    assert tuned.text != plain.text


def test_stopped_and_resumed_it_ends_with_the_same_bits(home):
    asked = replace(ASKED, settings={**SETTINGS, "plan.steps": 6})
    for name, stops in (("whole", ()), ("parts", (2, 1))):
        folder = home / name / "runs" / RUN
        (home / name / "models").mkdir(parents=True)
        (home / name / "models" / "tiny-base").symlink_to(home / "models" / "tiny-base")
        for stop in stops:
            assert run(asked, folder, commands=Wishes(stop)).finish_reason == "saved"
        run(asked, folder)
    weights = [
        (home / name / "models" / "style" / "adapter_model.safetensors").read_bytes() for name in ("whole", "parts")
    ]
    assert weights[0] == weights[1]


def test_a_base_that_is_not_there_or_cannot_be_trained_is_said(home):
    with pytest.raises(UnknownModel):
        run(replace(ASKED, model="nobody knows it"), home / "runs" / RUN)
    with pytest.raises(BaseNotTrainable):
        run(replace(ASKED, model="lanczos", run="1" * 32), home / "runs" / ("1" * 32))
