"""Downloads from a hub that stands on 127.0.0.1 and speaks the hub's own protocol; the client is the real one."""

import json
import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from pipelines.download import DownloadPipeline
from pipelines.errors.access import NotAllowed
from pipelines.errors.base import StudioError
from pipelines.errors.models import (
    AsksForCode,
    DiskTooSmall,
    ForeignRedirect,
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
from pipelines.errors.requests import NoRevision
from pipelines.errors.storage import NotRemoved
from pipelines.image import ImagePipeline
from pipelines.loading.hub import addresses, transfer
from pipelines.loading.hub import cache as hub_cache
from pipelines.loading.hub.client import Hub
from pipelines.loading.inspection.weights import check_model
from pipelines.text import TextPipeline
from pipelines.types.download import DownloadRequest
from pipelines.types.events import Event, Loading, ignore
from pipelines.types.image import ImageRequest
from pipelines.types.model import ModelSpec
from pipelines.types.text import Message, Sampling, TextRequest
from tests.hub import LocalHub, ask_here
from tests.pipelines import tiny_images

PUBLIC = "http://93.184.216.34"  # an address of the internet that nobody here is asked at


@pytest.fixture
def hub(tmp_path, monkeypatch) -> Iterator[LocalHub]:
    """The hub, as HF_ENDPOINT would name it, and a cache of its own."""
    with LocalHub() as local:
        ask_here(monkeypatch, local.address, tmp_path / "hub")
        monkeypatch.setattr(transfer, "PATIENCE_SECONDS", 0.05)
        yield local


def spec(location: str, revision: str = "main") -> ModelSpec:
    return ModelSpec(location, location, "", ("chat",), "hub", location, revision=revision)


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


class Stop(Exception):
    pass


def stop_at(share: float, events: list[Loading]):
    """An `on_event` that stops when so much of it is here."""

    def tell(event: Event) -> None:
        assert isinstance(event, Loading)
        events.append(event)
        if event.total and event.done >= share * event.total:
            raise Stop

    return tell


# ── what comes ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_model_comes_with_what_is_opened_and_nothing_else(hub, llama_folder):
    extra = {"pytorch_model.bin": b"\x80\x02.", "README.md": b"#", "model.py": b"x", "onnx/model.onnx": b"x"}
    contents = {name: (llama_folder / name).read_bytes() for name in names(llama_folder)}
    hub.add("owner/tiny", {**contents, **extra, "../outside.json": b"{}"})
    events: list[Event] = []
    folder = Hub().snapshot(spec("owner/tiny"), events.append)
    assert names(folder) == set(contents)
    assert check_model(folder, "tiny").architectures == ("LlamaForCausalLM",)
    done = [event.done for event in events if isinstance(event, Loading)]
    assert done == sorted(done) and done[-1] == events[-1].total == sum(map(len, contents.values()))
    assert not {"pytorch_model.bin", "model.py", "onnx/model.onnx"} & {one.file for one in hub.sent}
    assert {path.name for path in folder.iterdir() if path.is_symlink()} == set(contents)


def test_the_client_of_the_hub_finds_what_came(hub, llama_folder, monkeypatch):
    from huggingface_hub import hf_hub_download, scan_cache_dir

    hub.add("owner/tiny", llama_folder)
    folder = Hub().snapshot(spec("owner/tiny"), ignore)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert Path(hf_hub_download("owner/tiny", "model.safetensors")).parent == folder
    (repository,) = scan_cache_dir(hub_cache.cache_folder()).repos
    assert repository.repo_id == "owner/tiny" and repository.size_on_disk == hub_cache.bytes_on_disk(spec("owner/tiny"))


def test_the_second_time_the_hub_is_not_asked(hub, llama_folder):
    repository = hub.add("owner/tiny", llama_folder)
    first = Hub().snapshot(spec("owner/tiny"), ignore)
    hub.asked.clear()
    assert Hub().snapshot(spec("owner/tiny"), ignore) == first
    assert Hub().snapshot(spec("owner/tiny", repository.commit), ignore) == first
    assert hub.asked == []


@pytest.mark.parametrize(
    "files",
    [{"model-q4_k_m.gguf": b"GGUF"}, {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"}],
    ids=["gguf", "lora"],
)
def test_a_repository_without_config_is_found_again_without_the_hub(files, hub, monkeypatch):
    hub.add("owner/bare", files)
    assert hub_cache.folder_on_disk(spec("owner/bare")) is None
    first = Hub().snapshot(spec("owner/bare"), ignore)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert Hub().snapshot(spec("owner/bare"), ignore) == first == hub_cache.folder_on_disk(spec("owner/bare"))
    (first / next(name for name in files if not name.endswith("json"))).unlink()
    assert hub_cache.folder_on_disk(spec("owner/bare")) is None


def test_a_pipeline_comes_in_one_precision_with_its_components(hub):
    index = {"_class_name": "StableDiffusionPipeline", "unet": ["diffusers", "UNet2DConditionModel"]}
    index |= {"scheduler": ["diffusers", "DDIMScheduler"], "safety_checker": [None, None]}
    files = {
        "model_index.json": json.dumps(index).encode(),
        "unet/config.json": b"{}",
        "unet/diffusion_pytorch_model.safetensors": b"x" * 100,
        "unet/diffusion_pytorch_model.fp16.safetensors": b"x" * 50,
        "unet/diffusion_pytorch_model.bin": b"\x80",
        "scheduler/scheduler_config.json": b"{}",
        "safety_checker/model.safetensors": b"x",
        "v1-5-pruned.safetensors": b"x" * 500,
        "v1-5.ckpt": b"\x80",
        "vae_onnx/model.onnx": b"x",
    }
    hub.add("owner/drawer", files)
    folder = Hub().snapshot(spec("owner/drawer"), ignore)
    kept = {"model_index.json", "scheduler/scheduler_config.json", "unet/config.json"}
    assert names(folder) == kept | {"unet/diffusion_pytorch_model.fp16.safetensors"}
    assert hub_cache.folder_on_disk(spec("owner/drawer")) == folder


def test_who_asks_a_model_that_is_not_here_gets_it_with_the_same_progress(hub, llama_folder):
    hub.add("owner/tiny", llama_folder)
    sampling = Sampling(max_new_tokens=4, seed=1)
    request = TextRequest(model="owner/tiny", messages=(Message("user", "hello"),), sampling=sampling)
    heard: list[Event] = []
    assert TextPipeline.on_this_machine(device="cpu").generate(request, heard.append).new_tokens > 0
    came = [event for event in heard if isinstance(event, Loading) and event.stage == "download"]
    assert came and came[-1].done == came[-1].total > 0


def test_a_pipeline_that_came_in_half_precision_draws(hub, tmp_path):
    import torch
    from diffusers import StableDiffusionPipeline

    folder = tiny_images.sd(tmp_path / "sd")
    StableDiffusionPipeline.from_pretrained(folder).to(torch.float16).save_pretrained(tmp_path / "half", variant="fp16")
    shutil.copytree(tmp_path / "half", folder, dirs_exist_ok=True)
    hub.add("owner/drawer", folder)
    request = ImageRequest("owner/drawer", prompt="a red cat", steps=2, seed=1)
    result = ImagePipeline.on_this_machine(device="cpu").generate(request)
    assert len(result.images) == 1
    came = {one.file for one in hub.sent}
    assert "unet/diffusion_pytorch_model.fp16.safetensors" in came
    assert "unet/diffusion_pytorch_model.safetensors" not in came


# ── stopped, broken, gone on ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def large(hub, make_causal) -> Path:
    """A model of a megabyte or so, on the hub as owner/large."""
    folder = make_causal("Llama", hidden_size=128, intermediate_size=512)
    hub.add("owner/large", folder)
    return folder


def test_a_stopped_download_goes_on_where_it_stopped(hub, large):
    hub.bytes_per_second = 400_000
    events: list[Loading] = []
    with pytest.raises(Stop):
        Hub().snapshot(spec("owner/large"), stop_at(0.4, events))
    done, total = hub_cache.bytes_here(spec("owner/large"))
    assert 0.3 * total < done < 0.9 * total
    assert hub_cache.folder_on_disk(spec("owner/large")) is None

    hub.bytes_per_second = None
    again: list[Loading] = []
    folder = Hub().snapshot(spec("owner/large"), again.append)
    assert again[0].done >= done and again[-1].done == again[-1].total == total
    resumed = [one for one in hub.sent if one.file == "model.safetensors"][-1]
    size = (large / "model.safetensors").stat().st_size
    assert resumed.start > 0 and resumed.start + resumed.count == size
    assert (folder / "model.safetensors").read_bytes() == (large / "model.safetensors").read_bytes()


def test_a_line_that_breaks_is_taken_up_again(hub, large):
    hub.cut_after = 300_000
    folder = Hub().snapshot(spec("owner/large"), ignore)
    size = (large / "model.safetensors").stat().st_size
    assert hub.bytes_sent("model.safetensors") == size
    assert [one.start > 0 for one in hub.sent if one.file == "model.safetensors"] == [False, True]
    assert (folder / "model.safetensors").read_bytes() == (large / "model.safetensors").read_bytes()


def test_a_server_that_is_busy_is_asked_again(hub, large):
    hub.stumbles = 2
    assert Hub().snapshot(spec("owner/large"), ignore)
    hub_cache.remove(spec("owner/large"))
    hub.stumbles = 1000
    assert "503" in refusal_of("owner/large", ModelNotHere)


def test_a_server_that_knows_no_ranges_begins_again(hub, large):
    hub.cut_after, hub.knows_ranges = 300_000, False
    folder = Hub().snapshot(spec("owner/large"), ignore)
    assert (folder / "model.safetensors").read_bytes() == (large / "model.safetensors").read_bytes()


def test_it_goes_on_with_the_commit_that_it_began(hub, large):
    hub.bytes_per_second = 400_000
    with pytest.raises(Stop):
        Hub().snapshot(spec("owner/large"), stop_at(0.4, []))
    record = hub_cache.read_record(spec("owner/large"))
    assert record is not None and record.commit == hub.repositories["owner/large"].commit and record.revision == "main"
    hub.asked.clear()
    hub.bytes_per_second = None
    folder = Hub().snapshot(spec("owner/large"), ignore)
    assert hub.asked[0] == f"api/models/owner/large/revision/{record.commit}" and folder.name == record.commit


def test_a_commit_that_the_hub_dropped_is_begun_anew(hub, large):
    hub.bytes_per_second = 400_000
    with pytest.raises(Stop):
        Hub().snapshot(spec("owner/large"), stop_at(0.4, []))
    hub.bytes_per_second = None
    repository = hub.repositories["owner/large"]
    repository.commit = "b" * 40
    repository.files["model.safetensors"] = (large / "model.safetensors").read_bytes()[:-1] + b"\x01"
    assert Hub().snapshot(spec("owner/large"), ignore).name == "b" * 40
    assert not list((hub_cache.repository_folder(spec("owner/large")) / "blobs").glob("*.part"))


def test_on_a_slow_link_it_tells_about_four_times_a_second(hub, large):
    hub.bytes_per_second = 500_000
    events: list[Loading] = []
    started = time.monotonic()
    Hub().snapshot(spec("owner/large"), events.append)  # type: ignore[arg-type]
    seconds = time.monotonic() - started
    assert seconds > 1 and 3 <= len(events) <= 4 * seconds + 3


def test_of_two_that_want_one_model_one_fetches(hub, large):
    hub.bytes_per_second = 1_000_000
    waited: list[Event] = []
    threads = [threading.Thread(target=Hub().snapshot, args=(spec("owner/large"), waited.append)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert hub.bytes_sent("model.safetensors") == (large / "model.safetensors").stat().st_size


def test_the_pipeline_says_what_came_and_what_stayed(hub, large, tmp_path):
    pipeline = DownloadPipeline.on_this_machine(tmp_path / "models", device="cpu")
    hub.bytes_per_second = 400_000
    heard: list[Event] = []
    stopped = pipeline.generate(
        DownloadRequest("owner/large"), heard.append, lambda: any(0 < e.done > 0.4 * e.total for e in heard)
    )
    assert stopped.finish_reason == "cancelled" and 0 < stopped.new_bytes == stopped.size_bytes
    hub.bytes_per_second = None
    whole = pipeline.generate(DownloadRequest("owner/large"))
    assert whole.finish_reason == "stop" and whole.revision == hub.repositories["owner/large"].commit
    assert whole.new_bytes + stopped.new_bytes == whole.size_bytes == hub_cache.bytes_on_disk(spec("owner/large"))
    assert pipeline.generate(DownloadRequest("owner/large")).new_bytes == 0
    hub_cache.remove(spec("owner/large"))
    assert hub_cache.bytes_on_disk(spec("owner/large")) == 0
    assert hub_cache.folder_on_disk(spec("owner/large")) is None and hub_cache.bytes_here(spec("owner/large")) == (0, 0)


def test_what_cannot_be_deleted_is_not_said_to_be_gone(hub, large, monkeypatch):
    Hub().snapshot(spec("owner/large"), ignore)

    def forbid(*arguments: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("os.unlink", forbid)
    with pytest.raises(NotRemoved, match="Permission denied") as caught:
        hub_cache.remove(spec("owner/large"))
    assert str(hub_cache.repository_folder(spec("owner/large"))) in caught.value.say("zh")
    monkeypatch.undo()


def test_to_remove_what_is_not_there_is_no_failure(hub):
    hub_cache.remove(spec("owner/nothing"))


@pytest.mark.parametrize(
    "revision", ["v1.0", "refs/pr/12", "feature/größer", "0" * 40, "2024_01-fix", "main@2", "a.b.c", "x" * 200]
)
def test_a_revision_may_be_what_git_takes(revision):
    DownloadRequest("owner/name", revision).check()


@pytest.mark.parametrize(
    "revision",
    ["", "..", "a/../b", "../../x", "/etc/passwd", "-rf", "a b", "a\nb", "a\x00", "a\x7f", "a\\b", "a//b", "a/", ".a",
     "a/.b", "a.lock", "a.", "a~1", "a:b", "a?b", "a*", "a[b", "@", "a@{1}", "x" * 201, "\ud800", "a\u2028b"],
)  # fmt: skip
def test_a_revision_that_no_hub_has_is_refused_before_it_names_a_file(revision, hub):
    with pytest.raises(NoRevision) as caught:
        DownloadPipeline.on_this_machine(device="cpu").generate(DownloadRequest("owner/name", revision))
    assert "版本" in caught.value.say("zh") and hub.asked == []


def test_a_starter_counts_as_a_download_too(starter_folder, tmp_path):
    pipeline = DownloadPipeline.on_this_machine(tmp_path / "models", device="cpu")
    result = pipeline.generate(DownloadRequest("smollm2-135m-instruct"))
    assert result.new_bytes == 0 and result.size_bytes > 50_000_000


# ── refused ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def refusal_of(model: str, kind: type[StudioError], token_file: Path | None = None) -> str:
    """The sentence, after it was seen to stand in both languages."""
    with pytest.raises(kind) as caught:
        Hub(token_file).snapshot(spec(model), ignore)
    assert type(caught.value) is kind
    assert any("\u4e00" <= letter <= "\u9fff" for letter in caught.value.say("zh"))
    return caught.value.say("en")


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


# ── where it may go ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def public_hub(hub, monkeypatch, tmp_path) -> LocalHub:
    """The same hub under an address of the internet: it answers as the proxy that leads there."""
    monkeypatch.setenv("HTTP_PROXY", hub.address)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    ask_here(monkeypatch, PUBLIC, tmp_path / "hub")
    hub.cdn = f"{PUBLIC}/cdn"
    from huggingface_hub import close_session

    close_session()
    yield hub
    close_session()


@pytest.mark.parametrize(
    "inside",
    [
        "http://127.0.0.1:{port}/secret",
        "http://localhost:{port}/secret",
        "HTTP://LOCALHOST.:{port}/secret",
        "http://2130706433:{port}/secret",
        "http://0x7f.1:{port}/secret",
        "http://[::1]:{port}/secret",
        "http://[::ffff:127.0.0.1]:{port}/secret",
        "http://0.0.0.0:{port}/secret",
        "http://10.0.0.5/secret",
        "http://192.168.1.1/secret",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/secret",
        "http://[fd00::1]/secret",
        "http://[fe80::1]/secret",
        "http://[64:ff9b::7f00:1]:{port}/secret",
        "http://[64:ff9b:1::7f00:1]:{port}/secret",
        "http://[::7f00:1]:{port}/secret",
        "http://[fec0::1]/secret",
        "//127.0.0.1:{port}/secret",
    ],
)
def test_a_public_hub_sends_nobody_inside(inside, public_hub, llama_folder):
    repository = public_hub.add("owner/tiny", llama_folder)
    repository.redirects["model.safetensors"] = inside.format(port=public_hub.port)
    sentence = refusal_of("owner/tiny", ForeignRedirect)
    assert "Nothing was fetched" in sentence and "secret" not in public_hub.asked


def test_a_public_hub_may_send_to_the_internet(public_hub, llama_folder):
    public_hub.add("owner/tiny", llama_folder)
    assert Hub().snapshot(spec("owner/tiny"), ignore)
    assert any(path.startswith("cdn/") for path in public_hub.asked)


def test_a_name_is_looked_up_once_and_connected_to_under_that_address(monkeypatch):
    """A second look-up may give another address; the connection must go to the first."""
    asked: list[httpx2.Request] = []

    def pretend(self: object, request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        seen.append((request.url.host, request.headers["host"], request.extensions["sni_hostname"]))
        return httpx2.Response(200)

    seen: list[tuple[str, str, str]] = []
    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", pretend)
    monkeypatch.setattr(addresses, "_addresses", lambda host: [{"hub.example": "93.184.216.34"}.get(host, "127.0.0.1")])
    monkeypatch.setattr(addresses, "getproxies", dict)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://hub.example")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    client = addresses.client()
    assert client.get("https://hub.example/x").status_code == 200
    assert seen == [("93.184.216.34", "hub.example", "hub.example")]
    assert str(asked[0].url) == "https://hub.example/x", "a redirect is read from the name"
    with pytest.raises(ForeignRedirect):
        client.get("https://rebound.example/x")


def test_addresses_are_pinned_where_the_environment_names_only_who_needs_no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert isinstance(addresses.client()._transport, addresses._PinnedTransport)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert not isinstance(addresses.client()._transport, addresses._PinnedTransport)


def test_a_hub_inside_may_send_inside(hub, llama_folder):
    hub.add("owner/tiny", llama_folder)
    assert Hub().snapshot(spec("owner/tiny"), ignore)
