"""A finished model is pushed to a hub: what goes there and what does not, and what is said when the hub refuses."""

import json
import logging
import pickle

import httpx2
import numpy
import pytest
import torch
from huggingface_hub import HfApi
from safetensors.torch import save_file

from pipelines.errors.pushing import (
    MayNotPush,
    NothingToPush,
    PushFailed,
    PushTokenRefused,
    RepositoryTaken,
    WrongRepositoryName,
)
from pipelines.training.card import write_facts
from pipelines.training.push import Stopped, push
from tests.hub import LocalHub, ask_here
from tests.pipelines.training.test_card import FACTS

TOKEN = "hf_secretOfPirates"


@pytest.fixture
def hub(monkeypatch, tmp_path):
    with LocalHub() as hub:
        hub.accounts[TOKEN] = "jane"
        ask_here(monkeypatch, hub.address, tmp_path / "cache")
        yield hub


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "models" / "pirate"
    (folder / "unet").mkdir(parents=True)
    save_file({"weight": torch.ones(300, 100)}, folder / "unet" / "model.safetensors")
    save_file({"weight": torch.ones(7)}, folder / "adapter.safetensors")
    (folder / "config.json").write_text(json.dumps({"_name_or_path": str(tmp_path / "base" / "unet"), "width": 4}))
    (folder / "torn.json").write_bytes(b'{"width": \xff')
    (folder / "evil.bin").write_bytes(pickle.dumps({}))
    (folder / "notes.txt").write_bytes(pickle.dumps({}))
    numpy.save(folder / "known.npy", numpy.arange(4))
    numpy.save(folder / "objects.npy", numpy.array([{}], dtype=object), allow_pickle=True)
    (folder / "secret.txt").symlink_to("/etc/hostname")
    write_facts(folder, {**FACTS, "base": str(tmp_path / "somewhere" / "tiny-base"), "licence": "PSF-2.0"})
    return folder


def test_it_is_there_privately_with_its_card_and_without_pickles_or_paths(hub, model, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    told = []
    assert push(model, "pirate", TOKEN, is_private=True, on_bytes=lambda *of: told.append(of)) == "jane/pirate"
    pushed = hub.repositories["jane/pirate"]
    files = set(pushed.files) - {".gitattributes"}
    assert files == {
        "unet/model.safetensors",
        "adapter.safetensors",
        "config.json",
        "known.npy",
        "model.json",
        "torn.json",
        "README.md",
    }
    assert pushed.is_private
    assert json.loads(pushed.files["config.json"]) == {"width": 4}
    for name in ("unet/model.safetensors", "adapter.safetensors", "known.npy"):
        assert pushed.files[name] == (model / name).read_bytes()
    assert not [name for name, content in pushed.files.items() if str(tmp_path).encode() in content]
    assert json.loads(pushed.files["model.json"])["base"] == "tiny-base"
    assert b"- Base: `tiny-base`" in pushed.files["README.md"]
    assert b'license: "other"' in pushed.files["README.md"]
    assert [done for done, _ in told] == sorted(done for done, _ in told) and told[-1][0] == told[-1][1] > 120_000
    assert TOKEN not in caplog.text
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and TOKEN.encode() in path.read_bytes()]


def test_what_broke_off_goes_on_and_what_is_whole_is_left_alone(hub, model):
    # 1 Stopped in the middle: an empty repository is there
    def stop(done, total):
        raise Stopped

    with pytest.raises(Stopped):
        push(model, "jane/pirate", TOKEN, is_private=True, on_bytes=stop)
    assert set(hub.repositories["jane/pirate"].files) == {".gitattributes"}

    # 2 Not into it where it is more open than was asked; else it goes on
    hub.repositories["jane/pirate"].is_private = False
    with pytest.raises(RepositoryTaken):
        push(model, "pirate", TOKEN, is_private=True, on_bytes=lambda *of: None)
    assert push(model, "pirate", TOKEN, is_private=False, on_bytes=lambda *of: None) == "jane/pirate"

    # 3 Now it is whole
    with pytest.raises(RepositoryTaken):
        push(model, "pirate", TOKEN, is_private=False, on_bytes=lambda *of: None)


def test_a_hub_that_answers_too_late_has_it_all_the_same(hub, model, monkeypatch):
    commit = HfApi.create_commit

    def late(api, *args, **more):
        if hub.repositories["jane/pirate"].is_private:
            commit(api, *args, **more)
        raise httpx2.ReadTimeout("late")

    monkeypatch.setattr(HfApi, "create_commit", late)
    assert push(model, "pirate", TOKEN, is_private=True, on_bytes=lambda *of: None) == "jane/pirate"
    hub.repositories.clear()
    with pytest.raises(PushFailed):
        push(model, "pirate", TOKEN, is_private=False, on_bytes=lambda *of: None)


def test_what_is_in_the_way_is_said(hub, model, tmp_path, monkeypatch):
    def pushed(name="pirate", token=TOKEN, folder=model):
        return push(folder, name, token, is_private=True, on_bytes=lambda *of: None)

    # 1 Before anything is asked
    for name in ("", "a/b/c", "../x", "pirate--2", "-x", "x.git", "x" * 97, "a b"):
        with pytest.raises(WrongRepositoryName):
            pushed(name)
    for token in ("", "two words", "密"):
        with pytest.raises(PushTokenRefused):
            pushed(token=token)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToPush):
        pushed(folder=tmp_path / "empty")
    assert hub.asked == []

    # 2 By the hub: whoever it is, where they may not, what has no room
    with pytest.raises(PushTokenRefused):
        pushed(token="hf_wrong")
    for part, status, error in (
        ("repos/create", 403, MayNotPush), ("commit", 403, MayNotPush), ("repos/create", 400, PushFailed), ("lfs/", 403, MayNotPush),
    ):  # fmt: skip
        hub.refusals = {part: status}
        hub.repositories.clear()
        with pytest.raises(error) as refused:
            pushed()
        assert TOKEN not in refused.value.say("en") + refused.value.say("zh")
    hub.refusals = {}
    with pytest.raises(MayNotPush):
        pushed("john/pirate")

    # 3 Nobody there
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(PushFailed) as refused:
        pushed()
    assert "无法连接" in refused.value.say("zh")
