"""GET /health: is the studio up, and how busy is it. Strangers learn only that it is up.

Knows nothing of jobs: what there is to tell comes from `status`.
"""

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from studio.identity import Identity


def health_route(status: Callable[[], dict[str, Any]], version: str, identity: Identity, *, is_loopback: bool) -> Route:
    """`{"status": "ok", "version"}`, and with it all that `status()` says for everybody we know.

    On a loopback port without a login everybody who asks sits at this machine, and so is known. Who works with a model is told to nobody.
    """
    tells_all = is_loopback and not identity.names

    def health(request: Request) -> JSONResponse:
        told = status() if tells_all or identity.is_known(request) else {}
        if "loaded_models" in told:
            told["loaded_models"] = [_without_users(model) for model in told["loaded_models"]]
        return JSONResponse({"status": "ok", "version": version, **told}, headers={"Cache-Control": "no-store"})

    return Route("/health", health, methods=["GET"])


def _without_users(model: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in model.items() if name != "leased_by"}
