"""The one middleware in front of every route, Gradio's and ours: who may come in, and what every answer carries.

    1. Host     a port on this machine answers only to this machine's names (against DNS rebinding)
    2. Origin   what a page of another site asks for is refused, whatever the method (against cross-site requests)
    3. routes   Gradio's ways to fetch an address for somebody are closed (against request forgery by the server)
    4. gate     open to a network without a login: only browsers that showed the printed token, and API tokens
    5. headers  a content policy that names no other host, nosniff; on pages the signed cookie

Pure ASGI: bodies pass through untouched, so streams stay streams. Knows no gradio but the paths it closes.
"""

import re
from ipaddress import ip_address
from urllib.parse import unquote

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipelines.errors.access import ClosedRoute, ForeignPage, NotAllowed, TokenNeeded, WrongAddress
from studio.api.gate import Gate
from studio.api.link import is_https
from studio.api.newcomers import Newcomers
from studio.api.plain import refusal
from studio.identity import Identity
from studio.settings import Settings

# What a stranger may reach through the gate: is it up, the way in by a link, and Gradio's call to itself at its start.
OPEN_PATHS = frozenset({"/health", "/link", "/gradio_api/startup-events"})

CONTENT_POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "frame-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
SPACE_FRAMES = "'self' https://huggingface.co https://*.hf.space"

ORIGIN = re.compile(r"https?://([^/?#@\\\s]+)")
ADDRESS = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9_.-]+)(?::([0-9]{1,5}))?")
FETCHING = re.compile(r"/file[=/](.*)", re.DOTALL)  # Gradio's two spellings of its file route
SCHEME = re.compile(r"[\s\\/\x00-\x1f]*[a-z][a-z0-9+.-]+:")


class Door:
    """ASGI middleware. `gate` is given exactly when `settings.is_gated`."""

    def __init__(self, app: ASGIApp, *, settings: Settings, identity: Identity, gate: Gate | None = None) -> None:
        self.app = app
        self.settings = settings
        self.identity = identity
        self.gate = gate
        self.newcomers = None if settings.is_loopback else Newcomers()
        frames = SPACE_FRAMES if settings.is_space else "'self'"
        policy = {**CONTENT_POLICY, "frame-ancestors": frames}
        self.headers = {
            "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        refused = self._refusal(HTTPConnection(scope))
        if scope["type"] == "websocket":
            closing = {"type": "websocket.close", "code": 1008}
            await (send(closing) if refused else self.app(scope, receive, send))
            return

        request = Request(scope, receive)
        is_welcomed = isinstance(refused, TokenNeeded) and self._shows_token(request)
        if is_welcomed:
            await self._welcome(request)(scope, receive, self._dress(send))
        elif refused:
            status_code = 401 if isinstance(refused, TokenNeeded) else 403
            await refusal(request, refused, status_code)(scope, receive, self._dress(send))
        else:
            await self.app(scope, receive, self._dress(send, self._page_cookie(request)))

    # ── who may come in ───────────────────────────────────────────────────────────────────────────────────────────────

    def _refusal(self, asked: HTTPConnection) -> NotAllowed | None:
        """Why `asked` may not come in; None when it may."""
        # 1. Host: exactly one, and on a port of this machine one of its own names
        hosts = [host.lower() for host in asked.headers.getlist("host")]
        host = hosts[0] if len(hosts) == 1 else ""
        if self.settings.is_loopback and not self.settings.share and not _is_this_machine(host):
            return WrongAddress()

        # 2. Origin: a browser names the page that asks; it must be ours. Programs name none, nor do plain page loads
        origins = asked.headers.getlist("origin")
        if origins and not (len(origins) == 1 and self._is_ours(origins[0].lower(), host, asked)):
            return ForeignPage()
        is_reading = asked.scope.get("method", "GET") in ("GET", "HEAD", "OPTIONS")
        if not is_reading and asked.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
            return ForeignPage()

        # 3. routes that fetch an address
        path = _plain(asked.scope["path"])
        fetching = FETCHING.search(path)
        if "/proxy=" in path or (fetching and SCHEME.match(fetching[1])):
            return ClosedRoute()

        # 4. the gate
        if self.gate and asked.scope["path"] not in OPEN_PATHS and not self.identity.is_known(asked):
            return TokenNeeded()
        return None

    def _is_ours(self, origin: str, host: str, asked: HTTPConnection) -> bool:
        match = ORIGIN.fullmatch(origin)
        address = _address(match[1]) if match else None
        if address is None:
            return False
        own = {_address(host), *(_address(name.lower()) for name in self.settings.space_hosts)}
        if _is_this_machine(host):
            # A proxy or tunnel on this machine says so under which name it is seen. No page of another site can:
            # to send this header a browser first asks, and Gradio allows that to no other site on a local Host.
            own.add(_address(asked.headers.get("x-forwarded-host", "").lower()))
        return address in own

    # ── the gate's token ──────────────────────────────────────────────────────────────────────────────────────────────

    def _shows_token(self, request: Request) -> bool:
        token = request.query_params.get("token", "")
        return self.gate is not None and request.method == "GET" and self.gate.admits(token)

    def _welcome(self, request: Request) -> RedirectResponse:
        """A new identity is the admission; the redirect takes the token out of the address line."""
        cookie = self._cookie(request, self.identity.new_visitor())
        return RedirectResponse("/", status_code=303, headers={"Set-Cookie": cookie, "Cache-Control": "no-store"})

    # ── what every answer carries ─────────────────────────────────────────────────────────────────────────────────────

    def _page_cookie(self, request: Request) -> str | None:
        """The cookie to send along if the answer is a page: a new identity, or the same one for another 400 days.

        Only to a page that is opened: where one is embedded or fetched, a browser may have held its cookie back.
        """
        is_opening = request.headers.get("sec-fetch-mode", "navigate") == "navigate"
        if request.method != "GET" or not is_opening or self.identity.names or request.scope["path"] in OPEN_PATHS:
            return None
        owner = self.identity.visitor(request.headers.get("cookie", ""))
        if owner is None and (self.gate or not self._is_new_person(request)):
            return None
        return self._cookie(request, owner or self.identity.new_visitor())

    def _is_new_person(self, request: Request) -> bool:
        """At this machine everybody is; elsewhere an address may only be so many people."""
        if self.newcomers is None:
            return True
        peer = request.client.host if request.client else ""
        if self.settings.is_space:  # a Space's proxy adds the address that it saw as the last one
            peer = request.headers.get("x-forwarded-for", peer).rpartition(",")[2].strip()
        return self.newcomers.admits(peer)

    def _cookie(self, request: Request, owner: str) -> str:
        return self.identity.cookie(owner, is_https=is_https(request), is_framed=self.settings.is_space)

    def _dress(self, send: Send, page_cookie: str | None = None) -> Send:
        async def dressed(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers.update(self.headers)
                is_page = message["status"] == 200 and headers.get("content-type", "").startswith("text/html")
                if page_cookie and is_page:
                    headers.append("Set-Cookie", page_cookie)
                    headers["Cache-Control"] = "private, no-cache"
            await send(message)

        return dressed


# ── reading addresses ─────────────────────────────────────────────────────────────────────────────────────────────────


def _address(text: str) -> tuple[str, int] | None:
    """`host[:port]` in lower case as (host, port), None if malformed; the ports of http and https count as one."""
    match = ADDRESS.fullmatch(text)
    port = int(match[2] or 80) if match else 0
    if match is None or not 1 <= port <= 65535:
        return None
    return match[1], 80 if port == 443 else port


def _is_this_machine(host: str) -> bool:
    address = _address(host)
    if address is None:
        return False
    if address[0] == "localhost":
        return True
    try:
        return ip_address(address[0].strip("[]")).is_loopback
    except ValueError:
        return False


def _plain(path: str) -> str:
    """The path in lower case with every layer of percent-encoding taken off."""
    while (decoded := unquote(path)) != path:
        path = decoded
    return path.lower()
