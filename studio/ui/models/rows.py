"""The rows of the Models tab: every model with its state, and which of them a person asked for. Knows no gradio.

What is downloaded is read from the disk, so that anybody's download and one of before a restart show alike.
"""

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

from pipelines.errors.access import NotFound
from pipelines.errors.base import StudioError
from pipelines.loading.hub.cache import begun_models, bytes_here, cache_folder
from pipelines.loading.memory.forecast import BYTES_OF, QUANTISED_BYTES, Form
from pipelines.loading.placement.devices import quantisations
from pipelines.types.download import DownloadRequest
from pipelines.types.events import Plan
from pipelines.types.load import LoadRequest
from pipelines.types.model import ModelSpec
from studio.identity import GUEST
from studio.jobs.job import Job, event_of
from studio.jobs.ledger import ENGINE
from studio.services import Services

State = Literal["loaded", "loading", "here", "downloading", "waiting", "paused", "away"]

FITS_SHARE = 0.9  # of all memory
RECENT_JOBS = 60
LOOK_SECONDS = 15.0
REFUSED_SECONDS = 600.0  # so long it is told why a load failed: what is free has changed since
PLAN_BYTES = 64 * 1024  # of a load's events: the newest plan is among the last
SIZES: dict[str, tuple[float, float]] = {
    "small": (0, 1e9),
    "middle": (1e9, 5e9),
    "large": (5e9, 2e10),
    "huge": (2e10, float("inf")),
}
FREE_LICENCES = ("apache", "mit", "bsd")
FORMS = {form: (BYTES_OF | QUANTISED_BYTES)[form] for form in ("float32", "bfloat16", "int8", "int4")}  # bytes a number

NAMES: dict[str, str] = {"bfloat16": "half"}  # how a form of loading is called whose number format is another word


@dataclass(frozen=True)
class ModelRow:
    """A model as the page shows it. `done` of `total` bytes while it is downloaded or paused.

    `job_id` is the person's own download of it, "" where it is somebody else's; `error` is why their last one failed.
    `refusal` is why their last load failed, `plan` what one that runs is about to do so that it fits.
    """

    spec: ModelSpec
    state: State
    done: int = 0
    total: int = 0
    job_id: str = ""
    error: StudioError | None = None
    memory_total: int = 0  # of the device, 0 while it is not known
    is_own: bool = False  # added by a person, so it can be taken out of the lists
    refusal: StudioError | None = None
    plan: Plan | None = None
    forms: tuple[Form, ...] = ()  # the smaller ones in which it can be loaded here

    @property
    def fits(self) -> bool:
        """In half precision, with room for what else runs."""
        return not self.memory_total or smallest_bytes(self.spec) <= FITS_SHARE * self.memory_total

    @property
    def is_here(self) -> bool:
        return self.state in ("loaded", "loading", "here")

    @property
    def is_moving(self) -> bool:
        """Stands among the downloads."""
        return self.state in ("downloading", "waiting", "paused") or (self.error is not None and not self.is_here)


@dataclass(frozen=True)
class Wanted:
    """What a person narrowed the list to; "" and False narrow nothing."""

    words: str = ""
    task: str = ""
    size: str = ""
    licence: str = ""
    only_fitting: bool = False
    only_here: bool = False


def rows_of(services: Services, owner: str) -> list[ModelRow]:
    """Every model of the lists, and those whose download was begun."""
    status = services.jobs.status()
    loaded = {model["model"] for model in status["loaded_models"]}
    working = {(row.kind, row.model): row.state for row in services.jobs.unfinished()}
    newest = newest_jobs(services, owner)
    most = max((bar.total for bar in memory_bars(status)), default=0)
    specs = {spec.id: spec for spec in services.catalog.rows() if spec.source != "none"}
    for model in (*(model for _, model in newest), *begun_models()):  # pasted, and not here yet
        if model not in specs and (spec := _found(services, model)) is not None:
            specs[model] = spec
    rows = [_row(services, spec, loaded, working, newest.get(("download", spec.id)), most) for spec in specs.values()]
    rows = [replace(row, forms=forms_here(services, row.spec, status)) for row in rows]
    return [_with_load(services, row, newest.get(("load", row.spec.id))) for row in rows]


def change_mark(services: Services, status: Mapping[str, Any], now: float | None = None) -> tuple[Any, ...]:
    """Another one whenever `rows_of` may tell something else, and in any case after LOOK_SECONDS: for what other programs
    do inside a model's folder. Costs two looks at the disk, where `rows_of` opens every model."""
    now = time.time() if now is None else now
    unfinished = services.jobs.unfinished()
    working = tuple((row.id, row.state) for row in unfinished)
    is_coming = any(row.kind in ("download", "load") for row in unfinished)
    loaded = tuple(sorted(model["model"] for model in status["loaded_models"]))
    folders = (services.settings.home / "models", cache_folder())
    changed = tuple(folder.stat().st_mtime_ns if folder.exists() else 0 for folder in folders)
    return working, loaded, changed, now if is_coming else now // LOOK_SECONDS


def _row(
    services: Services,
    spec: ModelSpec,
    loaded: set[str],
    working: Mapping[tuple[str, str], str],
    newest: Job | None,
    most: int,
) -> ModelRow:
    is_own = services.added.has(spec.id)
    job_id = newest.id if newest is not None and not newest.is_ended else ""
    error = newest.error if newest is not None and newest.state in ("failed", "interrupted") else None
    download = working.get(("download", spec.id))
    done, total = bytes_here(spec) if spec.source == "hub" else (0, 0)
    state: State
    if download is not None:
        state = "downloading" if download == "running" else "waiting"
    elif services.catalog.is_on_disk(spec):
        state = "loaded" if spec.id in loaded else "loading" if ("load", spec.id) in working else "here"
    else:
        state = "paused" if done else "away"
    return ModelRow(spec, state, done, total or spec.size_bytes, job_id, error, most, is_own)


def _with_load(services: Services, row: ModelRow, newest: Job | None) -> ModelRow:
    """`row` with what the person's newest load of it says, while that is still of interest."""
    if newest is None:
        return row
    if row.state == "loading" and not newest.is_ended:
        return replace(row, plan=_newest_plan(services, newest))
    is_fresh = newest.ended is not None and time.time() - newest.ended < REFUSED_SECONDS
    return replace(row, refusal=newest.error) if row.state in ("here", "away") and is_fresh else row


def _newest_plan(services: Services, job: Job) -> Plan | None:
    try:
        lines = services.jobs.folder(job.owner, job.id).reader(PLAN_BYTES).read()
    except NotFound:  # removed meanwhile
        return None
    events = [event.data for event in map(event_of, lines) if event is not None]
    return next((data for data in reversed(events) if isinstance(data, Plan)), None)


def newest_jobs(services: Services, owner: str) -> dict[tuple[str, str], Job]:
    """The person's newest download and load of each model, by ("download" or "load", model)."""
    newest: dict[tuple[str, str], Job] = {}
    for job in services.jobs.recent(owner, RECENT_JOBS) if owner != GUEST else ():
        if isinstance(job.request, DownloadRequest | LoadRequest):
            newest.setdefault((job.request.kind, job.request.model), job)
    return newest


def _found(services: Services, model: str) -> ModelSpec | None:
    try:
        return services.catalog.find(model)
    except StudioError:
        pass  # what is damaged, or of a kind that nothing here runs, can be removed all the same
    try:
        return services.catalog.locate(model)
    except StudioError:
        return None


def matching(rows: Sequence[ModelRow], wanted: Wanted) -> list[ModelRow]:
    """The rows that a person asked for, in the catalog's order, what is here first."""
    words = wanted.words.lower().split()
    found = [row for row in rows if _matches(row, wanted, words)]
    return sorted(found, key=lambda row: not row.is_here)


def _matches(row: ModelRow, wanted: Wanted, words: Sequence[str]) -> bool:
    spec = row.spec
    low, high = SIZES.get(wanted.size, (0, float("inf")))
    size = spec.size_bytes or smallest_bytes(spec) or -1  # of some only the parameters are known, of some nothing
    is_free = spec.licence.lower().startswith(FREE_LICENCES)
    text = " ".join((spec.id, spec.name, spec.note_en, spec.note_zh, spec.licence, *spec.languages)).lower()
    return (
        all(word in text for word in words)
        and (not wanted.task or wanted.task in spec.tasks)
        and (not wanted.size or low <= size < high)
        and (wanted.licence != "free" or is_free)
        and (wanted.licence != "conditions" or not is_free)
        and (not wanted.only_fitting or row.fits)
        and (not wanted.only_here or row.is_here)
    )


def titles(services: Services, owner: str, loaded: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """How the person's own jobs are called that lease one of the `loaded` models, by id; those of others are not in it."""
    found = {}
    for job_id in {job_id for model in loaded for job_id in model["leased_by"]} if owner != GUEST else ():
        with suppress(NotFound):
            found[job_id] = services.jobs.get(owner, job_id).title
    return found


# ── memory ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def forms_here(services: Services, spec: ModelSpec, status: Mapping[str, Any]) -> tuple[Form, ...]:
    """The smaller forms in which it can be loaded on this machine's device."""
    can = {"half", "offload", *quantisations(status["workers"][0]["device"] or "cpu")}
    return tuple(form for form in services.catalog.forms(spec) if form in can)


def forecasts(spec: ModelSpec, forms: Sequence[Form] = ("half",)) -> dict[str, int]:
    """About how many bytes its weights take in memory, as they are and in those of `forms` that hold all of them there;
    empty where that is not known. A starter stays packed as it is.
    """
    if spec.source == "starter" or not spec.parameters:
        return {}
    shown = [form for form in FORMS if form == "float32" or NAMES.get(form, form) in forms]
    return {form: int(spec.parameters * FORMS[form]) for form in shown}


def smallest_bytes(spec: ModelSpec) -> int:
    """What it takes at least without being quantised."""
    return forecasts(spec).get("bfloat16", spec.size_bytes)


@dataclass(frozen=True)
class MemoryBar:
    """A memory in bytes: what loaded models hold, what the engine reserved beyond that, what training reserved, what other
    programs hold, the rest."""

    store: str
    total: int
    loaded: int
    reserved: int
    training: int
    free: int

    @property
    def others(self) -> int:
        return max(self.total - self.loaded - self.reserved - self.training - self.free, 0)


def memory_bars(status: Mapping[str, Any]) -> list[MemoryBar]:
    """The memories of `Supervisor.status()`: RAM, and the GPUs together."""
    bars = []
    for store, told in status["memory"].items():
        resident = [row for row in status["loaded_models"] if (row["device"] == "cuda") == (store == "cuda")]
        loaded = sum(int(row["measured_bytes"]) for row in resident)
        engine = sum(process["size_bytes"] for process in told["processes"] if process["who"] == ENGINE)
        reserved = max(engine - loaded, 0)  # the engine's rows may be older than its page
        training = sum(process["size_bytes"] for process in told["processes"] if process["who"] != ENGINE)
        total, others = told.get("total_bytes", told["budget_bytes"]), told.get("others_bytes", 0)
        free = max(total - loaded - reserved - training - others, 0)
        bars.append(MemoryBar(store, total, loaded, reserved, training, free))
    return bars


# ── speed ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

Samples = dict[str, list[tuple[float, int]]]  # by model: when, and how much was here
WINDOW_SECONDS = 8.0


def sampled(samples: Samples, rows: Sequence[ModelRow], now: float | None = None) -> Samples:
    """`samples` with one more look, those of the last seconds only."""
    now = time.time() if now is None else now
    kept = {}
    for row in rows:
        if row.state == "downloading":
            before = [one for one in samples.get(row.spec.id, []) if one[0] > now - WINDOW_SECONDS]
            kept[row.spec.id] = [*before, (now, row.done)]
    return kept


def speed(samples: Sequence[tuple[float, int]]) -> float:
    """Bytes a second over the samples, 0 while there is too little to tell."""
    if len(samples) < 2 or samples[-1][0] - samples[0][0] < 1.0:
        return 0.0
    return max(samples[-1][1] - samples[0][1], 0) / (samples[-1][0] - samples[0][0])
