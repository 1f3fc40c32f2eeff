"""AIGC Studio: flags → Settings → Services → page → launch; nothing else."""

import errno
import os
import signal
import socket
import sys
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from starlette.middleware import Middleware

from pipelines.errors.base import StudioError
from pipelines.errors.storage import NoSuchAddress, PortForbidden, PortInUse
from pipelines.version import VERSION
from studio.api.door import Door
from studio.api.early import EarlyScript
from studio.api.health import health_route
from studio.api.link import link_routes
from studio.api.live import live_routes
from studio.api.media import Shelves, media_routes
from studio.services import Services
from studio.settings import Settings
from studio.ui.live import Looks
from studio.ui.words import language_of

EARLY_SCRIPT_FILE = Path(__file__).parent / "assets" / "js" / "frames.js"

ENVIRONMENT = {
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DIFFUSERS_DISABLE_REMOTE_CODE": "1",
    "TOKENIZERS_PARALLELISM": "false",
}


def main() -> None:
    # 1. What was asked for
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    try:
        settings = Settings.from_environment()
        _refuse_unusable_port(settings)
        services = Services(settings, announce=lambda line: print(line, flush=True))
    except StudioError as error:
        languages = [os.environ.get(name, "") for name in ("LC_ALL", "LC_MESSAGES", "LANG")]
        sys.exit(error.say(next(filter(None, languages), "en")))
    os.environ.setdefault("GRADIO_TEMP_DIR", str(settings.home / "tmp"))

    # 2. The page: Gradio reads the environment when it is imported
    from studio.ui.page import build

    page, launch = build(services)
    _, local_url, share_url = page.launch(
        server_name=settings.host,
        server_port=settings.port,
        auth=list(settings.auth) or None,
        share=settings.share,
        prevent_thread_lock=True,
        quiet=True,
        app_kwargs=_doors(services),
        **launch,
    )
    print(f"AIGC Studio: {share_url or local_url}", flush=True)

    # 3. The worker, whose imports happen while the person reads
    services.start()

    # 4. Until somebody stops it. A handler interrupts whatever runs, itself too: only this queue may be filled there
    heard: SimpleQueue[int] = SimpleQueue()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: heard.put(number))
    is_service = heard.get() == signal.SIGTERM  # from systemd or Docker: everything here may go with it
    services.close(is_pausing=is_service)
    page.close()


def _doors(services: Services) -> dict[str, Any]:
    """The door in front of every route, and our own routes; Gradio takes neither after its launch."""
    settings, identity = services.settings, services.identity
    door = Middleware(Door, settings=settings, identity=identity, gate=services.gate)
    routes = [
        health_route(services.jobs.status, VERSION, identity, is_loopback=settings.is_loopback),
        *media_routes(
            Shelves(
                services.creations.path,
                services.preview,
                services.runs.sample,
                services.creations.converted,
                services.datasets.media,
                services.runs.model,
                services.runs.events,
            ),
            identity,
        ),
        *live_routes(Looks(services).by_name(), identity, language_of),
        *link_routes(identity, is_framed=settings.is_space),
    ]
    early = Middleware(EarlyScript, script=EARLY_SCRIPT_FILE.read_text("utf-8"))
    return {"middleware": [door, early], "routes": routes}


def _refuse_unusable_port(settings: Settings) -> None:
    """Raises PortInUse, PortForbidden or NoSuchAddress. Gradio would say it with a traceback, after the seconds that its import takes."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((settings.host.strip("[]"), settings.port))
        except PermissionError as error:
            raise PortForbidden(port=settings.port) from error
        except (OSError, UnicodeError) as error:  # UnicodeError: a part of the name is empty or too long
            if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
                raise PortInUse(port=settings.port) from error
            raise NoSuchAddress(host=settings.host) from error


if __name__ == "__main__":
    main()
