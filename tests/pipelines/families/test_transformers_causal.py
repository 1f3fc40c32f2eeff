"""Causal models by transformers: tiny real ones, through the whole pipeline."""

import threading
import time
from pathlib import Path

import pytest

from pipelines.errors.models import AdapterMismatch, ModelDamaged, UnsafeModel
from pipelines.errors.requests import ContextOverflow
from pipelines.families import transformers_causal
from pipelines.text import TextPipeline
from pipelines.types.adapter import Adapter
from pipelines.types.events import Token
from pipelines.types.text import Message, Sampling, TextRequest


@pytest.fixture
def pipeline() -> TextPipeline:
    return TextPipeline.on_this_machine(device="cpu")


def ask(folder: Path, text: str = "hello", adapters: tuple[Adapter, ...] = (), **sampling) -> TextRequest:
    settings = Sampling(**{"max_new_tokens": 12, "seed": 5, **sampling})
    return TextRequest(model=str(folder), messages=(Message("user", text),), adapters=adapters, sampling=settings)


@pytest.mark.parametrize("kind", ["Llama", "Qwen2", "Qwen3", "Mistral", "GPT2", "Mamba"])
def test_every_kind_answers_and_a_seed_repeats(kind, make_causal, pipeline):
    folder = make_causal(kind)
    events: list = []
    first = pipeline.generate(ask(folder), events.append)
    assert first.new_tokens > 0
    assert "".join(event.text for event in events if isinstance(event, Token)) == first.text
    assert pipeline.generate(ask(folder)).text == first.text
    assert pipeline.generate(ask(folder, seed=6, temperature=1.5)).text != first.text


def test_greedy_is_what_transformers_itself_generates(llama_folder, pipeline):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(llama_folder), AutoTokenizer.from_pretrained(llama_folder)
    inputs = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hello"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    ids = model.generate(**inputs, max_new_tokens=12, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    ours = pipeline.generate(ask(llama_folder, temperature=0, repetition_penalty=1.0))
    assert ours.text == tokenizer.decode(ids, skip_special_tokens=True)


def test_drawn_tokens_follow_the_distribution(llama_folder):
    """The sampler's frequencies are those of softmax(logits / T) cut to the top k."""
    import torch

    scores = torch.tensor([[2.0, 1.0, 0.0, -5.0]])
    drawn = [0, 0, 0, 0]
    draw = transformers_causal._Draw(Sampling(temperature=0.5, top_k=2, top_p=1.0, seed=1), "cpu")
    for _ in range(2000):
        drawn[int(draw(None, scores).argmax())] += 1
    assert drawn[2] == drawn[3] == 0
    assert drawn[0] / 2000 == pytest.approx(0.8808, abs=0.03)  # 1 / (1 + e^-2)


def test_a_prompt_read_in_parts_gives_the_same_answer(llama_folder, pipeline, monkeypatch):
    request = ask(llama_folder, "the river runs to the sea " * 120, temperature=0)
    in_parts = pipeline.generate(request)
    assert in_parts.prompt_tokens > 2 * transformers_causal.PROMPT_TOKENS_PER_STEP
    monkeypatch.setattr(transformers_causal, "PROMPT_TOKENS_PER_STEP", 10**6)
    assert pipeline.generate(request).text == in_parts.text


def test_seeds_hold_while_others_draw_at_the_same_time(llama_folder, pipeline):
    alone = pipeline.generate(ask(llama_folder, max_new_tokens=60)).text
    texts: list[str] = []

    def one(seed: int) -> None:
        result = pipeline.generate(ask(llama_folder, max_new_tokens=60, seed=seed))
        if seed == 5:
            texts.append(result.text)

    threads = [threading.Thread(target=one, args=(seed,)) for seed in (5, 7, 5, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert texts == [alone, alone]


def test_cancel_keeps_what_is_there_and_leaves_no_thread(llama_folder, pipeline):
    pipeline.generate(ask(llama_folder))
    heard = threading.Event()
    before = threading.active_count()
    result = pipeline.generate(ask(llama_folder, max_new_tokens=1500), lambda event: heard.set(), heard.is_set)
    assert result.finish_reason in ("cancelled", "stop")
    assert result.new_tokens < 1500
    assert threading.active_count() == before


def test_cancel_acts_while_a_long_prompt_is_read(make_causal, pipeline):
    folder = make_causal("Llama", num_hidden_layers=8, hidden_size=256, max_position_embeddings=100_000)
    pipeline.generate(ask(folder))
    flag = threading.Event()
    timer = threading.Timer(0.3, flag.set)
    started = time.perf_counter()
    timer.start()
    result = pipeline.generate(ask(folder, "the river runs to the sea " * 12_000), is_cancelled=flag.is_set)
    assert result.finish_reason == "cancelled"
    assert result.new_tokens == 0
    assert time.perf_counter() - started < 3


def test_a_base_model_goes_on_from_the_bare_text(make_causal, pipeline):
    folder = make_causal("Llama", has_template=False)
    request = TextRequest(model=str(folder), task="continue", text="the river", sampling=Sampling(max_new_tokens=5))
    result = pipeline.generate(request)
    assert result.prompt_tokens <= 4
    assert result.new_tokens > 0


def test_the_answer_stays_within_the_context(make_causal, pipeline):
    folder = make_causal("Llama", max_position_embeddings=64)
    result = pipeline.generate(ask(folder, max_new_tokens=500, temperature=0))
    assert result.prompt_tokens + result.new_tokens <= 64
    with pytest.raises(ContextOverflow) as caught:
        pipeline.generate(ask(folder, "the sea " * 200))
    assert caught.value.details["limit"] == 64


def test_a_template_without_a_system_prompt_gets_it_in_the_first_question(make_causal, pipeline):
    folder = make_causal("Llama")
    refusing = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    template = folder / "chat_template.jinja"
    template.write_text(refusing + template.read_text())
    messages = (Message("system", "be brief"), Message("user", "hello"))
    result = pipeline.generate(TextRequest(model=str(folder), messages=messages, sampling=Sampling(max_new_tokens=3)))
    assert result.prompt_tokens > 5


def test_a_template_cannot_reach_python(make_causal, pipeline, tmp_path):
    folder = make_causal("Llama")
    canary = tmp_path / "canary"
    attack = "{{ ''.__class__.__mro__[1].__subclasses__() }}{{ cycler.__init__.__globals__.os.system('touch %s') }}"
    (folder / "chat_template.jinja").write_text(attack % canary)
    with pytest.raises(Exception, match="template"):
        pipeline.generate(ask(folder))
    assert not canary.exists()


# ── adapters ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def lora_folder(llama_folder, tmp_path_factory) -> Path:
    """A LoRA adapter with random, non-zero weights for the tiny Llama."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    target = tmp_path_factory.mktemp("lora")
    torch.manual_seed(1)
    model = get_peft_model(
        AutoModelForCausalLM.from_pretrained(llama_folder),
        LoraConfig(r=4, lora_alpha=64, target_modules=["q_proj", "v_proj", "up_proj"], task_type="CAUSAL_LM"),
    )
    for name, parameter in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter)
    model.save_pretrained(target)
    return target


def test_an_adapter_gives_what_peft_itself_gives(llama_folder, lora_folder, pipeline):
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(llama_folder)
    model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(llama_folder), lora_folder)
    inputs = tokenizer.apply_chat_template(
        [{"role": "user", "content": "hello"}], add_generation_prompt=True, return_tensors="pt", return_dict=True
    )
    ids = model.generate(**inputs, max_new_tokens=12, do_sample=False)[0, inputs["input_ids"].shape[1] :]
    greedy = {"temperature": 0, "repetition_penalty": 1.0}
    ours = pipeline.generate(ask(llama_folder, adapters=(Adapter(str(lora_folder)),), **greedy))
    assert ours.text == tokenizer.decode(ids, skip_special_tokens=True)

    plain = pipeline.generate(ask(llama_folder, **greedy))
    without = pipeline.generate(ask(llama_folder, adapters=(Adapter(str(lora_folder), weight=0.0),), **greedy))
    assert plain.text == without.text != ours.text


def test_an_adapter_for_another_model_is_refused(make_causal, lora_folder, pipeline):
    with pytest.raises(AdapterMismatch):
        pipeline.generate(ask(make_causal("GPT2"), adapters=(Adapter(str(lora_folder)),)))


def test_a_pickled_adapter_is_refused(llama_folder, lora_folder, pipeline, tmp_path):
    (tmp_path / "adapter_config.json").write_bytes((lora_folder / "adapter_config.json").read_bytes())
    (tmp_path / "adapter_model.bin").write_bytes(b"\x80\x02}q\x00.")
    with pytest.raises(UnsafeModel):
        pipeline.generate(ask(llama_folder, adapters=(Adapter(str(tmp_path)),)))


# ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_loading_counts_the_tensors(llama_folder, pipeline):
    events: list = []
    pipeline.generate(ask(llama_folder), events.append)
    weights = [event for event in events if event.kind == "loading" and event.stage == "weights" and event.total]
    assert weights[-1].done == weights[-1].total > 10
    assert [event.stage for event in events if event.kind == "loading"][-1] == "ready"


def test_a_checkpoint_with_a_missing_weight_is_refused(make_causal, pipeline):
    from safetensors.torch import load_file, save_file

    folder = make_causal("Llama")
    tensors = load_file(folder / "model.safetensors")
    tensors.pop("model.layers.1.mlp.up_proj.weight")
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelDamaged, match="missing"):
        pipeline.generate(ask(folder))
    assert pipeline.cache.loaded() == []


def test_a_shape_that_does_not_fit_is_refused(make_causal, pipeline):
    from safetensors.torch import load_file, save_file

    folder = make_causal("Llama")
    tensors = load_file(folder / "model.safetensors")
    tensors["model.norm.weight"] = tensors["model.norm.weight"][:7].clone()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelDamaged):
        pipeline.generate(ask(folder))
