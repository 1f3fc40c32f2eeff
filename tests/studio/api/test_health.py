"""What `/health` tells, and to whom."""

from pathlib import Path

from starlette.applications import Starlette
from starlette.testclient import TestClient

from studio.api.health import health_route
from studio.identity import Identity

STATUS = {"queue_length": 1, "loaded_models": [{"model": "m", "leased_by": ["0" * 32], "pinned": False}]}


def asked(identity: Identity, owner: str | None, *, is_loopback: bool) -> dict:
    route = health_route(lambda: {**STATUS}, "1.0", identity, is_loopback=is_loopback)
    cookie = identity.cookie(owner, is_https=False, is_framed=False).partition(";")[0] if owner else ""
    return dict(TestClient(Starlette(routes=[route]), headers={"cookie": cookie}).get("/health").json())


def test_strangers_learn_that_it_is_up_and_nobody_who_works_with_a_model(tmp_path: Path) -> None:
    identity = Identity(tmp_path)
    assert asked(identity, None, is_loopback=False) == {"status": "ok", "version": "1.0"}
    for told in (
        asked(identity, identity.new_visitor(), is_loopback=False),
        asked(identity, None, is_loopback=True),
    ):
        assert told["queue_length"] == 1
        assert told["loaded_models"] == [{"model": "m", "pinned": False}]
    assert STATUS["loaded_models"][0]["leased_by"], "what the page shows stays whole"
