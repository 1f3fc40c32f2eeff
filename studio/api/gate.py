"""The token that lets one browser in, where the port is open to a network and nobody has to log in.

Knows no cookie and no request: it says whether a token is the one that was announced, and announces the next.
"""

import secrets
import threading
from collections.abc import Callable


class Gate:
    """Holds the one token that is good now. `announce` is told each new token, to print it where its keeper looks."""

    def __init__(self, announce: Callable[[str], None]) -> None:
        self._announce = announce
        self._lock = threading.Lock()
        self._token = ""
        self._renew()

    def admits(self, token: str) -> bool:
        """True once for each announced token; the next one is announced at that moment."""
        with self._lock:
            if not secrets.compare_digest(token.encode(), self._token.encode()):
                return False
            self._renew()
            return True

    def _renew(self) -> None:
        self._token = secrets.token_urlsafe(16)
        self._announce(self._token)
