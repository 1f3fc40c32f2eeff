"""What is not downloaded, or taken off the disk again, and what is said of it."""

import json
import shutil

import pytest

from pipelines.download import DownloadPipeline
from pipelines.errors.access import NotAllowed
from pipelines.errors.models import (
    AsksForCode,
    DiskTooSmall,
    ModelDamaged,
    ModelGated,
    ModelNotHere,
    NotGranted,
    TokenRefused,
    UnknownModel,
    UnsafeModel,
    UnsupportedFormat,
    UnsupportedModel,
    WrongContent,
)
from pipelines.loading.hub import cache as hub_cache
from pipelines.loading.hub.client import Hub
from pipelines.loading.inspection.weights import check_model
from pipelines.types.download import DownloadRequest
from pipelines.types.events import Event, Loading, ignore
from tests.hub import ask_here
from tests.pipelines import tiny_images
from tests.pipelines.loading.hub.asking import names, refusal_of, spec


def test_only_pickles_on_the_hub_are_refused_before_a_download(hub):
    hub.add("owner/old", {"config.json": b"{}", "pytorch_model.bin": b"\x80\x02."})
    assert "pickle" in refusal_of("owner/old", UnsafeModel)
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    unet = {"unet/config.json": b"{}", "unet/diffusion_pytorch_model.bin": b"\x80"}
    hub.add("owner/old-drawer", {"model_index.json": json.dumps(index).encode(), **unet})
    assert "pickle" in refusal_of("owner/old-drawer", UnsafeModel)
    assert {one.file for one in hub.sent} <= {"config.json", "model_index.json"}


def test_only_onnx_is_said_to_be_onnx(hub):
    hub.add("owner/onnx", {"config.json": b"{}", "model.onnx": b"x"})
    assert "ONNX" in refusal_of("owner/onnx", UnsupportedFormat)


@pytest.mark.parametrize("file", ["config.json", "tokenizer_config.json"])
def test_code_on_the_hub_is_refused_before_the_weights(file, hub, llama_folder):
    evil = json.dumps({"auto_map": {"AutoModel": "evil.Model"}}).encode()
    repository = hub.add("owner/evil", llama_folder)
    repository.files |= {file: evil, "evil.py": b"x"}
    assert "auto_map" in refusal_of("owner/evil", AsksForCode)
    assert not {"model.safetensors", "evil.py"} & {one.file for one in hub.sent}


@pytest.mark.parametrize(
    "index",
    [{"_class_name": ["pipeline", "Evil"]}, {"_class_name": "Evil", "unet": ["evil", "Model"]}],
    ids=["class", "component"],
)
def test_a_pipeline_with_code_of_its_own_is_refused(index, hub):
    files = {"model_index.json": json.dumps(index).encode(), "unet/evil.py": b"x", "unet/model.safetensors": b"x"}
    hub.add("owner/evil", files)
    assert "code" in refusal_of("owner/evil", AsksForCode)
    assert {one.file for one in hub.sent} == {"model_index.json"}


def test_a_pickle_in_disguise_is_taken_off_the_disk_again(hub, llama_folder, tmp_path):
    repository = hub.add("owner/evil", llama_folder)
    repository.files["model.safetensors"] = b"\x80\x02}q\x00."
    with pytest.raises(UnsafeModel):
        DownloadPipeline.on_this_machine(tmp_path / "models", device="cpu").generate(DownloadRequest("owner/evil"))
    assert not hub_cache.repository_folder(spec("owner/evil")).exists()


def test_what_another_program_fetched_is_refused_and_stays(hub, llama_folder, tmp_path):
    repository = hub_cache.repository_folder(spec("owner/theirs"))
    shutil.copytree(llama_folder, repository / "snapshots" / "main")
    (repository / "snapshots" / "main" / "tokenizer_config.json").write_text(
        '{"auto_map": {"AutoTokenizer": "evil.T"}}'
    )
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "row.json").write_text(
        json.dumps({"id": "theirs", "name": "Theirs", "family": "transformers_causal", "tasks": ["chat"],
                    "source": "hub", "location": "owner/theirs"})
    )  # fmt: skip
    with pytest.raises(AsksForCode):
        DownloadPipeline.on_this_machine(tmp_path / "models", device="cpu").generate(DownloadRequest("theirs"))
    assert (repository / "snapshots" / "main" / "model.safetensors").exists()


@pytest.mark.parametrize("name", ["../../../outside", "/outside", "a" * 39, "refs"])
@pytest.mark.parametrize("what", ["commit", "content"])
def test_a_hash_that_is_none_leads_to_no_file_of_this_machine(what, name, hub, llama_folder, monkeypatch, tmp_path):
    repository = hub.add("owner/evil", llama_folder)
    if what == "commit":
        repository.commit = name
    else:
        listing = hub._listing
        monkeypatch.setattr(
            hub, "_listing", lambda *of: (said := listing(*of), said["siblings"][0].update(blobId=name))[0]
        )
    assert "no hash" in refusal_of("owner/evil", ModelNotHere)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix in (".part", ".safetensors")
                and "llama" not in str(path)]  # fmt: skip


def test_the_oldest_pipelines_have_their_component_beside_the_index(hub, tmp_path):
    flat = tiny_images.ddpm(tmp_path / "flat", is_flat=True)
    files = {file.name: file.read_bytes() for file in flat.iterdir() if file.is_file()}
    hub.add("owner/ddpm", files | {"diffusion_pytorch_model.bin": b"\x80", "images/one.png": b"x"})
    folder = Hub().snapshot(spec("owner/ddpm"), ignore)
    assert names(folder) == set(files)
    assert check_model(folder, "ddpm").tasks == ("text-to-image",)


def test_a_class_that_nothing_serves_is_named(hub, llama_folder, tmp_path):
    pipeline = DownloadPipeline.on_this_machine(tmp_path / "models", device="cpu")
    repository = hub.add("owner/other", llama_folder)
    repository.files["config.json"] = json.dumps({"architectures": ["DetrForObjectDetection"]}).encode()
    with pytest.raises(UnsupportedModel, match="DetrForObjectDetection"):
        pipeline.generate(DownloadRequest("owner/other"))


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_a_file_with_other_content_than_listed_is_refused_and_deleted(file, hub, large):
    right = hub.repositories["owner/large"].files[file]
    hub.repositories["owner/large"].wrong[file] = right[:-1] + bytes([right[-1] ^ 1])
    assert file in refusal_of("owner/large", WrongContent)
    blobs = hub_cache.repository_folder(spec("owner/large")) / "blobs"
    assert not list(blobs.glob("*.part")) and hub_cache.folder_on_disk(spec("owner/large")) is None
    hub.repositories["owner/large"].wrong.clear()
    assert Hub().snapshot(spec("owner/large"), ignore)


def test_a_file_that_is_longer_than_listed_is_cut_and_one_that_is_shorter_refused(hub, large):
    right = hub.repositories["owner/large"].files["model.safetensors"]
    hub.repositories["owner/large"].wrong["model.safetensors"] = right + b"more"
    assert (Hub().snapshot(spec("owner/large"), ignore) / "model.safetensors").read_bytes() == right
    hub_cache.remove(spec("owner/large"))
    hub.repositories["owner/large"].wrong["model.safetensors"] = right[:1000]
    refusal_of("owner/large", ModelNotHere)


def test_gated_without_a_token_with_one_and_with_access(hub, llama_folder, tmp_path):
    hub.add("owner/gated", llama_folder, is_gated=True)
    token_file = tmp_path / "token"
    assert "https://huggingface.co/owner/gated" in refusal_of("owner/gated", ModelGated, token_file)
    token_file.write_text("hf_unknown\n")
    refusal_of("owner/gated", TokenRefused, token_file)
    hub.tokens.add("hf_known")
    token_file.write_text("hf_known\n")
    assert "no access" in refusal_of("owner/gated", NotGranted, token_file)
    hub.granted.add("hf_known")
    assert Hub(token_file).snapshot(spec("owner/gated"), ignore)
    with_token = {one.file: one.has_token for one in hub.sent if one.file != "config.json"}
    assert with_token["tokenizer.json"] and not with_token["model.safetensors"], "no token for another host"


def test_unknown_offline_and_down(hub, monkeypatch):
    refusal_of("owner/nothing", UnknownModel)
    hub.is_down = True
    assert "503" in refusal_of("owner/nothing", ModelNotHere)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE" in refusal_of("owner/other", ModelNotHere)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_no_network_is_said_in_plain_words(endpoint, hub, monkeypatch, tmp_path):
    ask_here(monkeypatch, endpoint, tmp_path / "hub")
    sentence = refusal_of("owner/other", ModelNotHere)
    assert "the hub cannot be reached" in sentence and "Errno" not in sentence


def test_a_config_longer_than_it_is_listed_is_not_read_to_its_end(hub, llama_folder):
    repository = hub.add("owner/tiny", llama_folder)
    repository.wrong["config.json"] = b"[" + b"1," * 20_000_000 + b"1]"
    refusal_of("owner/tiny", ModelDamaged)
    assert hub.bytes_sent("config.json") < 20_000_000


def test_no_signature_of_an_address_is_told(hub, large):
    signed = f"{hub.address}/expired/blob?X-Amz-Signature=SECRET&token=hf_SECRET#SECRET"
    hub.repositories["owner/large"].redirects["model.safetensors"] = signed.replace("//", "//user:SECRET@")
    sentence = refusal_of("owner/large", ModelNotHere)
    assert "SECRET" not in sentence and "403 Forbidden" in sentence and "/expired/blob" in sentence


def test_a_disk_that_is_too_small_is_said_before_the_weights(hub, large, monkeypatch):
    usage = shutil.disk_usage("/")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=hub_space))
    hub_space = 64_000_000
    assert "GB are free" in refusal_of("owner/large", DiskTooSmall)
    assert hub.bytes_sent("model.safetensors") == 0
    hub_space = 80_000_000
    assert Hub().snapshot(spec("owner/large"), ignore)


def test_a_disk_that_fills_up_on_the_way_keeps_what_came(hub, large, monkeypatch):
    hub.bytes_per_second = 400_000

    def fill(event: Event) -> None:
        if isinstance(event, Loading) and event.done > 0.5 * event.total:
            raise OSError(28, "No space left on device")

    with pytest.raises(DiskTooSmall):
        Hub().snapshot(spec("owner/large"), fill)
    assert hub_cache.bytes_here(spec("owner/large"))[0] > 0


def test_a_public_demo_fetches_nothing(hub, llama_folder, tmp_path):
    hub.add("owner/tiny", llama_folder)
    pipeline = DownloadPipeline.on_this_machine(tmp_path / "models", device="cpu", allow_any=False)
    for model in ("owner/tiny", "Qwen/Qwen3-0.6B", "smollm2-135m-instruct"):
        with pytest.raises(NotAllowed):
            pipeline.generate(DownloadRequest(model))
    assert hub.asked == []
