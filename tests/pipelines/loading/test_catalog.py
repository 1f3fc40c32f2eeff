"""Finding a model by whatever a person wrote."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.base import find_families, open_catalog
from pipelines.errors import ModelDamaged, NotAllowed, StudioError, UnknownModel, UnsafeModel, UnsupportedModel
from pipelines.loading.catalog import pick_for_language
from pipelines.loading.starter import read_starters
from pipelines.types import ModelSpec

ROOT = Path(__file__).parents[3]


@pytest.fixture
def models(tmp_path, monkeypatch) -> Path:
    """An empty models folder, and a hub cache with nothing in it."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    folder = tmp_path / "models"
    folder.mkdir()
    return folder


def test_the_rows_are_whole():
    families, starters = find_families(), read_starters()
    rows = open_catalog().rows()
    assert len({row.id for row in rows}) == len(rows) >= 12
    for row in rows:
        family = families[row.family]
        assert set(row.tasks) <= family.TASKS and row.tasks
        assert row.licence and row.licence_url.startswith("https://") and row.languages
        assert row.note_en and row.note_zh and row.size_bytes > 0 and row.context_tokens > 0
        assert row.source != "starter" or row.location in starters


def test_rows_by_task_and_a_model_for_chinese():
    catalog = open_catalog()
    assert {row.family for row in catalog.rows("fill-mask")} == {"masked_lm"}
    chat = catalog.rows("chat")
    assert chat[0].id == "smollm2-135m-instruct" and "zh" not in chat[0].languages
    assert pick_for_language(chat, "zh").id == "Qwen/Qwen3-0.6B"
    assert pick_for_language(chat, "tlh") is None


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
    ["", "nothing", "..", "../../etc", "a/b/c", "a/../b", "/no/such/folder", "x\0y", "a" * 5000, "owner/na me", "-x/y"],
)
def test_what_is_no_model_is_unknown(model, models):
    with pytest.raises(UnknownModel):
        open_catalog(models).find(model)


def test_a_hub_id_is_taken_at_its_word(models):
    spec = open_catalog(models).find("owner/some-model")
    assert (spec.source, spec.location, spec.family) == ("hub", "owner/some-model", "")
    assert not open_catalog(models).is_on_disk(spec)


def test_a_hub_model_that_is_here_says_what_it_is(models, llama_folder, tmp_path):
    repository = tmp_path / "hub" / "models--owner--tiny"
    snapshot = repository / "snapshots" / "abc"
    shutil.copytree(llama_folder, snapshot)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("abc")
    catalog = open_catalog(models)
    spec = catalog.find("owner/tiny")
    assert spec.family == "transformers_causal" and catalog.is_on_disk(spec)
    index = {"weight_map": {"a": "model.safetensors", "b": "model-2.safetensors"}}
    (snapshot / "model.safetensors.index.json").write_text(json.dumps(index))
    assert not catalog.is_on_disk(spec)


def test_a_public_demo_has_its_rows_and_nothing_else(models, llama_folder):
    shutil.copytree(llama_folder, models / "mine")
    catalog = open_catalog(models, allow_any=False)
    assert catalog.find("smollm2-135m-instruct")
    assert all(row.source != "folder" for row in catalog.rows())
    for model in ("mine", str(llama_folder), "owner/model", "/etc/passwd"):
        with pytest.raises(NotAllowed):
            catalog.find(model)


def test_an_unsupported_class_is_named(models, llama_folder):
    folder = models / "picture"
    shutil.copytree(llama_folder, folder)
    (folder / "config.json").write_text(json.dumps({"architectures": ["ViTForImageClassification"]}))
    with pytest.raises(UnsupportedModel, match="ViTForImageClassification"):
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
    from pipelines.loading.weights import check_model

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


def test_pick_for_language_takes_the_smallest():
    small = ModelSpec("a", "a", "f", (), "hub", "a", size_bytes=1, languages=("zh",))
    large = ModelSpec("b", "b", "f", (), "hub", "b", size_bytes=2, languages=("zh",))
    assert pick_for_language([large, small], "zh") is small
