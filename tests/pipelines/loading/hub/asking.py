"""How these tests ask a hub, and how they stop."""

from pathlib import Path

import pytest

from pipelines.errors.base import StudioError
from pipelines.loading.hub.client import Hub
from pipelines.types.events import Event, Loading, ignore
from pipelines.types.model import ModelSpec


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


def refusal_of(model: str, kind: type[StudioError], token_file: Path | None = None) -> str:
    """The sentence, after it was seen to stand in both languages."""
    with pytest.raises(kind) as caught:
        Hub(token_file).snapshot(spec(model), ignore)
    assert type(caught.value) is kind
    assert any("\u4e00" <= letter <= "\u9fff" for letter in caught.value.say("zh"))
    return caught.value.say("en")
