"""Forty hostile strings where a person types or brings something in the Training tab: form, uploads, captions, search, comparison.

They are read as words or refused, never run, never a path. The endpoint for a training has its own (tests/studio/jobs/test_injection.py).
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from pipelines.errors.base import StudioError
from pipelines.training.data import Pictures
from pipelines.training.uploads.own import OwnData
from pipelines.types.dataset import CaptionDataRequest, FetchDataRequest
from pipelines.types.study import StudyRequest
from pipelines.types.training import TrainRequest
from studio.library.datasets import OwnDataset
from studio.services import Services
from studio.settings import Settings
from studio.ui.training import view
from studio.ui.training.endpoints import TrainingEndpoints
from studio.ui.training.ordering import Ordering
from studio.ui.training.own_sets import OwnSets
from studio.ui.training.study_charts import Track, importance_chart, parallel
from studio.ui.training.watching import Watching
from tests.studio.jobs.conftest import ANN
from tests.studio.jobs.test_injection import HOSTILE, canaries
from tests.studio.ui.training.test_view import Elements

# The form as the browser tells it: its fields, trainer, data set, base, preset, name.
FORM: dict[str, Callable[[str], tuple[Any, ...]]] = {
    "a number": lambda word: ({"plan.steps": word}, "vae", "digits", "", "cpu", ""),
    "a choice": lambda word: ({"side": word}, "vae", "digits", "", "cpu", ""),
    "words of a setting": lambda word: ({"words": word}, "image_lora", "openmoji", "openmoji-128", "cpu", ""),
    "the name of a field": lambda word: ({word: "1"}, "vae", "digits", "", "cpu", ""),
    "trainer": lambda word: ({}, word, "digits", "", "cpu", ""),
    "data set": lambda word: ({}, "vae", word, "", "cpu", ""),
    "base": lambda word: ({}, "causal_lm", "python_docs", word, "cpu", ""),
    "preset": lambda word: ({}, "vae", "digits", "", word, ""),
    "name": lambda word: ({}, "vae", "digits", "", "cpu", word),
}
SEARCH: dict[str, Callable[[str], dict[str, Any]]] = {
    "trainer": lambda word: {"trainer": word, "dataset": "digits"},
    "data set": lambda word: {"dataset": word},
    "what is varied": lambda word: {"vary": [word]},
    "bounds": lambda word: {"ranges": {word: (1.0, 2.0)}},
    "a setting": lambda word: {"settings": {"plan.steps": word}},
    "families": lambda word: {"families": [word]},
    "method": lambda word: {"method": word},
    "preset": lambda word: {"preset": word},
    "name": lambda word: {"name": word},
}


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Nothing is started: what is taken waits."""
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache", person_limit=1000, queue_limit=1000))
    monkeypatch.setattr(services.identity, "who", lambda request: ANN)
    yield services
    services.close()
    assert canaries(tmp_path) == []


def taken(ask: Callable[[], str]) -> str:
    """The id of the job that came of it, "" where it was refused in plain words."""
    try:
        return ask()
    except StudioError as refused:
        assert refused.say("en") and refused.say("zh")
        return ""


def pressed(action: str, **values: object) -> Any:
    """What the browser tells of a press."""
    return SimpleNamespace(_data={"action": action, "id": json.dumps(values)})


def bring(services: Services, tmp_path: Path, title: str, name: str, content: bytes) -> OwnDataset:
    """Through the doctor."""
    file = tmp_path / "brought"
    file.write_bytes(content)
    kept = services.datasets.add(ANN, title, [(name, file)])
    assert isinstance(kept, OwnDataset)
    return kept


@pytest.mark.parametrize("field", FORM)
def test_the_form(field: str, services: Services) -> None:
    ordering, count = Ordering(services, None), 0  # type: ignore[arg-type]  # no page stands before it
    for word in HOSTILE:
        values = FORM[field](word)
        job_id = taken(lambda values=values: ordering._start(*values, request=None)[0])  # type: ignore[misc, arg-type]
        if not job_id:
            continue
        count += 1
        request = services.jobs.folder(ANN, job_id).spec().request
        assert isinstance(request, TrainRequest) and request.preset in ("cpu", "gpu")
        assert request.name == values[-1].strip() and request.model == values[3]
        assert set(request.settings.values()) <= {word, word.strip()}
        services.jobs.cancel(ANN, job_id)
    assert (count > 30) is (field in ("words of a setting", "the name of a field", "preset", "base", "name"))


@pytest.mark.parametrize("field", SEARCH)
def test_the_search_for_settings(field: str, services: Services) -> None:
    endpoints, count = TrainingEndpoints(services), 0
    for word in HOSTILE:
        values = {"trainer": "cnn", "dataset": "digits", **SEARCH[field](word)}
        job_id = taken(lambda values=values: endpoints.search_settings(None, **values))  # type: ignore[misc, arg-type]
        if job_id:
            count += 1
            request = services.jobs.folder(ANN, job_id).spec().request
            assert isinstance(request, StudyRequest) and request.name == word
            services.jobs.cancel(ANN, job_id)
    assert (count > 30) is (field == "name")


def test_rows_file_names_and_the_title_of_a_data_set(services: Services, tmp_path: Path) -> None:
    """A ZIP whose files are called so, and rows that say so; what is kept of them lies in the folder of the data set."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for number, word in enumerate(HOSTILE):
            packed.writestr(f"{word}.txt".replace("\x00", "0"), f"{number} says {word}")
        packed.writestr("rows.jsonl", "\n".join(json.dumps({"text": word}) for word in HOSTILE))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    kept = bring(services, tmp_path, HOSTILE[0], f"{HOSTILE[2]}.zip", archive.getvalue())
    place = services.datasets.folder / kept.id
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before - {tmp_path / "brought"}
    assert made and all(path.is_relative_to(place) for path in made)
    assert kept.title == HOSTILE[0] and kept.count > 40
    said = (place / "rows.jsonl").read_text()
    assert all(json.dumps(word, ensure_ascii=False)[1:-1] in said for word in HOSTILE if word.startswith(("$(", "{{")))


def test_captions_of_pictures(services: Services, tmp_path: Path) -> None:
    """Typed below a picture, and asked for of a model; what is kept is said to the trainer as it stands."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        for number in range(len(HOSTILE)):
            picture = io.BytesIO()
            Image.new("RGB", (8, 8), (number * 6, 90, 200)).save(picture, "PNG")
            packed.writestr(f"{number:02}.png", picture.getvalue())
    kept = bring(services, tmp_path, "pictures", "pictures.zip", archive.getvalue())
    parts: Any = SimpleNamespace(captions="captions", data="data", dataset="dataset")
    sets = OwnSets(services, parts, lambda *_: {}, lambda *_: {}, lambda owner: None)
    for number, word in enumerate(HOSTILE):
        told = pressed("caption", id=kept.id, number=number, caption=word)
        taken(lambda told=told: str(sets._press_captions(told, None)))  # type: ignore[misc, arg-type]
        for values in ({"id": word, "number": 0, "caption": ""}, {"id": kept.id, "number": word, "caption": ""}):
            with pytest.raises(StudioError):
                sets._press_captions(pressed("caption", **values), None)  # type: ignore[arg-type]
        with pytest.raises(StudioError):
            CaptionDataRequest(kept.id, "icon-names", word).check()
        with pytest.raises(StudioError):
            CaptionDataRequest(word, "icon-names").check()
    loaded = OwnData(services.datasets.folder / kept.id).load(tmp_path)
    assert isinstance(loaded, Pictures)
    words = {*loaded.words(of_held_out=False), *loaded.words(of_held_out=True)}
    assert {word for word in HOSTILE if word.startswith("$(")} <= words
    assert "script" not in Elements(view.own_card(services.datasets.get(ANN, kept.id), "en")).tags


def test_ids_of_runs_data_sets_and_searches(services: Services) -> None:
    watching = Watching(services, None)  # type: ignore[arg-type]  # no page stands before it
    for word in HOSTILE:
        for action in ("stop", "cancel", "checkpoint", "sample", "resume", "again", "delete", "show"):
            with pytest.raises(StudioError):
                watching.press(ANN, action, word)
        for action in ("study-stop", "study-train", "study-delete"):
            with pytest.raises(StudioError):
                watching.press_study(ANN, action, word)
        for forbidden in (
            lambda word=word: services.datasets.get(ANN, word),
            lambda word=word: services.runs.remove_data(ANN, word),
            lambda word=word: TrainingEndpoints(services).compare_runs(None, [word, f"{word} "]),  # type: ignore[arg-type]
        ):
            with pytest.raises(StudioError):
                forbidden()  # type: ignore[no-untyped-call]


def test_a_revision_of_a_data_set_of_the_hub(tmp_path: Path) -> None:
    """What might be a branch of somebody's is no way out of the folder of branches."""
    for word in HOSTILE:
        try:
            FetchDataRequest("somebody/data", word).check()
        except StudioError:
            continue
        assert (tmp_path / word).resolve().is_relative_to(tmp_path)


@pytest.mark.parametrize("word", [word for word in HOSTILE if "<" in word or "&" in word])
def test_pictures_of_a_search_are_only_lines_and_words(word: str) -> None:
    tracks = [Track({word: word, "batch": number}, 0.5) for number in (1, 2)]
    drawn = importance_chart(word, {word: 0.5}) + parallel(word, word, word, tracks)
    assert "script" not in Elements(drawn).tags and "<script" not in drawn
