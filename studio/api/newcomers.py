"""How many new people one address may be: otherwise a fresh cookie for each request would be a fresh quota.

Knows no cookie and no request. Whoever is not admitted stays a guest, and shares the guests' quota.
"""

import threading
import time
from collections import deque
from collections.abc import Callable

ADDRESSES = 10_000


class Newcomers:
    """Admits `limit` new identities from one address in `per_seconds`."""

    def __init__(
        self, limit: int = 30, per_seconds: float = 3600.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._limit = limit
        self._per_seconds = per_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._admitted: dict[str, deque[float]] = {}

    def admits(self, address: str) -> bool:
        now = self._clock()
        with self._lock:
            times = self._admitted.pop(address, deque())
            self._admitted[address] = times  # put back last: the oldest addresses are forgotten first
            while len(self._admitted) > ADDRESSES:
                del self._admitted[next(iter(self._admitted))]
            while times and times[0] <= now - self._per_seconds:
                times.popleft()
            if len(times) >= self._limit:
                return False
            times.append(now)
            return True
