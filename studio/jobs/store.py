"""The index of the jobs: one SQLite table that answers lists and estimates. The folders are the truth.

Only the server writes it. When it is missing, damaged or of another version it is made again from the folders. Knows
no process.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path

from pipelines.types.crossing import Request
from pipelines.types.image import ImageRequest, ImageResult
from pipelines.types.model import ImageDefaults
from pipelines.types.music import MusicRequest, MusicResult
from pipelines.types.speech import SpeechRequest, SpeechResult
from studio.database import open_database
from studio.files import storage_errors
from studio.jobs.folder import End, JobSpec, State

ESTIMATE_SAMPLES = 20

_TABLE = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY, owner TEXT NOT NULL, kind TEXT NOT NULL, model TEXT NOT NULL, title TEXT NOT NULL,
    state TEXT NOT NULL, keep INTEGER NOT NULL, created REAL NOT NULL, started REAL, ended REAL,
    conversation_id TEXT, node_id TEXT, amount REAL, flow TEXT NOT NULL, step TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS jobs_by_owner ON jobs (owner, created DESC);
CREATE INDEX IF NOT EXISTS jobs_by_model ON jobs (kind, model, ended DESC);
"""
_BY_STEP = (
    "CREATE INDEX IF NOT EXISTS jobs_by_step ON jobs (owner, step) WHERE step != ''"  # a column that older tables lack
)


@dataclass(frozen=True)
class Row:
    """One job in the index; times in seconds since the epoch. `amount` is what `amount_of` says of what it really did."""

    id: str
    owner: str
    kind: str
    model: str
    title: str
    state: State
    keep: bool
    created: float
    started: float | None = None
    ended: float | None = None
    conversation_id: str | None = None
    node_id: str | None = None
    amount: float | None = None
    flow: str = ""
    step: str = ""

    @classmethod
    def of(cls, spec: JobSpec, state: State, end: End | None = None) -> "Row":
        conversation_id, node_id = spec.conversation or (None, None)
        row = cls(
            id=spec.id,
            owner=spec.owner,
            kind=spec.request.kind,
            model=spec.request.model,
            title=spec.request.title() if spec.keep else "",
            state=state,
            keep=spec.keep,
            created=spec.created,
            conversation_id=conversation_id,
            node_id=node_id,
            flow=spec.flow,
            step=spec.step,
        )
        if end is None:
            return row
        measured = end.result if isinstance(end.result, ImageResult | SpeechResult | MusicResult) else None
        amount = amount_of(measured.request) if measured is not None else None
        return replace(row, state=end.state, started=end.started, ended=end.ended, amount=amount)


def amount_of(request: Request, defaults: ImageDefaults | None = None) -> float | None:
    """How much work a request is, in a unit of its own: None where it is unknown.

    For pictures it is megapixels times steps, for speech characters, for music seconds.
    """
    if isinstance(request, SpeechRequest):
        return float(len(request.text))
    if isinstance(request, MusicRequest):
        return request.seconds
    if not isinstance(request, ImageRequest):
        return None
    steps = request.steps or (defaults and defaults.steps)
    width, height = request.width or (defaults and defaults.width), request.height or (defaults and defaults.height)
    if not steps or not width or not height:
        return None
    share = request.strength if request.task in ("image-to-image", "inpaint") else 1.0
    return request.count * steps * share * width * height / 1e6


class JobStore:
    """The table `jobs` of `studio.db`. Safe to use from several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._database = open_database(path, _TABLE)
        columns = [row["name"] for row in self._database.execute("PRAGMA table_info(jobs)")]
        if columns != [field.name for field in fields(Row)]:
            with storage_errors(path.parent):
                self._database.executescript(f"DROP TABLE jobs; {_TABLE}")
        with storage_errors(path.parent):
            self._database.execute(_BY_STEP)

    def close(self) -> None:
        with self._lock:  # SQLite crashes where a connection is closed under a thread that still writes
            self._database.close()

    def put(self, row: Row) -> None:
        """Insert or replace a row. Raises DiskFull or ReadOnlyHome."""
        values = tuple(vars(row).values())
        with self._transaction() as database:
            database.execute(f"INSERT OR REPLACE INTO jobs VALUES ({','.join('?' * len(values))})", values)

    def remove(self, job_id: str) -> None:
        with self._transaction() as database:
            database.execute("DELETE FROM jobs WHERE id = ?", (job_id,))

    def get(self, job_id: str) -> Row | None:
        return next(self._rows("WHERE id = ?", job_id), None)

    def of_owner(self, owner: str, limit: int) -> list[Row]:
        """The newest jobs of a person, without those that another job is made of."""
        return list(self._rows("WHERE owner = ? AND flow = '' ORDER BY created DESC LIMIT ?", owner, limit))

    def of_kind(self, owner: str, kind: str, limit: int) -> list[Row]:
        """The newest jobs of a person of one kind, without those that another job is made of."""
        where = "WHERE owner = ? AND kind = ? AND flow = '' ORDER BY created DESC LIMIT ?"
        return list(self._rows(where, owner, kind, limit))

    def of_flow(self, owner: str, flow: str) -> list[Row]:
        """What a flow of a person has asked for, the oldest first."""
        return list(self._rows("WHERE owner = ? AND flow = ? ORDER BY created", owner, flow))

    def of_step(self, owner: str, step: str) -> list[Row]:
        """The jobs of a person that did the same part of a flow, of this one or another, the newest first."""
        return list(self._rows("WHERE owner = ? AND step = ? AND step != '' ORDER BY created DESC", owner, step))

    def of_conversation(self, conversation_id: str) -> list[Row]:
        return list(self._rows("WHERE conversation_id = ?", conversation_id))

    def unfinished(self) -> list[Row]:
        """What was queued or running when the index was last written, oldest first."""
        return list(self._rows("WHERE state IN ('queued', 'running') ORDER BY created"))

    def ended_and_not_kept(self) -> list[Row]:
        """Private jobs whose folders were to be deleted when the server stopped; not those that a flow at work still needs."""
        at_work = "SELECT id FROM jobs WHERE state IN ('queued', 'running')"
        return list(self._rows(f"WHERE keep = 0 AND state NOT IN ('queued', 'running') AND flow NOT IN ({at_work})"))

    def ids(self) -> set[str]:
        with self._lock:
            return {job_id for (job_id,) in self._database.execute("SELECT id FROM jobs")}

    def usual_seconds(self, kind: str, model: str, amount: float | None = None) -> float | None:
        """How long a job of this kind, model and amount of work takes on this machine: the mean of the last ones.

        None if there were none.
        """
        query = (
            "SELECT AVG(seconds), AVG(seconds / amount) FROM (SELECT ended - started AS seconds, amount FROM jobs "
            "WHERE kind = ? AND model = ? AND state = 'done' AND ended > started ORDER BY ended DESC LIMIT ?)"
        )
        with self._lock:
            mean, per_amount = self._database.execute(query, (kind, model, ESTIMATE_SAMPLES)).fetchone()
        return per_amount * amount if amount and per_amount else mean

    def _rows(self, where: str, *values: object) -> Iterator[Row]:
        with self._lock:
            rows = self._database.execute(f"SELECT * FROM jobs {where}", values).fetchall()
        return (Row(**{**dict(row), "keep": bool(row["keep"])}) for row in rows)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with storage_errors(self._path.parent), self._lock, self._database:
            yield self._database
