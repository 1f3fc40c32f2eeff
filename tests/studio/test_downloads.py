"""Downloads as jobs: a real worker process, a hub on 127.0.0.1, kills and restarts in the middle."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines.errors.access import NotAllowed
from pipelines.errors.base import StudioError
from pipelines.errors.crossing import every_error
from pipelines.errors.models import ModelError, ModelInUse, TokenRefused, UnknownModel
from pipelines.loading.hub import cache as hub_cache
from pipelines.types.download import DownloadRequest, DownloadResult
from pipelines.types.events import Loading, ignore
from pipelines.types.model import ModelSpec
from pipelines.types.text import Message, Sampling, TextRequest
from studio.jobs.job import Job
from studio.services import Services
from studio.ui.models.cards import look_card
from studio.ui.models.rows import ModelRow, rows_of
from tests.hub import LocalHub, ask_here
from tests.pipelines.tiny_texts import save_causal
from tests.studio.jobs.conftest import ANN, BO, open_services, watch

__all__ = ["open_services"]  # a fixture of the jobs

MODEL = "someone/llama"
SPEC = ModelSpec(MODEL, MODEL, "", (), "hub", MODEL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return save_causal(tmp_path_factory.mktemp("llama"), hidden_size=256, intermediate_size=1024)


@pytest.fixture
def hub(tmp_path, monkeypatch, folder) -> Iterator[LocalHub]:
    """The hub, for this process and for the workers that it starts."""
    with LocalHub() as local:
        local.add(MODEL, folder)
        for name, value in {
            "HF_ENDPOINT": local.address,
            "HF_HUB_OFFLINE": "0",
            "HF_HOME": str(tmp_path / "hf"),
        }.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("HF_TOKEN", raising=False)
        ask_here(monkeypatch, local.address, tmp_path / "hf" / "hub")
        yield local


def wait_until(is_so: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


def begin(services: Services, hub: LocalHub, share: float = 0.3) -> Job:
    """A download that is so far; the hub is slow until it is told otherwise."""
    hub.bytes_per_second = 500_000
    job = services.jobs.submit(ANN, DownloadRequest(MODEL))
    wait_until(lambda: hub_cache.bytes_here(SPEC)[0] > share * hub_cache.bytes_here(SPEC)[1] > 0)
    return job


def row_of(services: Services, owner: str) -> ModelRow:
    """How the Models tab shows the model to a person."""
    return next(row for row in rows_of(services, owner) if row.spec.id == MODEL)


def resumes_to_the_end(services: Services, hub: LocalHub, job: Job, folder: Path) -> None:
    """Run again, it brings the rest and no byte of the large file twice."""
    hub.bytes_per_second = None
    wait_until(lambda: services.jobs.status()["workers"][0]["state"] == "ready")
    again = services.jobs.rerun(ANN, job.id)
    watch(services.jobs, ANN, again.id)
    ended = services.jobs.get(ANN, again.id)
    assert ended.state == "done" and isinstance(ended.result, DownloadResult)
    last = [one for one in hub.sent if one.file == "model.safetensors"][-1]
    assert last.start > 0 and last.start + last.count == (folder / "model.safetensors").stat().st_size
    assert ended.result.revision == hub.repositories[MODEL].commit
    wait_until(lambda: row_of(services, ANN).state == "here")
    assert (hub_cache.folder_on_disk(SPEC) / "model.safetensors").read_bytes() == (  # type: ignore[operator]
        folder / "model.safetensors"
    ).read_bytes()


def test_a_download_is_a_job_with_its_bytes_and_its_model_stands_in_the_lists(hub, folder, open_services):
    services = open_services()
    job = services.jobs.submit(ANN, DownloadRequest(MODEL))
    told = [event.data for event in watch(services.jobs, ANN, job.id) if isinstance(event.data, Loading)]
    assert told[-1].stage == "download" and told[-1].done == told[-1].total > 0
    result = services.jobs.get(ANN, job.id).result
    assert isinstance(result, DownloadResult) and result.new_bytes == result.size_bytes == told[-1].total
    wait_until(lambda: MODEL in {spec.id for spec in services.catalog.rows("chat")})
    row = next(spec for spec in services.catalog.rows("chat") if spec.id == MODEL)
    assert (row.family, row.revision) == ("transformers_causal", hub.repositories[MODEL].commit)
    asked = TextRequest(MODEL, messages=(Message("user", "hello"),), sampling=Sampling(max_new_tokens=3, seed=1))
    hub.is_down = True
    answer = services.jobs.submit(BO, asked)
    watch(services.jobs, BO, answer.id)
    assert services.jobs.get(BO, answer.id).state == "done"


def test_stop_pauses_and_run_again_goes_on(hub, folder, open_services):
    services = open_services()
    job = begin(services, hub)
    mine, theirs = row_of(services, ANN), row_of(services, BO)
    assert mine.state == theirs.state == "downloading" and (mine.job_id, theirs.job_id) == (job.id, "")
    services.jobs.cancel(ANN, job.id)
    started = time.monotonic()
    watch(services.jobs, ANN, job.id)
    assert time.monotonic() - started < 10  # 1 s on a machine that does nothing else
    paused = services.jobs.get(ANN, job.id)
    row = row_of(services, BO)
    assert row.state == "paused" and 0 < row.done < row.total
    assert paused.state == "cancelled" and isinstance(paused.result, DownloadResult) and paused.result.new_bytes > 0
    resumes_to_the_end(services, hub, job, folder)


def test_a_killed_worker_loses_no_byte_that_came(hub, folder, open_services):
    services = open_services()
    job = begin(services, hub)
    assert services.jobs.worker_pid is not None
    os.kill(services.jobs.worker_pid, signal.SIGKILL)
    watch(services.jobs, ANN, job.id)
    assert services.jobs.get(ANN, job.id).state == "interrupted"
    resumes_to_the_end(services, hub, job, folder)


def test_after_a_restart_of_the_server_it_goes_on(hub, folder, open_services):
    services = open_services()
    job = begin(services, hub)
    pid = services.jobs.worker_pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    services.close()
    services = open_services()
    assert services.jobs.get(ANN, job.id).state == "interrupted" and row_of(services, ANN).state == "paused"
    resumes_to_the_end(services, hub, job, folder)


def test_while_one_comes_others_work_and_it_cannot_be_removed(hub, folder, open_services):
    services = open_services()
    hub.add("someone/second", folder)
    job = begin(services, hub, share=0.1)
    hub.bytes_per_second = 10_000
    second = services.jobs.submit(BO, DownloadRequest("someone/second"))
    story = services.jobs.submit(
        BO, TextRequest("smollm2-135m-instruct", task="write", text="One word.", sampling=Sampling(max_new_tokens=3))
    )
    watch(services.jobs, BO, story.id)
    wait_until(lambda: services.jobs.get(BO, second.id).state == "running")
    assert services.jobs.get(BO, story.id).state == "done" and services.jobs.get(ANN, job.id).state == "running"
    with pytest.raises(ModelInUse) as caught:
        services.removal.remove(MODEL)
    assert services.removal.uses(ANN, MODEL).jobs == 1 and "使用中" in caught.value.say("zh")
    hub.bytes_per_second = None
    watch(services.jobs, ANN, job.id)
    watch(services.jobs, BO, second.id)
    assert services.jobs.get(BO, second.id).state == "done"
    services.removal.remove(MODEL)
    assert not hub_cache.repository_folder(SPEC).exists()
    assert MODEL not in {spec.id for spec in services.catalog.rows()}


def _pickles(hub: LocalHub) -> None:
    hub.add(MODEL, {"config.json": b"{}", "pytorch_model.bin": b"\x80\x02."})


def _code(hub: LocalHub) -> None:
    hub.repositories[MODEL].files["config.json"] = b'{"auto_map": {"AutoModel": "evil.Model"}}'


def _gated(hub: LocalHub) -> None:
    hub.repositories[MODEL].is_gated = True


def _not_granted(hub: LocalHub) -> None:
    hub.repositories[MODEL].is_gated = True
    hub.tokens.add("hf_x")


def _nothing(hub: LocalHub) -> None:
    del hub.repositories[MODEL]


def _wrong(hub: LocalHub) -> None:
    content = hub.repositories[MODEL].files["model.safetensors"]
    hub.repositories[MODEL].wrong["model.safetensors"] = content[:-1] + bytes([content[-1] ^ 1])


def _down(hub: LocalHub) -> None:
    hub.is_down = True


def _class(hub: LocalHub) -> None:
    hub.repositories[MODEL].files["config.json"] = b'{"architectures": ["DetrForObjectDetection"]}'


REFUSALS = {
    "pickles": (_pickles, "UnsafeModel", "pickle"),
    "code": (_code, "AsksForCode", "auto_map"),
    "gated": (_gated, "ModelGated", "https://huggingface.co/someone/llama"),
    "token refused": (_gated, "TokenRefused", "token"),
    "not granted": (_not_granted, "NotGranted", "https://huggingface.co/someone/llama"),
    "unknown": (_nothing, "UnknownModel", "someone/llama"),
    "wrong content": (_wrong, "WrongContent", "model.safetensors"),
    "down": (_down, "ModelNotHere", "503"),
    "class": (_class, "UnsupportedModel", "DetrForObjectDetection"),
}


def test_every_refusal_reaches_the_person_in_both_languages(hub, folder, open_services):
    services = open_services()
    for name, (spoil, code, words) in REFUSALS.items():
        hub.add(MODEL, folder)
        hub.is_down = False
        services.hub_token.forget()
        if code in ("TokenRefused", "NotGranted"):
            services.hub_token.keep(" hf_x\n" if code == "NotGranted" else "hf_nobody")
        spoil(hub)
        job = services.jobs.submit(ANN, DownloadRequest(MODEL))
        watch(services.jobs, ANN, job.id)
        ended = services.jobs.get(ANN, job.id)
        assert ended.state == "failed" and isinstance(ended.error, ModelError), name
        assert type(ended.error).__name__ == code, name
        assert words in ended.error.say("en") and "{" not in ended.error.say("en"), name
        assert any("\u4e00" <= letter <= "\u9fff" for letter in ended.error.say("zh")), name
        hub_cache.remove(SPEC)


def test_the_token_is_only_for_this_user_and_only_in_its_file(hub, folder, open_services):
    services = open_services()
    hub.repositories[MODEL].is_gated = True
    hub.tokens.add("hf_sesame")
    hub.granted.add("hf_sesame")
    assert not services.hub_token.is_set
    services.hub_token.keep("hf_sesame")
    assert services.hub_token.is_set and services.hub_token.file.stat().st_mode & 0o777 == 0o600
    job = services.jobs.submit(ANN, DownloadRequest(MODEL))
    watch(services.jobs, ANN, job.id)
    assert services.jobs.get(ANN, job.id).state == "done"
    others = [path for path in services.settings.home.rglob("*") if path.is_file() and path != services.hub_token.file]
    assert not [path for path in others if b"hf_sesame" in path.read_bytes()]
    command = Path(f"/proc/{services.jobs.worker_pid}")
    if command.exists():  # Linux
        assert b"hf_sesame" not in (command / "cmdline").read_bytes() + (command / "environ").read_bytes()


def test_a_public_demo_takes_no_download(hub, open_services):
    services = open_services(is_space=True)
    for model in (MODEL, "Qwen/Qwen3-0.6B", "smollm2-135m-instruct"):
        with pytest.raises(NotAllowed) as caught:
            services.jobs.submit(ANN, DownloadRequest(model))
        assert "这里" in caught.value.say("zh") or "本工作室" in caught.value.say("zh")
    assert hub.asked == []


# ── what else uses a model ────────────────────────────────────────────────────────────────────────────────────────────


def test_what_uses_a_model_is_told_and_only_to_its_owner(hub, open_services):
    services = open_services(is_started=False)
    conversation = services.conversations.new(ANN, title="Rivers", settings={"model": MODEL})
    services.conversations.new(BO, title="Secrets", settings={"model": MODEL})
    services.conversations.new(ANN, title="Others", settings={"model": "someone/else"})
    adapter = services.settings.home / "models" / "my-adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text('{"base_model_name_or_path": "someone/llama"}')
    (services.settings.home / "models" / "odd").mkdir()
    (services.settings.home / "models" / "odd" / "adapter_config.json").write_text("[]")
    uses = services.removal.uses(ANN, MODEL)
    assert (uses.conversations, uses.adapters, uses.jobs) == (("Rivers",), ("my-adapter",), 0)
    services.conversations.delete(ANN, conversation.id)
    assert services.removal.uses(ANN, MODEL).conversations == ()


@pytest.mark.parametrize(("file", "content"), [("config.json", b"{"), ("config.json", b'{"architectures": ["X"]}')])
def test_what_is_damaged_or_of_a_foreign_kind_can_be_removed(file, content, hub, open_services):
    services = open_services(is_started=False)
    path = services.catalog.hub.snapshot(SPEC, ignore) / file
    path.unlink()
    path.write_bytes(content)
    card = look_card(
        services.catalog.look(MODEL), "en", is_here=True, is_listed=False,
        is_ours=services.removal.is_ours(services.catalog.locate(MODEL)), tasks=[], forms=(), disk=(1, 2),
    )  # fmt: skip
    assert 'data-action="remove"' in card
    services.removal.remove(MODEL)
    assert hub_cache.bytes_on_disk(SPEC) == 0


def test_a_model_of_the_home_goes_with_its_files_and_one_elsewhere_only_from_the_list(
    folder, tmp_path, hub, open_services
):
    services = open_services(is_started=False)
    own = save_causal(services.settings.home / "models" / "own")
    services.added.add(services.catalog.find(str(folder)))
    assert {"own", str(folder)} <= {spec.id for spec in services.catalog.rows()}
    services.removal.remove("own")
    services.removal.remove(str(folder))
    assert not own.exists() and (folder / "model.safetensors").exists()
    assert not {"own", str(folder)} & {spec.id for spec in services.catalog.rows()}
    with pytest.raises(UnknownModel):
        services.removal.remove("own")


def test_two_models_whose_names_have_no_latin_letters_are_two_rows(hub, open_services):
    services = open_services(is_started=False)
    models = ["/家/甲", "/家/乙", "/" + "x" * 200 + "/a", "/" + "x" * 200 + "/b", "a/b", "a--b"]
    for model in models:
        services.added.add(ModelSpec(model, "x", "transformers_causal", ("chat",), "folder", "/nowhere"))
    assert set(models) <= {spec.id for spec in services.catalog.rows()}
    services.added.forget("/家/甲")
    assert services.added.has("/家/乙") and not services.added.has("/家/甲")


def test_of_a_link_in_the_models_folder_only_the_link_goes(folder, hub, open_services):
    services = open_services(is_started=False)
    link = services.settings.home / "models" / "linked"
    link.symlink_to(folder)
    services.removal.remove("linked")
    assert not link.is_symlink() and (folder / "model.safetensors").exists()


@pytest.mark.parametrize("token", ["hf_令牌", "hf_one two", "hf_one\nX-Other: 1"])
def test_a_token_that_no_request_could_carry_is_not_kept(token, hub, open_services):
    services = open_services(is_started=False)
    with pytest.raises(TokenRefused) as caught:
        services.hub_token.keep(token)
    assert not services.hub_token.is_set and token not in str(caught.value)


def test_rows_that_cannot_be_read_are_passed_over(hub, open_services):
    services = open_services(is_started=False)
    models = services.settings.home / "models"
    for name, text in {
        "a.json": "[]",
        "b.json": '{"id": 5}',
        "c.json": "{",
        "d.json": "\ud800".encode("utf-8", "replace").decode(),
    }.items():
        (models / name).write_text(text)
    rows = {spec.id for spec in services.catalog.rows()}
    services.added.add(ModelSpec("../../evil", "x", "transformers_causal", ("chat",), "folder", "/nowhere"))
    assert {path.parent for path in models.rglob("*evil*")} == {models}
    assert {spec.id for spec in services.catalog.rows()} == rows | {"../../evil"}
    services.added.forget("../../evil")
    assert {spec.id for spec in services.catalog.rows()} == rows


def test_every_error_about_models_says_what_to_do_in_both_languages():
    details = {"model": "m", "link": "https://x", "reason": "r", "file": "f", "host": "h", "path": "/p", "task": "t"}
    details |= {"needed_gb": 1.5, "free_gb": 0.5}
    for name in ("ModelGated", "NotGranted", "TokenRefused", "WrongContent", "ForeignRedirect", "DiskTooSmall", "ModelInUse",
                 "UnsupportedTask", "IsAdapter", "EmptyName"):  # fmt: skip
        error: StudioError = every_error()[name](**details)
        assert len(error.say("en")) > 40 and "{" not in error.say("en")
        assert any("\u4e00" <= letter <= "\u9fff" for letter in error.say("zh")) and "{" not in error.say("zh")
