"""Downloads from a hub that stands on 127.0.0.1 and speaks the hub's own protocol; the client is the real one."""

import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipelines.errors import ModelGated, ModelNotHere, UnknownModel, UnsafeModel
from pipelines.loading import hub
from pipelines.loading.weights import check_model
from pipelines.text import TextPipeline
from pipelines.types import Event, Loading, Message, ModelSpec, Sampling, TextRequest, ignore

COMMIT = "a" * 40


class SmallHub:
    """Repositories by id: a table of file contents. `gated` ids answer as the hub does without a token."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, bytes]] = {}
        self.gated: set[str] = set()
        self.fetched: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer.answer(self, with_body=True)

            def do_HEAD(self) -> None:
                outer.answer(self, with_body=False)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, handler: BaseHTTPRequestHandler, with_body: bool) -> None:
        parts = handler.path.split("?")[0].strip("/").split("/")
        is_listing = parts[:2] == ["api", "models"]
        owner_name = "/".join(parts[2:4] if is_listing else parts[:2])
        files = self.repositories.get(owner_name)
        if owner_name in self.gated:
            return self.send(handler, 403, b"{}", {"X-Error-Code": "GatedRepo", "X-Error-Message": "gated"}, with_body)
        if files is None:
            return self.send(handler, 404, b"{}", {"X-Error-Code": "RepoNotFound"}, with_body)
        if is_listing:
            siblings = [{"rfilename": name, "size": len(content)} for name, content in files.items()]
            body = {"id": owner_name, "modelId": owner_name, "sha": COMMIT, "siblings": siblings, "private": False}
            return self.send(handler, 200, json.dumps(body).encode(), {}, with_body)
        content = files.get("/".join(parts[4:]))
        if content is None:
            return self.send(handler, 404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT}, with_body)
        if with_body:
            self.fetched.append(parts[-1])
        headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": COMMIT}
        return self.send(handler, 200, content, headers, with_body)

    def send(self, handler, status: int, body: bytes, headers: dict[str, str], with_body: bool) -> None:
        handler.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if with_body:
            handler.wfile.write(body)


@pytest.fixture
def small_hub(tmp_path, monkeypatch) -> Iterator[SmallHub]:
    import huggingface_hub.constants as constants

    server = SmallHub()
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, server.address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    yield server
    server.server.shutdown()
    server.server.server_close()


def spec(location: str) -> ModelSpec:
    return ModelSpec(location, location, "", ("chat",), "hub", location)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_model_comes_with_what_is_opened_and_nothing_else(small_hub, llama_folder):
    extra = {"pytorch_model.bin": b"\x80\x02.", "README.md": b"#", "model.py": b"x", "onnx/model.onnx": b"x"}
    small_hub.repositories["owner/tiny"] = {**contents(llama_folder), **extra}
    events: list[Event] = []
    folder = hub.snapshot(spec("owner/tiny"), events.append)
    assert {path.name for path in folder.iterdir()} == set(contents(llama_folder))
    assert check_model(folder, "tiny").architectures == ("LlamaForCausalLM",)
    done = [event.done for event in events if isinstance(event, Loading)]
    assert done and done == sorted(done) and events[-1].total >= done[-1] > 0
    assert not {"pytorch_model.bin", "model.py"} & set(small_hub.fetched)


def test_the_second_time_the_hub_is_not_asked(small_hub, llama_folder):
    small_hub.repositories["owner/tiny"] = contents(llama_folder)
    first = hub.snapshot(spec("owner/tiny"), ignore)
    small_hub.repositories.clear()
    assert hub.snapshot(spec("owner/tiny"), ignore) == first


@pytest.mark.parametrize(
    "files",
    [
        {"model-q4_k_m.gguf": b"GGUF"},
        {"adapter_config.json": b"{}", "adapter_model.safetensors": b"x"},
    ],
    ids=["gguf", "lora"],
)
def test_a_repository_without_config_is_found_again_without_the_hub(files, small_hub, monkeypatch):
    small_hub.repositories["owner/bare"] = files
    assert hub.folder_on_disk(spec("owner/bare")) is None
    first = hub.snapshot(spec("owner/bare"), ignore)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    assert hub.snapshot(spec("owner/bare"), ignore) == first == hub.folder_on_disk(spec("owner/bare"))
    (first / next(name for name in files if not name.endswith("json"))).unlink()
    assert hub.folder_on_disk(spec("owner/bare")) is None


def test_of_an_openvino_repository_the_weights_come_last():
    names = [
        "openvino_tokenizer.xml",
        "openvino_model.bin",
        "openvino_model.xml",
        "openvino_tokenizer.bin",
        "config.json",
    ]
    assert hub._wanted(dict.fromkeys(names, 1), "x")[-1] == "openvino_model.bin"


def test_it_answers_through_the_whole_pipeline(small_hub, llama_folder):
    small_hub.repositories["owner/tiny"] = contents(llama_folder)
    sampling = Sampling(max_new_tokens=4, seed=1)
    request = TextRequest(model="owner/tiny", messages=(Message("user", "hello"),), sampling=sampling)
    assert TextPipeline.on_this_machine(device="cpu").generate(request).new_tokens > 0


def test_only_pickles_on_the_hub_are_refused_before_a_download(small_hub):
    small_hub.repositories["owner/old"] = {"config.json": b"{}", "pytorch_model.bin": b"\x80\x02."}
    with pytest.raises(UnsafeModel):
        hub.snapshot(spec("owner/old"), ignore)
    assert small_hub.fetched == []


def test_code_on_the_hub_is_refused_before_the_weights(small_hub, llama_folder):
    evil = json.dumps({"auto_map": {"AutoModel": "evil.Model"}}).encode()
    small_hub.repositories["owner/evil"] = {**contents(llama_folder), "config.json": evil, "evil.py": b"x"}
    with pytest.raises(UnsafeModel, match="auto_map"):
        hub.snapshot(spec("owner/evil"), ignore)
    assert "model.safetensors" not in small_hub.fetched and "evil.py" not in small_hub.fetched


def test_a_download_can_be_stopped(small_hub, llama_folder):
    class Stop(Exception):
        pass

    def stop(event: Event) -> None:
        raise Stop

    small_hub.repositories["owner/tiny"] = contents(llama_folder)
    with pytest.raises(Stop):
        hub.snapshot(spec("owner/tiny"), stop)
    assert hub.snapshot(spec("owner/tiny"), ignore).is_dir()


def test_gated_unknown_and_unreachable(small_hub, monkeypatch):
    small_hub.gated.add("owner/gated")
    with pytest.raises(ModelGated) as gated:
        hub.snapshot(spec("owner/gated"), ignore)
    assert "HF_TOKEN" in gated.value.say("zh") and "owner/gated" in gated.value.say("en")
    with pytest.raises(UnknownModel):
        hub.snapshot(spec("owner/nothing"), ignore)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelNotHere):
        hub.snapshot(spec("owner/other"), ignore)


@pytest.mark.parametrize("endpoint", ["http://127.0.0.1:9", "http://no-such-host.invalid"])
def test_no_network_is_said_in_plain_words(endpoint, small_hub, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", endpoint)
    with pytest.raises(ModelNotHere) as away:
        hub.snapshot(spec("owner/other"), ignore)
    assert "the hub cannot be reached" in away.value.say("en") and "Errno" not in away.value.say("en")
    assert "无法连接 hub" in away.value.say("zh")


def test_a_full_disk_keeps_its_own_reason():
    with pytest.raises(ModelNotHere, match="No space left"), hub._in_plain_words(spec("owner/other")):
        raise OSError(28, "No space left on device")


def test_a_gguf_repository_gives_one_file():
    sizes = {"a-Q8_0.gguf": 3, "a-Q4_K_M.gguf": 2, "a-F16.gguf": 9, "config.json": 1, "sub/x.gguf": 1}
    assert hub._wanted(sizes, "x") == ["config.json", "a-Q4_K_M.gguf"]
    assert hub._wanted({"z-F16.gguf": 9}, "x") == ["z-F16.gguf"]
