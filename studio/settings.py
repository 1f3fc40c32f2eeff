"""Flags and environment variables → one frozen Settings. Knows nothing of what is done with them, and touches no disk.

A flag beats its environment variable, which beats the default. The Hugging Face variables (`HF_HOME`, `HF_TOKEN`,
`HF_ENDPOINT`, `HF_HUB_OFFLINE`) are read by huggingface_hub itself and are only named here for the help text.
"""

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from math import isfinite
from pathlib import Path
from typing import Literal

from pipelines.errors.access import ShareNeedsLogin

Engine = Literal["process", "inline"]

ENGINES: tuple[Engine, ...] = ("process", "inline")

HELP_ENDING = """environment: GRADIO_SERVER_NAME, GRADIO_SERVER_PORT, AIGC_STUDIO_HOME, AIGC_STUDIO_AUTH and
AIGC_STUDIO_MEMORY_GB say the same as --host, --port, --home, --auth and --memory; AIGC_STUDIO_IDLE_MINUTES is how long a
model that nobody uses stays in memory (default 30, 0: until its room is needed); AIGC_STUDIO_PROCESSES is how many processes
train one model together (default: one for each GPU); AIGC_STUDIO_CACHE is where starter models are kept (default ~/.cache/aigc-studio);
STUDIO_ENGINE is "process" (default) or "inline" (for debugging); HF_HOME, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE
mean what they mean to huggingface_hub."""


@dataclass(frozen=True)
class Settings:
    """Everything that is decided before the start.

    `home` holds what people make, `cache` what can be fetched again. `auth` is the (name, password) of everybody who may
    log in, empty when there is no login. `queue_limit` jobs may wait in all, `person_limit` may wait or run for one person.
    Models may hold `memory_bytes` (None: most of what is free at the start), and one that nobody uses stays for
    `idle_seconds` (None: until its room is needed). A training runs as `training_processes` (None: one on each GPU).
    """

    home: Path
    cache: Path
    host: str = "127.0.0.1"
    port: int = 7860
    auth: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    share: bool = False
    engine: Engine = "process"
    is_space: bool = False
    space_hosts: tuple[str, ...] = ()
    queue_limit: int = 64
    person_limit: int = 8
    memory_bytes: int | None = None
    training_processes: int | None = None
    idle_seconds: float | None = 1800.0

    @property
    def is_loopback(self) -> bool:
        """Only this machine can reach the port. (`--share` is another door, and asks for a login.)"""
        if self.host == "localhost":
            return True
        try:
            return ip_address(self.host.strip("[]")).is_loopback
        except ValueError:
            return False

    @property
    def is_gated(self) -> bool:
        """Others on the network can reach the port and nobody has to log in: a printed token lets browsers in."""
        return not self.is_loopback and not self.auth and not self.is_space

    @property
    def is_public_demo(self) -> bool:
        """A Space without a login: no training, no downloads, no token box, a quota for each person."""
        return self.is_space and not self.auth

    @staticmethod
    def from_environment(argv: Sequence[str] | None = None, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Read `argv` (None: the command line) and `environ`.

        Raises ShareNeedsLogin for a share link without a login. A flag or variable that cannot be read ends the
        program with a line that names it (SystemExit 2), as argparse does.
        """
        # 1. flags
        is_space = "SPACE_ID" in environ
        parser = _flags(environ, is_space=is_space)
        flags = parser.parse_args(argv)

        # 2. what argparse does not check by itself
        if not (flags.port.isascii() and flags.port.isdecimal() and 1 <= int(flags.port) <= 65535):
            parser.error(f"the port is {flags.port!r}; it must be a number between 1 and 65535")
        engine = environ.get("STUDIO_ENGINE") or "process"
        if engine not in ENGINES:
            parser.error(f"STUDIO_ENGINE is {engine!r}; it must be process or inline")
        logins = flags.auth or environ.get("AIGC_STUDIO_AUTH", "").split()
        auth = tuple((name, password) for name, _, password in (login.partition(":") for login in logins))
        if not all(name and password for name, password in auth):
            parser.error("a login must read USER:PASSWORD, with neither part empty")

        memory_gb = _number(flags.memory)
        if flags.memory and (memory_gb is None or memory_gb <= 0):
            parser.error(f"the memory is {flags.memory!r}; it must be a number of gigabytes above 0")
        idle = environ.get("AIGC_STUDIO_IDLE_MINUTES") or "30"
        idle_minutes = _number(idle)
        if idle_minutes is None or idle_minutes < 0:
            parser.error(f"AIGC_STUDIO_IDLE_MINUTES is {idle!r}; it must be a number of minutes, or 0 for no limit")

        processes = environ.get("AIGC_STUDIO_PROCESSES") or ""
        if processes and not (processes.isascii() and processes.isdecimal() and 1 <= int(processes) <= 64):
            parser.error(f"AIGC_STUDIO_PROCESSES is {processes!r}; it must be a number between 1 and 64")

        # 3. what must not be had without a login
        if flags.share and not auth:
            raise ShareNeedsLogin()

        return Settings(
            home=Path(flags.home).expanduser().absolute(),
            cache=Path(environ.get("AIGC_STUDIO_CACHE") or "~/.cache/aigc-studio").expanduser().absolute(),
            host=flags.host,
            port=int(flags.port),
            auth=auth,
            share=flags.share,
            engine="inline" if engine == "inline" else "process",
            is_space=is_space,
            space_hosts=tuple(host for host in environ.get("SPACE_HOST", "").split(",") if host),
            memory_bytes=int(memory_gb * 1e9) if memory_gb else None,
            training_processes=int(processes) if processes else None,
            idle_seconds=idle_minutes * 60 or None,
        )


def _flags(environ: Mapping[str, str], *, is_space: bool) -> argparse.ArgumentParser:
    """Each with its variable as the default."""
    parser = argparse.ArgumentParser(prog="app.py", description="AIGC Studio", epilog=HELP_ENDING)
    host = environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if is_space else "127.0.0.1")
    home = environ.get("AIGC_STUDIO_HOME") or "~/.aigc-studio"
    parser.add_argument("--host", default=host, help="address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", default=environ.get("GRADIO_SERVER_PORT") or "7860", help="port (default: %(default)s)"
    )
    parser.add_argument("--home", default=home, help="folder of what people make (default: %(default)s)")
    parser.add_argument(
        "--auth", action="append", metavar="USER:PASSWORD", help="ask for a login; may be given several times"
    )
    parser.add_argument("--share", action="store_true", help="public link through Gradio's relay; needs --auth")
    parser.add_argument(
        "--memory",
        default=environ.get("AIGC_STUDIO_MEMORY_GB") or "",
        metavar="GB",
        help="how much memory models may take (default: most of what is free at the start)",
    )
    return parser


def _number(text: str) -> float | None:
    """What a person wrote, where it is a number that can be counted with."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if isfinite(number) else None
