"""What the folders of a home come to when a server starts: which jobs wait, which are still worked on, which ended.

A folder that cannot be read is never deleted, unless its person was never told of it: it is put aside. Knows no queue
and no worker.
"""

import logging
from dataclasses import dataclass, field
from pathlib import Path

from studio.jobs.folder import JOB_ID, JobFolder, JobSpec
from studio.jobs.store import JobStore

UNREADABLE = ".unreadable"

log = logging.getLogger("studio.jobs")


@dataclass
class Found:
    """Folders by what is to be done with them, oldest first."""

    waiting: list[JobFolder] = field(default_factory=list)
    worked_on: list[JobFolder] = field(default_factory=list)  # by a worker that outlived its server
    interrupted: list[JobFolder] = field(default_factory=list)
    ended: list[JobFolder] = field(default_factory=list)  # since the index was last written
    not_kept: list[JobFolder] = field(default_factory=list)  # private ones that were to be deleted


def find(jobs: Path, store: JobStore) -> Found:
    """Look at every folder that the index does not know or knows as unfinished, and drop rows without a folder."""
    found = Found()
    unfinished, known = {row.id for row in store.unfinished()}, store.ids()
    present = {path.name for path in jobs.iterdir() if JOB_ID.fullmatch(path.name)}
    for job_id in known - present:
        store.remove(job_id)
    found.not_kept = [JobFolder(jobs / row.id) for row in store.ended_and_not_kept() if row.id in present]

    readable: list[tuple[JobSpec, JobFolder]] = []
    for job_id in (present - known) | (unfinished & present):
        folder = JobFolder(jobs / job_id)
        try:
            readable.append((folder.spec(), folder))
        except (ValueError, OSError) as error:
            _put_aside(folder, error)
            store.remove(job_id)
    for _, folder in sorted(readable, key=lambda pair: pair[0].created):
        _sort_in(folder, found)
    for piece in jobs.glob("*/sound-*.wav"):
        if (piece.parent / "end.json").exists():  # the studio was stopped before it dropped them
            piece.unlink(missing_ok=True)
    return found


def _sort_in(folder: JobFolder, found: Found) -> None:
    if folder.end() is not None:
        found.ended.append(folder)
    elif folder.is_locked():
        found.worked_on.append(folder)
    elif folder.is_started():
        found.interrupted.append(folder)
    else:
        found.waiting.append(folder)


def _put_aside(folder: JobFolder, error: Exception) -> None:
    """One whose making was cut short held nothing that anybody was told of; any other one may be somebody's work."""
    if not (folder.path / "end.json").exists() and not folder.reader().read():
        folder.remove()
        return
    log.error("put aside: %s", error)
    aside = folder.path.parent / UNREADABLE
    aside.mkdir(exist_ok=True)
    folder.path.replace(aside / folder.id)
