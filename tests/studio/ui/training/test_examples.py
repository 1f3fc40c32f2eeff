"""A look into a data set: read in a process of its own, one at a time, and what fails is told in the person's language."""

import asyncio
from pathlib import Path

import pytest

from pipelines.errors.training import DatasetUnavailable
from studio.ui.training.examples import Examples, shown


def test_a_data_set_is_read_once_and_shown(tmp_path: Path) -> None:
    examples = Examples(tmp_path)

    async def ask_twice() -> None:
        await asyncio.gather(examples.make("digits"), examples.make("digits"))

    asyncio.run(ask_twice())
    assert "1,618 to train on" in shown(tmp_path, "digits", "en") and "data:image/png" in shown(
        tmp_path, "digits", "zh"
    )


def test_what_cannot_be_fetched_is_told_in_the_persons_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "AIGC_STUDIO_CACHE": str(tmp_path / "cache"),
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_NO_CACHE_DIR": "1",
    }.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DatasetUnavailable) as told:
        asyncio.run(Examples(tmp_path / "examples").make("mnist5k"))
    assert "无法获取" in told.value.say("zh") and shown(tmp_path / "examples", "mnist5k", "zh") == ""
