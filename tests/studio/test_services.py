"""What the services announce when the studio starts."""

import re
import socket
from pathlib import Path

import pytest

from studio.services import Services
from studio.settings import Settings


@pytest.mark.parametrize(
    ("host", "own", "address"),
    [
        ("0.0.0.0", "192.0.2.7", "192.0.2.7"),
        ("0.0.0.0", "127.0.1.1", "0.0.0.0"),
        ("0.0.0.0", None, "0.0.0.0"),
        ("::", None, "[::]"),
        ("192.0.2.9", "192.0.2.7", "192.0.2.9"),
    ],
)
def test_an_open_port_announces_one_link_with_its_token(
    host: str, own: str | None, address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def look_up(name: str) -> str:
        if own is None:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return own

    monkeypatch.setattr(socket, "gethostbyname", look_up)
    lines: list[str] = []
    settings = Settings(tmp_path / "home", tmp_path / "cache", host=host, port=7861, engine="inline")
    services = Services(settings, announce=lines.append)
    services.close()
    (line,) = lines
    link = re.search(r"http://\S+", line)
    assert link and link[0].startswith(f"http://{address}:7861/?token=")
    assert services.gate and services.gate.admits(link[0].partition("token=")[2])
