"""The token with which this studio asks the hub: put in once, never shown again, read by whoever downloads.

It lies in a file of the home that only this user can read. Knows nothing of the hub.
"""

from pathlib import Path

from pipelines.errors.models import TokenRefused
from studio.files import write_whole

FILE_NAME = "hub.token"


class HubToken:
    """`file` is what the downloads read."""

    def __init__(self, home: Path) -> None:
        self.file = home / FILE_NAME

    @property
    def is_set(self) -> bool:
        return self.file.exists()

    def keep(self, token: str) -> None:
        """Raises DiskFull or ReadOnlyHome, and TokenRefused for what no request could carry: blanks, other letters."""
        token = token.strip()
        if not token.isascii() or not token.isprintable() or " " in token:
            raise TokenRefused()
        write_whole(self.file, token.encode())  # which makes it with mode 0600

    def forget(self) -> None:
        self.file.unlink(missing_ok=True)
