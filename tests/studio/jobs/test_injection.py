"""Hostile words in every text field of the endpoints for training: read as words or refused, never run, never a path.

Forty of them in every field; a few become real runs, in their own process. What is allowed to appear on the disk is named.
"""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors.base import StudioError
from pipelines.training.base_model import find_base
from pipelines.training.run import run
from pipelines.types.dataset import FetchDataRequest
from pipelines.types.events import ignore
from pipelines.types.training import TrainRequest, TrainResult
from studio.jobs.trainings import command_of
from studio.services import Services
from studio.settings import Settings
from studio.ui.training.endpoints import TrainingEndpoints
from tests.studio.jobs.conftest import ANN
from tests.studio.jobs.test_training import TINY

CANARY = "pwned-by-a-training"
HOSTILE = [
    # for a shell
    f"$(touch {CANARY})", f"`touch {CANARY}`", f"; touch {CANARY}", f"| touch {CANARY}", f"&& touch {CANARY}",
    f"|| touch {CANARY}", f"\ntouch {CANARY}\n", f"x & touch {CANARY} &", f"> {CANARY}", f"'; touch {CANARY}; '",
    f'"; touch {CANARY}; "', f"${{IFS}}touch${{IFS}}{CANARY}", "$HOME/$PATH", "%PATH%", "~root",
    # for a command line
    "--output_dir=/", "--home=/tmp", "-c", "--", f"--job {CANARY}", "--set plan.steps=1",
    # for a path
    "../../../../etc/passwd", f"/tmp/{CANARY}", f"..\\..\\{CANARY}", f"file:///tmp/{CANARY}", "\x00/etc/passwd", "....//....//x",
    f"%2e%2e%2f{CANARY}", "CON", ".", "..",
    # for a template, a parser, Python, a database, a page
    "{{ ''.__class__.__mro__ }}", "{0.__class__}", "${jndi:ldap://127.0.0.1/x}", f"__import__('os').system('touch {CANARY}')",
    f"!!python/object/apply:os.system ['touch {CANARY}']", "'; DROP TABLE jobs; --", "<script>alert(1)</script>",
    "\u202egnp.exe", "\U0001f4a3" * 20,
]  # fmt: skip
FIELDS: dict[str, Callable[[str], dict[str, Any]]] = {
    "trainer": lambda word: {"trainer": word},
    "dataset": lambda word: {"trainer": "vae", "dataset": word},
    "the name of a setting": lambda word: {"trainer": "vae", "dataset": "digits", "settings": {word: 1}},
    "a setting of numbers": lambda word: {"trainer": "vae", "dataset": "digits", "settings": {"plan.steps": word}},
    "a setting of words": lambda word: {"trainer": "vae", "dataset": "digits", "settings": {"side": word}},
    "preset": lambda word: {"trainer": "vae", "dataset": "digits", "preset": word},
    "model": lambda word: {"trainer": "causal_lm", "dataset": "python_docs", "model": word},
    "name": lambda word: {"trainer": "vae", "dataset": "digits", "name": word},
}


@pytest.fixture
def services(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Nothing is started: what is taken waits."""
    services = Services(Settings(home=tmp_path / "home", cache=tmp_path / "cache", person_limit=1000, queue_limit=1000))
    monkeypatch.setattr(services.identity, "who", lambda request: ANN)
    yield services
    services.close()


def canaries(*folders: Path) -> list[Path]:
    places = [Path("/"), Path("/tmp"), Path.home(), Path.cwd(), Path(__file__).parents[3]]
    found = [place / CANARY for place in places if (place / CANARY).exists()]
    return found + [path for folder in folders for path in folder.rglob(f"*{CANARY}*")]


def test_there_are_forty() -> None:
    assert len(set(HOSTILE)) == 40


@pytest.mark.parametrize("field", FIELDS)
def test_hostile_words_are_kept_as_words_or_refused(field: str, services: Services, tmp_path: Path) -> None:
    endpoints, taken = TrainingEndpoints(services), []
    for word in HOSTILE:
        wanted = FIELDS[field](word)
        try:
            job_id = endpoints.train(None, **wanted)  # type: ignore[arg-type]
        except StudioError as refused:
            assert refused.say("en") and refused.say("zh")
            continue
        taken.append(job_id)
        request = services.jobs.folder(ANN, job_id).spec().request  # as the process will read it
        assert all(getattr(request, name) == value for name, value in wanted.items())
        assert command_of(tmp_path / "home", job_id)[1:] == [
            "-m",
            "studio.jobs.training",
            "--home",
            str(tmp_path / "home"),
            "--job",
            job_id,
        ]
        services.jobs.cancel(ANN, job_id)
    assert (len(taken) > 30) is (field in ("name", "model"))
    folders = {path.name for part in ("jobs", "runs") for path in (tmp_path / "home" / part).glob("*")}
    assert folders <= {*taken, ".gitignore"} or not taken
    assert canaries(tmp_path) == []


@pytest.mark.parametrize("name", ["stop_training", "resume_training"])
def test_no_word_is_the_id_of_somebody_elses_job(name: str, services: Services) -> None:
    for word in HOSTILE:
        with pytest.raises(StudioError):
            getattr(TrainingEndpoints(services), name)(None, word)


def test_no_word_is_a_base_or_a_data_set_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "models").mkdir()
    for word in HOSTILE:
        with pytest.raises(StudioError):
            find_base(word, tmp_path / "models", ignore)
        if word not in ("CON", "$HOME/$PATH"):  # a plain word might be one; the hub says so
            with pytest.raises(StudioError):
                FetchDataRequest(word).check()
    assert canaries(tmp_path) == []


def test_a_name_never_leads_out_of_the_models_folder(tmp_path: Path) -> None:
    """Real runs of one step each."""
    settings = {"side": "8", "width": 8, "latent": 2, "batch": 4, "plan.steps": 1, "plan.ema_decay": 0.0}
    models = tmp_path / "home" / "models"
    for number, word in enumerate(("../../../../etc/passwd", "..", f"$(touch {CANARY})")):
        run_id = f"{number:032x}"
        result = run(TrainRequest("vae", "digits", settings, name=word, run=run_id), models.parent / "runs" / run_id)
        assert result.model and (models / result.model).resolve().parent == models.resolve()
        assert json.loads((models / result.model / "model.json").read_text())["name"] == word
    assert {path.name for path in models.parent.iterdir()} == {"runs", "models"} and len(list(models.iterdir())) == 3
    assert {path.name for path in tmp_path.iterdir()} == {"home"} and canaries() == []


def test_a_run_of_the_studio_writes_only_where_it_may(services: Services, tmp_path: Path) -> None:
    """The process that the studio starts, with what a shell, a path and a template would take up in one name."""
    home = services.settings.home
    name = f"$(touch {CANARY}); `touch {CANARY}` ../../{CANARY} {{{{7*7}}}}"
    job = services.runs.start(ANN, TrainRequest("cnn", "digits", {**TINY, "plan.steps": 2}, name=name))
    before = {path for path in tmp_path.rglob("*") if path.is_file()}
    subprocess.run(command_of(home, job.id), cwd=Path(__file__).parents[3], check=True, capture_output=True)
    end = services.jobs.folder(ANN, job.id).end()
    assert end is not None and end.state == "done" and isinstance(end.result, TrainResult) and end.result.name == name
    made = {path for path in tmp_path.rglob("*") if path.is_file()} - before
    allowed = [home / "runs" / job.id, home / "jobs" / job.id, home / "models" / end.result.model, home / "ledger"]
    assert [path for path in made if not any(path.is_relative_to(place) for place in allowed)] == []
    assert canaries() == [] and "/" not in end.result.model
    assert json.loads((home / "runs" / job.id / "run.json").read_text())["request"]["name"] == name
