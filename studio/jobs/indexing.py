"""Makes the vectors by which people find what they keep, a few creations at a time, while nobody waits for anything else.

    nudge → what has no vectors yet → a job of the studio's own → into the index

A thread of the server. What people keep, and which of it lacks vectors, the index says (`studio/library/finding.py`). Only
people who have looked for something once have one. Knows no page.
"""

import logging
import sqlite3
import threading
from collections.abc import Sequence

from pipelines.errors.access import NotFound, QueueFull
from pipelines.errors.base import StudioError
from pipelines.errors.jobs import Interrupted
from pipelines.errors.models import ModelError
from pipelines.errors.storage import StorageError
from pipelines.types.search import LIMIT_CHARACTERS, EmbedRequest, EmbedResult, Vectors
from studio.jobs.job import Job
from studio.jobs.supervisor import Supervisor
from studio.library.finding import Content, Finding

OWNER = "studio"  # nobody can be called so: a person's name begins with "login:" or "visitor:"
AT_ONCE = 8  # so that whoever comes meanwhile waits for little
PAUSE_SECONDS = 0.1
BUSY_SECONDS = 1.0  # how often it looks whether somebody else is being served
AFTER_ERROR_SECONDS = 60.0  # doubled each time
LONGEST_AFTER_ERROR_SECONDS = 3600.0
IN_THE_BACKGROUND = ("train", "download")
FAULTS = (StudioError, sqlite3.Error, OSError)  # a full disk or queue, a locked database, a model not to be had now
NO_FAULT_OF_THEIRS = (ModelError, QueueFull, StorageError)  # of creations: any of them would end so

log = logging.getLogger("studio.indexing")


class Indexing:
    """`start` begins, `nudge` says that there may be something new."""

    def __init__(self, jobs: Supervisor, finding: Finding) -> None:
        self._jobs = jobs
        self._finding = finding
        self._news = threading.Event()
        self._is_closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="indexing", daemon=True)

    def start(self) -> None:
        self._news.set()
        self._thread.start()

    def nudge(self) -> None:
        self._news.set()

    def close(self) -> None:
        self._is_closing.set()
        self._news.set()
        if self._thread.is_alive():
            self._thread.join(timeout=2.0)

    def _work(self) -> None:
        """What fails is tried again: soon when there is something new, else after longer and longer pauses."""
        pause = AFTER_ERROR_SECONDS
        while self._news.wait():
            self._news.clear()
            if self._is_closing.is_set():
                return
            if self._have_all_caught_up():
                pause = AFTER_ERROR_SECONDS
                continue
            self._is_closing.wait(AFTER_ERROR_SECONDS)  # however much is new
            is_new = self._news.wait(pause - AFTER_ERROR_SECONDS)
            pause = AFTER_ERROR_SECONDS if is_new else min(2 * pause, LONGEST_AFTER_ERROR_SECONDS)
            self._news.set()

    def _have_all_caught_up(self) -> bool:
        """One after the other; what fails for one stops no other."""
        try:
            owners = self._finding.owners()
        except FAULTS as error:
            log.warning("the index cannot be read: %s", error)
            return False
        are_done = [self._has_caught_up(owner) for owner in owners]
        return all(are_done)

    def _has_caught_up(self, owner: str) -> bool:
        """Once nothing is missing, or the studio closes; False when it is to be tried again."""
        try:
            while missing := self._finding.missing(owner)[:AT_ONCE]:
                if not self._has_quiet():
                    break
                self._embed(owner, missing)
        except FAULTS as error:
            log.warning("the index is behind: %s", error)
            return False
        return True

    def _has_quiet(self) -> bool:
        """Once nobody waits; False when the studio closes."""
        while not self._is_closing.is_set():
            if all(row.kind in IN_THE_BACKGROUND for row in self._jobs.unfinished()):
                return True
            self._is_closing.wait(BUSY_SECONDS)
        return False

    def _embed(self, owner: str, creation_ids: Sequence[str]) -> None:
        """Raises StudioError when it is no fault of the creations. What cannot be read is found by its words alone."""
        contents: dict[str, Content] = {}
        for creation_id in creation_ids:
            try:
                contents[creation_id] = self._content(owner, creation_id)
            except NotFound:  # its person deleted it meanwhile, or its file went by another way
                self._finding.put(owner, creation_id, Vectors())
        if not contents:
            return
        job = self._ended(self._submit(list(contents.values())))
        if job is None:
            return
        if isinstance(job.result, EmbedResult) and job.state == "done":
            for creation_id, vectors in zip(contents, job.result.vectors, strict=True):
                self._finding.put(owner, creation_id, vectors)
        elif job.state == "cancelled" or isinstance(job.error, NO_FAULT_OF_THEIRS):
            raise job.error or Interrupted()
        elif len(contents) > 1:  # one of them cannot be read, or took the worker with it: which?
            for creation_id in contents:
                self._embed(owner, [creation_id])
        else:
            self._finding.put(owner, next(iter(contents)), Vectors())

    def _content(self, owner: str, creation_id: str) -> Content:
        """Raises NotFound."""
        try:
            return self._finding.content(owner, creation_id)
        except (OSError, RuntimeError):  # damaged: libsndfile's errors are RuntimeErrors
            return Content("", b"", b"")

    def _submit(self, contents: Sequence[Content]) -> Job:
        files = {f"images-{n}": one.picture for n, one in enumerate(contents) if one.picture}
        files |= {f"sounds-{n}": one.sound for n, one in enumerate(contents) if one.sound}
        nothing = ("",) * len(contents)
        texts = tuple(one.text[:LIMIT_CHARACTERS] for one in contents)
        return self._jobs.submit(
            OWNER, EmbedRequest(texts=texts, images=nothing, sounds=nothing), keep=False, files=files
        )

    def _ended(self, job: Job) -> Job | None:
        """None when the studio closes, or the job is gone."""
        while not self._is_closing.wait(PAUSE_SECONDS):
            try:
                job = self._jobs.get(OWNER, job.id)
            except NotFound:
                return None
            if job.is_ended:
                return job
        return None
