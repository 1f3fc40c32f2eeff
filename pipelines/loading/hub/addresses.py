"""Where a download may go: a hub on the internet never sends us to an address inside this machine or its network.

Every request of huggingface_hub in this process, each hop of a redirect too, goes through `client`. A name is looked up
once and the connection goes to that address, so that a second look-up cannot give another one (DNS rebinding). Where
the hub itself is inside (a mirror of one's own), or a proxy makes the connections, names are the keeper's business. It
knows no model.
"""

import ipaddress
import socket
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx2

from pipelines.errors.models import ForeignRedirect

PATIENCE = httpx2.Timeout(120.0, connect=10.0)  # seconds without a word, where whoever asks names no time of its own
NAT64 = ipaddress.ip_network("64:ff9b::/96")  # IPv4 addresses as an IPv6-only network writes them
# Inside by their own standards (RFC 8215, 4291 §2.5.5.1, 3879), and yet "global" for the standard library.
INSIDE = tuple(map(ipaddress.ip_network, ("64:ff9b:1::/48", "::/96", "fec0::/10")))


def use_checked_client() -> None:
    """Let huggingface_hub make its requests by `client`. May be called again; it then does nothing."""
    from huggingface_hub import get_session, set_client_factory

    if not isinstance(get_session(), _CheckedClient):
        set_client_factory(client)


def client() -> "httpx2.Client":
    """A client as huggingface_hub makes it, whose every hop is checked."""
    from huggingface_hub.utils._http import hf_request_event_hook

    transport = None if _has_proxy() else _PinnedTransport()  # a transport of one's own would switch proxies off
    hooks = {"request": [hf_request_event_hook, _refuse_inside]}
    return _CheckedClient(event_hooks=hooks, transport=transport, follow_redirects=True, timeout=PATIENCE)


class _CheckedClient(httpx2.Client):
    """Only its name is of use: that the client in place is ours."""


class _PinnedTransport(httpx2.HTTPTransport):
    """Connects to the address that was checked, under the name that was asked for."""

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = request.url
        if not _is_hub_public():
            return super().handle_request(request)
        address = _checked_address(asked.host)
        request.url = asked.copy_with(host=address)  # the Host header keeps the name
        request.extensions = {**request.extensions, "sni_hostname": asked.host}
        try:
            return super().handle_request(request)
        finally:
            request.url = asked


def _refuse_inside(request: httpx2.Request) -> None:
    if _is_hub_public():
        _checked_address(request.url.host)


def _checked_address(host: str) -> str:
    """An address of `host`. Raises ForeignRedirect when any of its addresses is inside, ConnectError when it has none."""
    found = _addresses(host)
    if any(not is_public(address) for address in found):
        raise ForeignRedirect(host=host[:100])
    if not found and not _has_proxy():
        raise httpx2.ConnectError(f"no address of {host}")
    return found[0] if found else host


def _has_proxy() -> bool:
    """Whether a proxy makes the connections. NO_PROXY alone names none."""
    return not {"http", "https", "all"}.isdisjoint(getproxies())


def _is_hub_public() -> bool:
    """Whether the hub is on the internet. One whose name only a proxy knows is."""
    from huggingface_hub import constants

    return all(is_public(address) for address in _addresses(urlsplit(constants.ENDPOINT).hostname or ""))


def _addresses(host: str) -> list[str]:
    """Every address of `host`, as the system finds them; decimal and other odd spellings are read as it reads them."""
    try:
        return [str(info[4][0]) for info in socket.getaddrinfo(host.rstrip("."), None, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []


def is_public(address: str) -> bool:
    """Whether an IP address is one of the internet's own."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    inner = getattr(parsed, "ipv4_mapped", None) or getattr(parsed, "sixtofour", None)
    if parsed in NAT64:
        inner = ipaddress.IPv4Address(int(parsed) & 0xFFFFFFFF)
    if any(parsed in network for network in INSIDE):
        return False
    return parsed.is_global and not parsed.is_multicast and (inner is None or inner.is_global)
