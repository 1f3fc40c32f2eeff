"""What stays in memory, what has to go, and what is not loaded at all."""

from functools import partial
from pathlib import Path

import pytest

from pipelines.errors import ModelTooLarge
from pipelines.families import masked_lm, openvino_text, transformers_causal
from pipelines.loading import devices
from pipelines.loading.cache import ModelCache
from pipelines.loading.devices import CPU
from pipelines.loading.weights import check_model
from pipelines.text import TextPipeline
from pipelines.types import Adapter, Loading, ModelSpec, Sampling, TextRequest, ignore


def ask(model: Path, *adapters: Adapter) -> TextRequest:
    return TextRequest(str(model), text="hello", adapters=adapters, sampling=Sampling(max_new_tokens=2, seed=1))


@pytest.fixture(scope="module")
def lora_folder(llama_folder, tmp_path_factory) -> Path:
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    folder = tmp_path_factory.mktemp("lora")
    config = LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM")
    get_peft_model(AutoModelForCausalLM.from_pretrained(llama_folder), config).save_pretrained(folder)
    return folder


def test_a_pipeline_bounds_its_memory_by_itself(llama_folder, make_causal, monkeypatch):
    monkeypatch.setattr(devices, "_free_in_ram", lambda: 1_000_000)
    pipeline = TextPipeline.on_this_machine(device="cpu")
    for folder in [llama_folder] + [make_causal(kind, vocab_size=1600) for kind in ("Qwen2", "Qwen3", "Mistral")]:
        pipeline.generate(ask(folder))
    rows = pipeline.loaded()
    assert 1 <= len(rows) < 4
    assert 200_000 < sum(row["size_bytes"] for row in rows) <= 700_000


def test_a_forecast_is_what_the_model_takes(llama_folder, bert_folder, starter_folder, pipeline, monkeypatch):
    for family, folder in ((transformers_causal, llama_folder), (masked_lm, bert_folder)):
        weights = check_model(folder, "x")
        with TextPipeline.on_this_machine(device="cpu").lease(pipeline.catalog.find(str(folder)), (), ignore) as model:
            assert family.forecast(weights, CPU) == pytest.approx(model.size_bytes, rel=0.05)
    starter = check_model(starter_folder, "x")
    with pipeline.lease(pipeline.catalog.find("smollm2-135m-instruct"), (), ignore) as model:
        assert openvino_text.forecast(starter, CPU) == model.size_bytes
    whole = transformers_causal.forecast(weights, CPU)
    monkeypatch.setattr(devices, "_free_in_ram", lambda: whole)
    assert transformers_causal.forecast(weights, CPU) == whole // 2  # half the bytes where float32 is too much


def test_packed_weights_are_counted_unpacked(starter_folder):
    (packed,) = starter_folder.glob("*.gguf")
    weights = check_model(packed, "x")
    assert transformers_causal.forecast(weights, CPU) == 134_515_008 * 4 > 5 * weights.size_bytes


def test_what_cannot_fit_is_refused_before_it_is_loaded(llama_folder, pipeline):
    own = TextPipeline(pipeline.catalog, ModelCache(free_bytes=lambda: 50_000), pipeline.starters, CPU)
    events: list = []
    with pytest.raises(ModelTooLarge, match="GB are free") as caught:
        own.generate(ask(llama_folder), events.append)
    assert events == [] and own.loaded() == []
    assert caught.value.details["free_gb"] == 0.00005


def test_what_cannot_fit_is_refused_before_it_is_fetched(pipeline, monkeypatch):
    own = TextPipeline(pipeline.catalog, ModelCache(free_bytes=partial(int, 10**9)), pipeline.starters, CPU)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    row = ModelSpec("owner/big", "Big", "transformers_causal", ("chat",), "hub", "owner/big", size_bytes=2 * 10**9)
    events: list = []
    with pytest.raises(ModelTooLarge, match=r"Big needs about 2\.0 GB .* 1\.0 GB"), own.lease(row, (), events.append):
        pass
    assert not any(isinstance(event, Loading) for event in events)


def test_of_one_model_one_idle_copy_with_adapters_is_kept(llama_folder, lora_folder, make_causal):
    pipeline = TextPipeline.on_this_machine(device="cpu")
    other = make_causal("Llama")
    pipeline.generate(ask(llama_folder))
    pipeline.generate(ask(other, Adapter(str(lora_folder), 0.1)))
    for weight in (0.2, 0.4, 0.6, 0.8):
        pipeline.generate(ask(llama_folder, Adapter(str(lora_folder), weight)))
    kept = [(row.key.model, [adapter.weight for adapter in row.key.adapters]) for row in pipeline.cache.loaded()]
    assert sorted(kept) == sorted([(str(llama_folder), []), (str(llama_folder), [0.8]), (str(other), [0.1])])
    spec = pipeline.catalog.find(str(llama_folder))
    with pipeline.lease(spec, (Adapter(str(lora_folder), 0.8),), ignore):
        pipeline.generate(ask(llama_folder, Adapter(str(lora_folder), 1.0)))  # a leased copy stays
        assert len(pipeline.cache.loaded()) == 4
