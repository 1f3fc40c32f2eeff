"""What stays in memory, what has to go, and what is not loaded at all."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.errors.crossing import error_from_json
from pipelines.errors.memory import MemoryPinned, MemoryReserved, ModelTooLarge, OutOfMemory, SmallerModelFits
from pipelines.families import masked_lm, openvino_text, transformers_causal
from pipelines.load import LoadPipeline
from pipelines.loading.inspection.weights import check_model
from pipelines.loading.memory import measure
from pipelines.loading.memory.cache import ModelCache
from pipelines.loading.memory.ledger import OwnLedger
from pipelines.loading.placement.devices import CPU
from pipelines.text import TextPipeline
from pipelines.types.adapter import Adapter
from pipelines.types.events import Loading, Plan, ignore
from pipelines.types.load import LoadRequest
from pipelines.types.model import ModelSpec
from pipelines.types.text import Sampling, TextRequest


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
    monkeypatch.setattr(measure, "_free_in_ram", lambda: 8_000_000)
    pipeline = TextPipeline.on_this_machine(device="cpu")
    for folder in [llama_folder] + [make_causal(kind, vocab_size=8000) for kind in ("Qwen2", "Qwen3", "Mistral")]:
        pipeline.generate(ask(folder))
    rows = pipeline.loaded()
    assert 1 <= len(rows) < 4
    assert 1_000_000 < sum(row["size_bytes"] for row in rows) <= 5_600_000


def test_a_forecast_is_what_the_model_takes(llama_folder, bert_folder, starter_folder, pipeline):
    for family, folder in ((transformers_causal, llama_folder), (masked_lm, bert_folder)):
        weights = check_model(folder, "x")
        with TextPipeline.on_this_machine(device="cpu").lease(pipeline.catalog.find(str(folder)), (), ignore) as model:
            assert family.forecast(weights, CPU).weights_bytes == pytest.approx(model.size_bytes, rel=0.05)
            assert 0 < family.forecast(weights, CPU).working_bytes < 10_000_000
    half = replace(CPU, dtype="bfloat16")
    assert masked_lm.forecast(weights, half).weights_bytes == masked_lm.forecast(weights, CPU).weights_bytes // 2
    starter = check_model(starter_folder, "x")
    with pipeline.lease(pipeline.catalog.find("smollm2-135m-instruct"), (), ignore) as model:
        assert openvino_text.forecast(starter, CPU).total_bytes == model.size_bytes


def test_packed_weights_are_counted_unpacked(starter_folder):
    (packed,) = starter_folder.glob("*.gguf")
    weights = check_model(packed, "x")
    assert transformers_causal.forecast(weights, CPU).weights_bytes == 134_515_008 * 4 > 5 * weights.size_bytes


def bounded(pipeline: TextPipeline, budget_bytes: int) -> TextPipeline:
    """A pipeline with a cache of its own."""
    return TextPipeline(pipeline.catalog, ModelCache(OwnLedger(budget_bytes)), pipeline.starters, CPU)


def test_what_cannot_fit_is_refused_before_it_is_loaded(llama_folder, pipeline):
    own, events = bounded(pipeline, 50_000), []
    with pytest.raises(ModelTooLarge, match="GB are free") as caught:
        own.generate(ask(llama_folder), events.append)
    assert own.loaded() == [] and {event.kind for event in events} == {"plan"}
    assert caught.value.details["free_gb"] == 0.00005


def test_what_cannot_fit_is_refused_before_it_is_fetched(pipeline, monkeypatch):
    own = bounded(pipeline, 10**9)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    row = ModelSpec("owner/big", "Big", "transformers_causal", ("chat",), "hub", "owner/big", size_bytes=10**10)
    events: list = []
    with pytest.raises(ModelTooLarge, match=r"Big needs about 10\.0 GB .* 1\.0 GB") as caught:
        own.lease(row, (), events.append).__enter__()
    assert not any(isinstance(event, Loading) for event in events)
    assert isinstance(caught.value, SmallerModelFits)  # it names the one that is here
    assert "SmolLM2" in caught.value.say("en") and "SmolLM2" in caught.value.say("zh")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OutOfMemory(model="Big", device="this machine"), ("Memory ran out", "内存用尽")),
        (MemoryPinned(model="Big", needed_gb=9.0, free_gb=0.9, pinned="P"), ("“P” is pinned", "“P”被固定")),
        (MemoryReserved(model="Big", needed_gb=9.0, free_gb=0.9, holder="a training run"), ("a training run", "训练任务")),
    ],
)  # fmt: skip
def test_a_smaller_model_is_named_whatever_is_in_the_way(pipeline, error, words):
    row = ModelSpec("owner/big", "Big", "transformers_causal", ("chat",), "hub", "owner/big", size_bytes=10**10)
    own = bounded(pipeline, 10**9)

    def refuse(*_):
        raise error

    own.cache.lease = refuse
    with pytest.raises(type(error)) as caught, own.lease(row, (), ignore):
        pass
    for language, said in zip(("en", "zh"), words, strict=True):
        assert "SmolLM2" in caught.value.say(language) and said in caught.value.say(language)
    assert type(error_from_json(caught.value.to_json())) is type(caught.value) is not type(error)


@pytest.mark.parametrize(
    ("share", "form", "dtype"),
    [(1.2, "", "float32"), (0.7, "half", "bfloat16"), (0.36, "int8", "int8"), (0.25, "int4", "int4")],
)
def test_a_model_is_loaded_in_the_first_form_that_fits(make_causal, pipeline, share, form, dtype):
    folder, events = make_causal("Llama", hidden_size=256, intermediate_size=1024, num_hidden_layers=12), []
    forecast = transformers_causal.forecast(check_model(folder, "x"), CPU)
    own = bounded(pipeline, int(forecast.weights_bytes * share) + forecast.working_bytes)
    assert own.generate(ask(folder), events.append).new_tokens == 2
    (row,) = own.loaded()
    assert (row["form"], row["dtype"]) == (form, dtype)
    assert [event.other for event in events if isinstance(event, Plan)] == ([form] if form else [])
    assert row["size_bytes"] < forecast.weights_bytes * share


def test_a_model_larger_than_the_budget_answers_all_the_same(make_causal, pipeline):
    folder = make_causal("Llama", hidden_size=256, intermediate_size=1024, num_hidden_layers=8)
    request = TextRequest(str(folder), text="hello", sampling=Sampling(max_new_tokens=6, temperature=0.0, seed=1))
    whole = TextPipeline.on_this_machine(device="cpu").generate(request).text
    forecast = transformers_causal.forecast(check_model(folder, "x"), CPU)
    own, events = bounded(pipeline, forecast.working_bytes + int(forecast.weights_bytes * 0.18)), []
    assert own.generate(request, events.append).text == whole
    assert [event.other for event in events if isinstance(event, Plan)] == ["offload"]
    assert own.loaded()[0]["size_bytes"] < forecast.weights_bytes * 0.18
    own.cache.unload_all()
    assert own.generate(request).text == whole


def test_a_pinned_load_stays(llama_folder, pipeline):
    load = LoadPipeline.beside(bounded(pipeline, 10**9))
    result = load.generate(LoadRequest(str(llama_folder), is_pinned=True))
    (row,) = load.loaded()
    assert row["is_pinned"] and row["size_bytes"] >= result.size_bytes > 0
    load.cache.unload_idle(0)
    assert load.loaded()
    load.unload(str(llama_folder))
    assert load.loaded() == []
    cancelled = load.generate(LoadRequest(str(llama_folder)), is_cancelled=lambda: True)
    assert cancelled.finish_reason == "cancelled" and load.loaded() == []


def test_all_pipelines_share_one_memory(llama_folder, bert_folder):
    text = TextPipeline.on_this_machine(device="cpu")
    load = LoadPipeline.beside(text)
    load.generate(LoadRequest(str(llama_folder)))
    text.generate(ask(llama_folder))
    assert [row["model"] for row in text.loaded()] == [str(llama_folder)] == [row["model"] for row in load.loaded()]


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
