"""Finding a model by whatever a person wrote."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.base import find_families, open_catalog
from pipelines.errors.access import NotAllowed
from pipelines.errors.base import StudioError
from pipelines.errors.models import ModelDamaged, NotAModel, UnknownModel, UnsafeModel, UnsupportedModel, WrongTask
from pipelines.loading.starter import read_starters
from pipelines.text import TextPipeline
from pipelines.types.adapter import Adapter
from pipelines.types.events import ignore
from pipelines.types.text import TextRequest

ROOT = Path(__file__).parents[3]


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """An empty models folder, and a hub cache with nothing in it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def cache_on_hub(hub: Path, name: str, files: Path) -> Path:
    """`files` as the hub's client would have left them in its cache."""
    repository = hub / f"models--{name.replace('/', '--')}"
    shutil.copytree(files, repository / "snapshots" / "abc")
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    return repository / "snapshots" / "abc"


# Whose terms have to be accepted on the hub first.
GATED_MAKERS = (
    "black-forest-labs/FLUX.1-",
    "google/gemma-",
    "meta-llama/",
    "stabilityai/stable-audio-",
    "stabilityai/stable-diffusion-3",
)

# What no model of a family can do unless it was trained for it.
TRAINED_FOR = {"transformers_causal": {"poem"}}


def test_the_rows_are_whole():
    families, starters = find_families(), read_starters()
    rows = open_catalog().rows()
    assert len({row.id for row in rows}) == len(rows) >= 40
    for row in rows:
        assert row.tasks and row.note_en and row.note_zh
        if row.source == "none":  # a method without a model
            continue
        assert set(row.tasks) <= families[row.family].TASKS | TRAINED_FOR.get(row.family, set())
        assert row.licence and row.licence_url.startswith("https://")
        assert row.parameters > 0 and row.size_bytes > 0
        hears_or_speaks = (row.languages and {"speech", "transcribe"} & set(row.tasks)) or "music" in row.tasks
        looks = {"upscale", "embed-together", "caption", "read-picture"} & set(row.tasks)
        assert (row.context_tokens > 0 and row.languages) or row.defaults or looks or hears_or_speaks
        assert row.source != "starter" or row.location in starters
        assert row.is_gated or not row.id.startswith(GATED_MAKERS), f"{row.id} asks for its terms to be accepted"
        assert row.source == "hub" or not row.is_gated


def test_rows_by_task():
    catalog = open_catalog()
    assert {row.family for row in catalog.rows("fill-mask")} == {"masked_lm"}
    chat = catalog.rows("chat")
    assert chat[0].id == "smollm2-135m-instruct" and "zh" not in chat[0].languages


def test_a_folder_in_the_models_folder_is_a_row(models, llama_folder, bert_folder):
    shutil.copytree(llama_folder, models / "mine")
    shutil.copytree(bert_folder, models / "gaps")
    (models / "broken").mkdir()
    (models / "notes.txt").write_text("hello")
    catalog = open_catalog(models)
    found = {row.id: row for row in catalog.rows() if row.source == "folder"}
    assert set(found) == {"mine", "gaps"}
    assert found["mine"].family == "transformers_causal" and "chat" in found["mine"].tasks
    assert found["gaps"].tasks == ("fill-mask",)
    assert catalog.find("mine") == found["mine"]
    assert catalog.is_on_disk(found["mine"])


def test_a_path_is_found(models, llama_folder, starter_folder):
    catalog = open_catalog(models)
    assert catalog.find(str(llama_folder)).family == "transformers_causal"
    (packed,) = starter_folder.glob("*.gguf")
    assert catalog.find(str(packed)).family == "openvino_text"


@pytest.mark.parametrize(
    "model",
    [
        "",
        "nothing",
        "..",
        "../../etc",
        "a/b/c",
        "a/../b",
        "/no/such/folder",
        "x\0y",
        "a" * 5000,
        "owner/na me",
        "-x/y",
        "~nosuchuser/x",
        "/" + "a" * 300,
        "b" * 300,
        "/dev/null",
        "/dev/zero",
        "/x\0y",
        "\ud800",
        "a" + "文" * 95 + "/b",
    ],
)
def test_what_is_no_model_is_unknown(model, models):
    with pytest.raises(UnknownModel):
        open_catalog(models).find(model)


def test_a_hub_id_is_taken_at_its_word(models):
    spec = open_catalog(models).find("owner/some-model")
    assert (spec.source, spec.location, spec.family) == ("hub", "owner/some-model", "")
    assert not open_catalog(models).is_on_disk(spec)


@pytest.mark.parametrize("ending", ["", "/", "/tree/main", "/tree/main/", "?library=transformers", "#use"])
def test_the_page_of_a_model_means_its_hub_id(ending, models):
    catalog = open_catalog(models)
    assert catalog.find(f"https://huggingface.co/owner/some-model{ending}") == catalog.find("owner/some-model")
    row = next(row for row in catalog.rows() if row.source == "hub")
    assert catalog.find(f" https://huggingface.co/{row.id}{ending}") == row
    assert catalog.find_adapter(f"https://huggingface.co/owner/lora{ending}").location == "owner/lora"


@pytest.mark.parametrize(
    "address", ["https://huggingface.co/owner", "https://evil.org/owner/name", "https://huggingface.co/a/b/tree/other"]
)
def test_another_address_is_unknown(address, models):
    with pytest.raises(UnknownModel):
        open_catalog(models).find(address)


def test_nobody_is_told_to_delete_what_is_no_model(models, tmp_path):
    (tmp_path / "nothing").mkdir()
    (tmp_path / "text.gguf").write_text("hello")
    for path in ("/etc/passwd", tmp_path / "nothing", tmp_path / "text.gguf"):
        with pytest.raises(NotAModel) as caught:
            open_catalog(models).find(str(path))
        assert "Choose a folder" in caught.value.say("en") and "elete" not in caught.value.say("en")
        assert "中没有" in caught.value.say("zh")


def test_a_hub_model_that_is_here_says_what_it_is(models, llama_folder, tmp_path):
    snapshot = cache_on_hub(tmp_path / "hub", "owner/tiny", llama_folder)
    catalog = open_catalog(models)
    spec = catalog.find("owner/tiny")
    assert spec.family == "transformers_causal" and catalog.is_on_disk(spec)
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    assert not catalog.is_on_disk(spec)
    for odd in (
        "[]",
        '{"weight_map": {"a": ["x"]}}',
        '{"weight_map": 5}',
        json.dumps({"weight_map": {"a": "x" * 300}}),
    ):
        (snapshot / "model.safetensors.index.json").write_text(odd)
        assert not catalog.is_on_disk(spec)


def test_one_bad_entry_of_the_models_folder_hides_no_other(models, llama_folder):
    shutil.copytree(llama_folder, models / "mine")
    (models / "gone.gguf").symlink_to("/nowhere/x.gguf")
    (models / "gone").symlink_to("/nowhere")
    (models / "loop.gguf").symlink_to(models / "loop.gguf")
    os.mkfifo(models / "pipe.gguf")
    (models / "odd\udcff").mkdir()
    shutil.copytree(llama_folder, models / "lists")
    (models / "lists" / "model.safetensors.index.json").write_text('{"weight_map": {"a": ["x"]}}')
    (models / "absurd").mkdir()
    (models / "absurd" / "openvino_model.xml").write_text(f'<net><c offset="{"9" * 5000}" size="1"/></net>')
    catalog = open_catalog(models)
    assert [row.id for row in catalog.rows() if row.source == "folder"] == ["mine"]
    for name in ("gone.gguf", "gone", "loop.gguf", "pipe.gguf"):
        with pytest.raises(UnknownModel):
            catalog.find(name)
    for name in ("lists", "absurd"):
        with pytest.raises(ModelDamaged):
            catalog.find(name)


def test_a_public_demo_has_its_rows_and_nothing_else(models, llama_folder):
    shutil.copytree(llama_folder, models / "mine")
    catalog = open_catalog(models, allow_any=False)
    assert catalog.find("smollm2-135m-instruct")
    assert all(row.source != "folder" for row in catalog.rows())
    for model in ("mine", str(llama_folder), "owner/model", "/etc/passwd"):
        with pytest.raises(NotAllowed):
            catalog.find(model)


def test_a_public_demo_downloads_nothing_and_takes_no_adapters(models, llama_folder, tmp_path):
    catalog = open_catalog(models, allow_any=False)
    with pytest.raises(NotAllowed, match="not downloaded here"):
        catalog.check(TextRequest("Qwen/Qwen3-0.6B", text="hi"))
    for source in ("/etc", str(llama_folder), "owner/adapter", ""):
        with pytest.raises(NotAllowed, match="adapters"):
            catalog.check(TextRequest("smollm2-135m-instruct", text="hi", adapters=(Adapter(source),)))
        with pytest.raises(NotAllowed, match="adapters"):
            catalog.find_adapter(source)
    cache_on_hub(tmp_path / "hub", "Qwen/Qwen3-0.6B", llama_folder)
    assert catalog.check(TextRequest("Qwen/Qwen3-0.6B", text="hi")).id == "Qwen/Qwen3-0.6B"
    assert catalog.check(TextRequest("smollm2-135m-instruct", text="hi")).source == "starter"


def test_the_pipeline_of_a_public_demo_refuses_the_same(models):
    pipeline = TextPipeline.on_this_machine(models, device="cpu", allow_any=False)
    with pytest.raises(NotAllowed):
        pipeline.generate(TextRequest("Qwen/Qwen3-8B", text="hi"))
    with pytest.raises(NotAllowed):
        pipeline.generate(TextRequest("smollm2-135m-instruct", text="hi", adapters=(Adapter("evil/adapter"),)))
    with pytest.raises(NotAllowed):
        pipeline._fetch_adapter(Adapter("/etc"), ignore)


def test_a_request_is_checked_before_it_waits(models, llama_folder, bert_folder):
    catalog = open_catalog(models)
    assert catalog.check(TextRequest("owner/name", text="hi", adapters=(Adapter("owner/adapter"),))).source == "hub"
    assert catalog.find_adapter(str(llama_folder)).location == str(llama_folder)
    with pytest.raises(WrongTask):
        catalog.check(TextRequest(str(bert_folder), task="write", text="hi"))
    with pytest.raises(UnknownModel):
        catalog.check(TextRequest(str(llama_folder), text="hi", adapters=(Adapter("/no/such/adapter"),)))


def test_an_unsupported_class_is_named(models, llama_folder):
    folder = models / "picture"
    shutil.copytree(llama_folder, folder)
    (folder / "config.json").write_text(json.dumps({"architectures": ["ViTForObjectDetection"]}))
    with pytest.raises(UnsupportedModel, match="ViTForObjectDetection"):
        open_catalog(models).find("picture")


def test_an_unsafe_and_a_damaged_folder_say_so(models, llama_folder):
    shutil.copytree(llama_folder, models / "unsafe")
    (models / "unsafe" / "config.json").write_text(json.dumps({"auto_map": {"AutoModel": "x.Y"}}))
    shutil.copytree(llama_folder, models / "damaged")
    (models / "damaged" / "model.safetensors").write_bytes(b"\x08")
    catalog = open_catalog(models)
    with pytest.raises(UnsafeModel):
        catalog.find("unsafe")
    with pytest.raises(ModelDamaged):
        catalog.find("damaged")
    assert [row for row in catalog.rows() if row.source == "folder"] == []


def test_a_specialist_wins_on_its_device_only(starter_folder):
    from pipelines.loading.inspection.weights import check_model

    (packed,) = starter_folder.glob("*.gguf")
    weights, catalog = check_model(packed, "x"), open_catalog()
    assert catalog.family_of(weights, "x", "cpu") == "openvino_text"
    assert catalog.family_of(weights, "x", "cuda") == "transformers_causal"
    openvino = check_model(starter_folder, "x")
    with pytest.raises(StudioError):
        catalog.family_of(openvino, "x", "cuda")


def test_the_catalog_needs_no_model_library(llama_folder):
    code = (
        "import sys; from pipelines.base import open_catalog;"
        f"c = open_catalog(); c.rows(); c.find({str(llama_folder)!r}); c.find('owner/name');"
        "c.is_on_disk(c.find('smollm2-135m-instruct'));"
        "assert not {'torch', 'transformers', 'openvino', 'openvino_genai', 'accelerate', 'peft'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)
