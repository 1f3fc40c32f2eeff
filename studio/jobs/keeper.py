"""Looks after the memory of a worker: unloads and pins what it is told to, what nobody uses for long, and what others need.

It knows the pipelines' memory and the ledger, and no job.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

from studio.jobs.ledger import Ledger

LOOK_SECONDS = 0.5

log = logging.getLogger("studio.keeper")


class Cache(Protocol):
    """What is asked of pipelines/loading/memory/cache.py."""

    def unload_all(self) -> None: ...
    def unload_idle(self, seconds: float) -> None: ...
    def give_way(self, size_bytes: int) -> None: ...


class Models(Protocol):
    """What is asked of a pipeline; all pipelines of a worker share one memory."""

    @property
    def cache(self) -> Cache: ...

    def loaded(self) -> list[dict]: ...
    def unload(self, model: str) -> None: ...
    def pin(self, model: str, is_pinned: bool) -> None: ...


class Keeper:
    """`idle_seconds` is how long a model that nobody uses stays; None: until its room is needed."""

    def __init__(
        self,
        models: Models,
        ledgers: Sequence[Ledger],
        idle_seconds: float | None,
        report: Callable[[dict], None],
    ) -> None:
        self._models = models
        self._ledgers = ledgers
        self._idle_seconds = idle_seconds
        self._report = report
        self._is_over = threading.Event()
        self._told: list[dict] = []
        self._telling = threading.Lock()

    def start(self) -> None:
        threading.Thread(target=self._look_after, name="keeper", daemon=True).start()

    def close(self) -> None:
        """From now on the memory is left as it is."""
        self._is_over.set()

    def obey(self, command: dict) -> None:
        """`{"unload": model}`, `{"unload_all": true}` or `{"pin": model, "pinned": true}`. Returns at once."""
        threading.Thread(target=self._obey, args=(command,), name="keeper-obeys", daemon=True).start()

    def tell(self) -> None:
        """Reports what is loaded, where that has changed."""
        with self._telling:
            rows = self._models.loaded()
            lasting = [{name: value for name, value in row.items() if name != "idle_seconds"} for row in rows]
            if lasting != self._told:
                self._told = lasting
                self._report({"loaded": rows})

    def _obey(self, command: dict) -> None:
        match command:
            case {"unload": str(model)}:
                self._models.unload(model)
            case {"unload_all": True}:
                self._models.cache.unload_all()
            case {"pin": str(model), "pinned": bool(is_pinned)}:
                self._models.pin(model, is_pinned)
            case _:
                log.error("a command that nobody knows: %s", str(command)[:200])
        self.tell()

    def _look_after(self) -> None:
        while not self._is_over.wait(LOOK_SECONDS):
            try:
                for ledger in self._ledgers:
                    if wished := ledger.wished_bytes():
                        self._models.cache.give_way(wished)
                if self._idle_seconds is not None:
                    self._models.cache.unload_idle(self._idle_seconds)
                self.tell()
            except Exception:  # the next look may go better; without it nothing would be given back any more
                log.exception("the memory was not looked after")
