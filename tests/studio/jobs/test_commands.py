"""What a training run is told by files in its job's folder."""

from pathlib import Path

import pytest

from pipelines.types.training import TrainRequest
from studio.jobs import commands
from studio.jobs.commands import Commands, ask, asked, is_asked
from studio.jobs.folder import JobFolder


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> JobFolder:
    monkeypatch.setattr(commands, "LOOK_SECONDS", 0.0)
    return JobFolder.create(tmp_path, "visitor:x", TrainRequest("cnn", "digits"))


def test_a_wish_is_true_once_for_each_time(folder: JobFolder) -> None:
    heard = Commands(folder)
    assert not heard.wants_checkpoint() and not heard.wants_sample()
    ask(folder, "checkpoint")
    ask(folder, "sample")
    assert asked(folder) == {"checkpoint", "sample"}
    assert heard.wants_checkpoint() and heard.wants_sample()
    assert not heard.wants_checkpoint() and not heard.wants_sample() and asked(folder) == frozenset()


@pytest.mark.parametrize("command", ["stop", "pause"])
def test_stopping_saves(folder: JobFolder, command: commands.Command) -> None:
    heard = Commands(folder)
    assert heard.is_stopping() == ""
    ask(folder, command)
    assert heard.is_stopping() == heard.is_stopping() == "save" and is_asked(folder, command)


def test_sigterm_saves_and_cancel_beats_everything(folder: JobFolder) -> None:
    heard = Commands(folder)
    heard.is_terminated.set()
    assert heard.is_stopping() == "save"
    folder.ask_to_cancel()
    assert heard.is_stopping() == "cancel"


def test_a_deleted_job_is_cancelled(folder: JobFolder) -> None:
    heard = Commands(folder)
    folder.remove()
    assert heard.is_stopping() == "cancel"
