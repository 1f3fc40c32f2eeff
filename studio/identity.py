"""Who asks: `who(request)` is the one place that says it, for Gradio's handlers and for our own routes alike.

An owner is a string:

    login:<name>      logged in through Gradio (only these count while a login is asked for)
    visitor:<32 hex>  a browser, known by a signed cookie
    guest             nobody we know; shares the owner "guest", whose lists always stay empty

An API token (`Authorization: Bearer …`) stands for the owner it was made for. Everything is signed with the key in
`<home>/secret.key`: copying the home moves all identities, deleting the key ends them. Never used: Gradio's
`session_hash`, which the client makes up. This file knows neither gradio (it is handed requests, and reads the logins
of the app they came to) nor what an owner owns.
"""

import hashlib
import re
import secrets
import time
from collections.abc import Callable, Sequence
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any

from itsdangerous import BadSignature, Signer, URLSafeSerializer

from pipelines.errors.access import NotFound
from studio.files import storage_errors, write_whole

GUEST = "guest"
KEY_BYTES = 32
COOKIE_SECONDS = 400 * 24 * 3600  # the longest that browsers keep one
LINK_SECONDS = 600

VISITOR = re.compile(r"visitor:([0-9a-f]{32})")


class Identity:
    """Knows owners by login, API token or signed cookie. Safe to use from several threads.

    `auth` is the (name, password) of everybody who may log in; empty when there is no login.
    Raises ReadOnlyHome or DiskFull when the key cannot be kept.
    """

    def __init__(
        self, home: Path, auth: Sequence[tuple[str, str]] = (), clock: Callable[[], float] = time.monotonic
    ) -> None:
        key = _key_of(home)
        self.names = frozenset(name for name, _ in auth)
        # A browser keeps one jar for all ports of a host: two studios on one machine must not share a cookie's name.
        self.cookie_name = "studio_id_" + hashlib.sha256(b"cookie name" + key).hexdigest()[:8]
        self._visitors = Signer(key, salt="studio.visitor", digest_method=hashlib.sha256)
        self._tokens = URLSafeSerializer(key, salt="studio.api-token", signer_kwargs={"digest_method": hashlib.sha256})
        self._links: dict[str, tuple[str, float]] = {}
        self._clock = clock

    # ── who ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    def who(self, request: Any) -> str:
        """The owner behind a `starlette.requests.Request` or a `gradio.Request`; "guest" when nothing proves one."""
        headers = request.headers
        # 1. an API token; an unknown one proves nothing: it may be for a proxy in front of us (a private Space)
        owner = self.owner_of_token(headers.get("authorization") or "")
        if owner:
            return owner
        # 2. a login; while one is asked for, nothing else counts
        cookies = headers.get("cookie") or ""
        if self.names:
            name = getattr(request, "username", None) or _gradio_login(request, cookies)
            return f"login:{name}" if name in self.names else GUEST
        # 3. the signed cookie
        return self.visitor(cookies) or GUEST

    def is_known(self, request: Any) -> bool:
        return self.who(request) != GUEST

    # ── the cookie ────────────────────────────────────────────────────────────────────────────────────────────────────

    def visitor(self, cookies: str) -> str | None:
        """The owner in the text of a Cookie header; None when there is none or its signature is not ours."""
        try:
            signed = _cookies(cookies)[self.cookie_name]
            owner = "visitor:" + self._visitors.unsign(signed).decode()
        except (KeyError, BadSignature, UnicodeError):
            return None
        return owner if VISITOR.fullmatch(owner) else None

    @staticmethod
    def new_visitor() -> str:
        return f"visitor:{secrets.token_hex(16)}"

    def cookie(self, owner: str, *, is_https: bool, is_framed: bool) -> str:
        """The Set-Cookie value that makes a browser `owner`.

        `is_framed`: the page is shown inside another site's page (a Space), where browsers only send cookies that
        say so; they insist on https for that.
        """
        match = VISITOR.fullmatch(owner)
        if match is None:
            raise NotFound(thing="library")
        reach = "SameSite=None; Secure; Partitioned" if is_https and is_framed else "SameSite=Lax"
        if is_https and not is_framed:
            reach += "; Secure"
        value = self._visitors.sign(match[1]).decode()
        return f"{self.cookie_name}={value}; Max-Age={COOKIE_SECONDS}; Path=/; HttpOnly; {reach}"

    # ── tokens ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def api_token(self, owner: str) -> str:
        """A token for scripts that act as `owner`. It holds as long as the key (and, for a login, the name) does."""
        return str(self._tokens.dumps(owner))

    def owner_of_token(self, authorization: str) -> str | None:
        """The owner in the text of an Authorization header; None unless it carries a token made here."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return None
        try:
            owner = self._tokens.loads(token.strip())
        except BadSignature:
            return None
        is_login = owner.startswith("login:")
        if is_login != bool(self.names) or (is_login and owner.removeprefix("login:") not in self.names):
            return None
        return str(owner)

    def link_token(self, owner: str) -> str:
        """A token that makes one more browser `owner`, once, within ten minutes."""
        now = self._clock()
        self._links = {token: link for token, link in self._links.items() if link[1] > now}
        token = secrets.token_urlsafe(24)
        self._links[token] = (owner, now + LINK_SECONDS)
        return token

    def redeem(self, token: str) -> str:
        """The owner of a link token, which is used up by this. Raises NotFound when it is unknown, used or too old."""
        owner, until = self._links.pop(token, ("", 0.0))
        if not owner or until <= self._clock():
            raise NotFound(thing="link")
        return owner


def _cookies(header: str) -> dict[str, str]:
    """SimpleCookie gives up on the whole header at one odd cookie of somebody else, so each is read by itself."""
    found: dict[str, str] = {}
    for part in header.split(";"):
        try:
            found.update((name, morsel.value) for name, morsel in SimpleCookie(part.strip()).items())
        except CookieError:
            continue
    return found


def _gradio_login(request: Any, cookies: str) -> str | None:
    """The login that Gradio would find for this request: its app keeps them by the token in two cookies.

    Mirrors `get_current_user` of gradio/routes.py (6.31), out of reach for our own routes; a test holds them together.
    """
    app = getattr(request, "request", request).scope.get("app")
    jar = _cookies(cookies)
    cookie_id = getattr(app, "cookie_id", "")
    token = jar.get(f"access-token-{cookie_id}") or jar.get(f"access-token-unsecure-{cookie_id}")
    return getattr(app, "tokens", {}).get(token)


def _key_of(home: Path) -> bytes:
    """The key of this home, made at first use: 32 random bytes that only this user can read."""
    path = home / "secret.key"
    with storage_errors(home):
        home.mkdir(parents=True, exist_ok=True)
        if path.exists() and len(key := path.read_bytes()) >= KEY_BYTES:
            return key
    key = secrets.token_bytes(KEY_BYTES)
    write_whole(path, key)
    return key
