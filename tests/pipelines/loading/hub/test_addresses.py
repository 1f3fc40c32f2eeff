"""Where a hub may send a download, and where not."""

import httpx2
import pytest

from pipelines.errors.models import (
    ForeignRedirect,
)
from pipelines.loading.hub import addresses
from pipelines.loading.hub.client import Hub
from pipelines.types.events import ignore
from tests.hub import LocalHub, ask_here
from tests.pipelines.loading.hub.asking import refusal_of, spec

PUBLIC = "http://93.184.216.34"  # an address of the internet that nobody here is asked at


@pytest.fixture
def public_hub(hub, monkeypatch, tmp_path) -> LocalHub:
    """The same hub under an address of the internet: it answers as the proxy that leads there."""
    monkeypatch.setenv("HTTP_PROXY", hub.address)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    ask_here(monkeypatch, PUBLIC, tmp_path / "hub")
    hub.cdn = f"{PUBLIC}/cdn"
    from huggingface_hub import close_session

    close_session()
    yield hub
    close_session()


@pytest.mark.parametrize(
    "inside",
    [
        "http://127.0.0.1:{port}/secret",
        "http://localhost:{port}/secret",
        "HTTP://LOCALHOST.:{port}/secret",
        "http://2130706433:{port}/secret",
        "http://0x7f.1:{port}/secret",
        "http://[::1]:{port}/secret",
        "http://[::ffff:127.0.0.1]:{port}/secret",
        "http://0.0.0.0:{port}/secret",
        "http://10.0.0.5/secret",
        "http://192.168.1.1/secret",
        "http://169.254.169.254/latest/meta-data",
        "http://100.64.0.1/secret",
        "http://[fd00::1]/secret",
        "http://[fe80::1]/secret",
        "http://[64:ff9b::7f00:1]:{port}/secret",
        "http://[64:ff9b:1::7f00:1]:{port}/secret",
        "http://[::7f00:1]:{port}/secret",
        "http://[fec0::1]/secret",
        "//127.0.0.1:{port}/secret",
    ],
)
def test_a_public_hub_sends_nobody_inside(inside, public_hub, llama_folder):
    repository = public_hub.add("owner/tiny", llama_folder)
    repository.redirects["model.safetensors"] = inside.format(port=public_hub.port)
    sentence = refusal_of("owner/tiny", ForeignRedirect)
    assert "Nothing was fetched" in sentence and "secret" not in public_hub.asked


def test_a_public_hub_may_send_to_the_internet(public_hub, llama_folder):
    public_hub.add("owner/tiny", llama_folder)
    assert Hub().snapshot(spec("owner/tiny"), ignore)
    assert any(path.startswith("cdn/") for path in public_hub.asked)


def test_a_name_is_looked_up_once_and_connected_to_under_that_address(monkeypatch):
    """A second look-up may give another address; the connection must go to the first."""
    asked: list[httpx2.Request] = []

    def pretend(self: object, request: httpx2.Request) -> httpx2.Response:
        asked.append(request)
        seen.append((request.url.host, request.headers["host"], request.extensions["sni_hostname"]))
        return httpx2.Response(200)

    seen: list[tuple[str, str, str]] = []
    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", pretend)
    monkeypatch.setattr(addresses, "_addresses", lambda host: [{"hub.example": "93.184.216.34"}.get(host, "127.0.0.1")])
    monkeypatch.setattr(addresses, "getproxies", dict)
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "https://hub.example")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    client = addresses.client()
    assert client.get("https://hub.example/x").status_code == 200
    assert seen == [("93.184.216.34", "hub.example", "hub.example")]
    assert str(asked[0].url) == "https://hub.example/x", "a redirect is read from the name"
    with pytest.raises(ForeignRedirect):
        client.get("https://rebound.example/x")


def test_addresses_are_pinned_where_the_environment_names_only_who_needs_no_proxy(monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "localhost")
    assert isinstance(addresses.client()._transport, addresses._PinnedTransport)
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    assert not isinstance(addresses.client()._transport, addresses._PinnedTransport)


def test_a_hub_inside_may_send_inside(hub, llama_folder):
    hub.add("owner/tiny", llama_folder)
    assert Hub().snapshot(spec("owner/tiny"), ignore)
