"""A tiny language model tuned by each method: it learns, resumes to the bit, and changes what its base says in the Text tab."""

import json
from dataclasses import replace

import pytest
from safetensors.torch import load_file

from pipelines.errors.models import AdapterMismatch, UnknownModel
from pipelines.errors.training import BaseNotTrainable, CannotMerge, NetworkTooLarge
from pipelines.text import TextPipeline
from pipelines.training.base_model import find_base
from pipelines.training.datasets import python_docs
from pipelines.training.merge import MergePipeline
from pipelines.training.metrics import read_metrics
from pipelines.training.run import run
from pipelines.training.trainer import changed
from pipelines.training.trainers import causal_lm
from pipelines.types.adapter import Adapter
from pipelines.types.merge import MergeRequest
from pipelines.types.text import Sampling, TextRequest
from pipelines.types.training import TrainRequest
from tests.pipelines.tiny_texts import save_causal
from tests.pipelines.training.short import data_of
from tests.pipelines.training.tiny_course import Wishes

pytestmark = pytest.mark.usefixtures("one_thread")
RUN = "0" * 32
PROMPT, GREEDY = "the class", Sampling(temperature=0.0, max_new_tokens=16, repetition_penalty=1.0)
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
    untrained = read_metrics(home / "runs" / RUN / "metrics.jsonl")[0]["held_out_loss"]
    assert result.metrics["held_out_loss"] < untrained - 0.1

    # 2 A peft folder that names its base, and no weight of it
    place = home / "models" / result.model
    config = json.loads((place / "adapter_config.json").read_text())
    assert (config["peft_type"], config["base_model_name_or_path"]) == ("LORA", "tiny-base")
    assert all("lora_" in name for name in load_file(place / "adapter_model.safetensors"))
    assert json.loads((place / "model.json").read_text())["base"] == "tiny-base"

    # 3 In use
    pipeline = TextPipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")
    request = TextRequest("tiny-base", "continue", text=PROMPT, sampling=GREEDY)
    plain = pipeline.generate(request)
    tuned = pipeline.generate(replace(request, adapters=(Adapter(result.model),)))
    assert tuned.text != plain.text


def test_a_prefix_says_in_the_text_tab_what_it_says_in_training(home):
    """Its keys and values are laid before the base without peft, and come to the same as with it."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    # 1 Trained
    result = run(replace(ASKED, settings={**SETTINGS, "method": "prefix", "prefix": 6}), home / "runs" / RUN)
    untrained = read_metrics(home / "runs" / RUN / "metrics.jsonl")[0]["held_out_loss"]
    assert result.metrics["held_out_loss"] < untrained - 0.05
    place = home / "models" / result.model
    assert load_file(place / "adapter_model.safetensors").keys() == {"prompt_embeddings"}

    # 2 As peft has it
    tokenizer = AutoTokenizer.from_pretrained(home / "models" / "tiny-base")
    base = AutoModelForCausalLM.from_pretrained(home / "models" / "tiny-base", dtype=torch.float32)
    asked = tokenizer(PROMPT, return_tensors="pt")
    made = PeftModel.from_pretrained(base, place).generate(**asked, max_new_tokens=16, do_sample=False, pad_token_id=0)
    expected = made[0, asked["input_ids"].shape[1] :].tolist()

    # 3 As the tab has it
    pipeline = TextPipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")
    request = TextRequest("tiny-base", "continue", text=PROMPT, sampling=GREEDY, adapters=(Adapter(result.model),))
    with pipeline.lease(pipeline.catalog.find("tiny-base"), request.adapters, lambda event: None) as model:
        pieces = model.stream(model.encode(PROMPT), replace(GREEDY, seed=1), lambda: False)
        assert [token for piece in pieces for token in piece.token_ids] == expected
    assert pipeline.generate(request).text != pipeline.generate(replace(request, adapters=())).text
    assert pipeline.generate(replace(request, text="the class " * 200)).text  # which is read in parts

    # 4 It stands there or does not, and changes no weights
    with pytest.raises(AdapterMismatch):
        pipeline.generate(replace(request, adapters=(Adapter(result.model, 0.5),)))
    with pytest.raises(CannotMerge):
        MergePipeline.beside(pipeline).generate(MergeRequest("tiny-base", result.model))


def test_an_adapter_merged_into_its_base_says_the_same_as_over_it(home):
    # 1 Merged: a model of its own that knows where it comes from
    adapter = run(ASKED, home / "runs" / RUN).model
    merging = MergePipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")
    merged = merging.generate(MergeRequest("tiny-base", adapter)).model
    facts = json.loads((home / "models" / merged / "model.json").read_text())
    assert (facts["merged_from"], facts["base"], facts["run"]) == (adapter, "tiny-base", RUN)
    assert "is_adapter" not in facts
    assert "- Base: `tiny-base`" in (home / "models" / merged / "README.md").read_text()

    # 2 The same words
    request = TextRequest("tiny-base", "continue", text=PROMPT, sampling=GREEDY, adapters=(Adapter(adapter),))
    pipeline = TextPipeline.beside(merging)
    assert pipeline.generate(replace(request, model=merged, adapters=())).text == pipeline.generate(request).text

    # 3 Again: another name, and what a killed one has left is cleared. What was not trained over it, and what was merged already, is refused; nothing is left behind
    (home / "models" / ".merging-killed").mkdir()
    assert merging.generate(MergeRequest("tiny-base", adapter)).model == f"{merged}-2"
    for wrong in ("nobody", merged, "../models"):
        with pytest.raises(CannotMerge):
            merging.generate(MergeRequest("tiny-base", wrong))
    assert not list((home / "models").glob(".merging-*"))


def test_a_base_that_has_no_room_to_be_trained_is_refused(home, monkeypatch):
    monkeypatch.setattr("pipelines.training.size.free_bytes", lambda store: 100_000)
    with pytest.raises(NetworkTooLarge):
        run(replace(ASKED, settings={**SETTINGS, "method": "full"}), home / "runs" / RUN)
    with pytest.raises(NetworkTooLarge):
        find_base("tiny-base", home / "models", lambda event: None).load_for_classes(("a", "b"), "cpu")


def test_a_full_tuning_is_a_model_of_its_own(home):
    result = run(replace(ASKED, settings={**SETTINGS, "method": "full", "plan.steps": 10}), home / "runs" / RUN)
    pipeline = TextPipeline.on_this_machine(home / "models", cache_folder=home / "cache", device="cpu")
    request = TextRequest(result.model, "continue", text=PROMPT, sampling=GREEDY)
    assert pipeline.generate(request).text != pipeline.generate(replace(request, model="tiny-base")).text


@pytest.mark.parametrize("method", ["lora", "prefix", "full"])
def test_stopped_and_resumed_it_ends_with_the_same_bits(home, method):
    asked = replace(ASKED, settings={**SETTINGS, "plan.steps": 6, "method": method})
    for name, stops in (("whole", ()), ("parts", (2, 1))):
        folder = home / name / "runs" / RUN
        (home / name / "models").mkdir(parents=True)
        (home / name / "models" / "tiny-base").symlink_to(home / "models" / "tiny-base")
        for stop in stops:
            assert run(asked, folder, commands=Wishes(stop)).finish_reason == "saved"
        run(asked, folder)
    file = "model.safetensors" if method == "full" else "adapter_model.safetensors"
    weights = [(home / name / "models" / "style" / file).read_bytes() for name in ("whole", "parts")]
    assert weights[0] == weights[1]


def test_a_base_that_is_not_there_or_cannot_be_trained_is_said(home):
    with pytest.raises(UnknownModel):
        run(replace(ASKED, model="nobody knows it"), home / "runs" / RUN)
    with pytest.raises(BaseNotTrainable):
        run(replace(ASKED, model="lanczos", run="1" * 32), home / "runs" / ("1" * 32))


@pytest.mark.parametrize("method", ["lora", "full", "prefix"])
def test_gradients_are_the_same_where_what_is_not_kept_is_computed_again(home, method):
    import torch

    base = find_base("tiny-base", home / "models", lambda event: None)
    found = []
    for checkpointing in (False, True):
        settings = changed("causal_lm", causal_lm.PRESETS["cpu"], {**SETTINGS, "method": method, "dropout": 0.2})
        course = causal_lm.start(replace(settings, checkpointing=checkpointing), data_of("texts"), "cpu", base)
        network = course.networks["language_model"].train()
        torch.manual_seed(1)
        course.optimisers["language_model"].step = lambda: None
        course.optimisers["language_model"].zero_grad = lambda set_to_none: None
        course.step(0)
        found.append({name: one.grad for name, one in network.named_parameters() if one.requires_grad})
        assert any(
            one.is_activation_checkpointing for one in network.modules() if hasattr(one, "is_activation_checkpointing")
        ) == (checkpointing and method != "prefix")
    assert found[0] and all(one.abs().sum() > 0 for name, one in found[0].items() if "lora_A" not in name)
    for name, gradient in found[0].items():
        torch.testing.assert_close(found[1][name], gradient, rtol=0, atol=1e-7)
