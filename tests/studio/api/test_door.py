"""The door by itself, in front of a small app: Host × Origin × method, closed routes, gate, headers, cookie."""

import itertools
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from studio.api.door import Door
from studio.api.gate import Gate
from studio.api.health import health_route
from studio.api.link import link_routes
from studio.identity import Identity
from studio.settings import Settings

LOCAL = "http://127.0.0.1:7860"


class Studio:
    """A door with an app behind it that says who came."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.settings = Settings(home=home, cache=home, **settings)  # type: ignore[arg-type]
        self.identity = Identity(home, self.settings.auth)
        self.announced: list[str] = []
        self.reached: list[str] = []
        gate = Gate(self.announced.append) if self.settings.is_gated else None
        routes = [
            health_route(lambda: {"workers": 1}, "1.2.3", self.identity, is_loopback=self.settings.is_loopback),
            *link_routes(self.identity, is_framed=self.settings.is_space),
            Route("/page", lambda request: HTMLResponse("<p>page")),
            Route("/broken", lambda request: HTMLResponse("<p>broken", status_code=404)),
            WebSocketRoute("/socket", self._socket),
            Route("/{path:path}", self._who, methods=["GET", "POST", "PUT", "PATCH", "DELETE"]),
        ]
        door = Middleware(Door, settings=self.settings, identity=self.identity, gate=gate)
        self.app = Starlette(routes=routes, middleware=[door])

    def _who(self, request: Request) -> Response:
        self.reached.append(request.scope["path"])
        return JSONResponse(self.identity.who(request))

    async def _socket(self, socket: WebSocket) -> None:
        await socket.accept()
        await socket.send_text("hello")
        await socket.close()

    def browser(self, base_url: str = LOCAL) -> TestClient:
        return TestClient(self.app, base_url=base_url, follow_redirects=False)


@pytest.fixture
def local(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


@pytest.fixture
def gated(tmp_path: Path) -> Studio:
    return Studio(tmp_path, host="0.0.0.0")


# ── Host and Origin ───────────────────────────────────────────────────────────────────────────────────────────────────

OWN_HOSTS = ["127.0.0.1:7860", "localhost:7860", "[::1]:7860", "LOCALHOST:7860", "127.0.0.1", "localhost:9999"]
FOREIGN_HOSTS = [
    "evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example", "0.0.0.0:7860", "169.254.169.254",
    "192.168.1.2:7860", "localhost.", "localhost:99999", "localhost:x", "localhost@evil.example", "", "[::1", "2130706433", "localhost evil",
]  # fmt: skip
FOREIGN_ORIGINS = [
    "http://evil.example", "null", "", "http://127.0.0.1:99999", "http://127.0.0.1:7861", "http://127.0.0.1:0", "HTTP://EVIL.EXAMPLE",
    "http://127.0.0.1:7860.evil.example", "http://127.0.0.1:7860@evil.example", "http://evil.example#127.0.0.1:7860", "file://", "http://[::1",
    "http://127.0.0.1:7860/", "http://", "127.0.0.1:7860", "chrome-extension://abc", "http://127.0.0.1:7860 http://evil.example", "http://\u00ff",
]  # fmt: skip
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@pytest.mark.parametrize(("host", "method"), [*itertools.product(FOREIGN_HOSTS, METHODS)])
def test_a_local_port_answers_to_no_other_name(local: Studio, host: str, method: str) -> None:
    answer = local.browser().request(method, "/anything", headers={"host": host})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers and local.reached == []


@pytest.mark.parametrize(("host", "method"), [*itertools.product(OWN_HOSTS, METHODS)])
def test_our_own_page_is_let_in(local: Studio, host: str, method: str) -> None:
    for origin in (f"http://{host}", f"HTTP://{host.upper()}"):
        answer = local.browser().request(method, "/anything", headers={"host": host, "origin": origin})
        assert answer.status_code == 200, origin
    assert local.browser().request(method, "/anything", headers={"host": host}).status_code == 200  # a program


@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860"])
def test_pages_of_other_sites_are_refused(local: Studio, host: str, origin: str) -> None:
    for method in METHODS:
        headers = {"host": host.encode(), "origin": origin.encode("latin-1")}
        answer = local.browser().request(method, "/anything", headers=headers)
        assert answer.status_code == 403, (method, origin)
        assert answer.json()["code"] == "ForeignPage"
    assert local.reached == []


def test_two_hosts_or_two_origins_are_refused(local: Studio) -> None:
    own = [("host", "127.0.0.1:7860")]
    two_origins = [("origin", LOCAL), ("origin", "http://evil.example")]
    assert local.browser().get("/anything", headers=own + two_origins).status_code == 403
    assert local.browser().get("/anything", headers=[*own, ("host", "evil.example")]).status_code == 403


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_browser_that_hides_the_origin_still_names_the_site(local: Studio, site: str) -> None:
    assert local.browser().post("/anything", headers={"sec-fetch-site": site}).status_code == 403
    assert local.browser().get("/page", headers={"sec-fetch-site": site}).status_code == 200  # a link on another page


@given(st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=40))
def test_no_origin_breaks_the_door(origin: str) -> None:
    door = Door.__new__(Door)
    door.settings = Settings(home=Path("/home"), cache=Path("/cache"))
    is_ours = door._is_ours(origin.lower(), "127.0.0.1:7860", Request({"type": "http", "headers": []}))
    assert is_ours is (origin.lower() == LOCAL)


def test_a_tunnel_on_this_machine_may_say_its_name(local: Studio) -> None:
    seen_as = {"origin": "https://studio.example", "x-forwarded-host": "studio.example"}
    assert local.browser().post("/anything", headers=seen_as).status_code == 200


def test_on_a_network_no_header_makes_an_origin_ours(gated: Studio) -> None:
    token = gated.identity.api_token(gated.identity.new_visitor())
    headers = {"authorization": f"Bearer {token}", "origin": "https://evil.example"}
    headers |= {"x-forwarded-host": "evil.example", "host": "192.168.1.2:7860"}
    assert gated.browser().post("/anything", headers=headers).status_code == 403


def test_a_space_is_known_by_its_public_names(tmp_path: Path) -> None:
    space = Studio(tmp_path, host="0.0.0.0", is_space=True, space_hosts=("a-b.hf.space",))
    browser = space.browser("http://10.0.0.7:7860")
    assert browser.post("/anything", headers={"origin": "https://a-b.hf.space"}).status_code == 200
    assert browser.post("/anything", headers={"origin": "https://c-d.hf.space"}).status_code == 403


def test_a_share_link_is_another_name(tmp_path: Path) -> None:
    shared = Studio(tmp_path, share=True, auth=(("a", "b"),))
    browser = shared.browser("https://0123.gradio.live")
    assert browser.post("/anything", headers={"origin": "https://0123.gradio.live"}).status_code == 200
    assert browser.post("/anything", headers={"origin": "https://4567.gradio.live"}).status_code == 403


# ── closed routes ─────────────────────────────────────────────────────────────────────────────────────────────────────

ADDRESSES = [
    "http://127.0.0.1/", "https://evil.example/a.png", "HTTP://EVIL.EXAMPLE", "hTTps://evil.example", "http:/evil.example", "http:\\\\evil.example",
    "//http://evil.example", "/http://evil.example", " http://evil.example", "\thttp://evil.example", "ftp://evil.example", "file:///etc/passwd",
    "gopher:evil.example",
]  # fmt: skip
ROUTES = ["/gradio_api/file=", "/file=", "/gradio_api/file/", "//gradio_api//file=", "/GRADIO_API/FILE="]


@pytest.mark.parametrize(("route", "address"), [*itertools.product(ROUTES, ADDRESSES)])
def test_no_address_is_fetched_for_anybody(local: Studio, route: str, address: str) -> None:
    spellings = {quote(address), quote(address, safe=""), quote(quote(address, safe=""), safe="")}
    spellings.add("".join(f"%{byte:02X}" for byte in address.encode()))
    for spelling in spellings:
        assert local.browser().get(LOCAL + route + spelling).status_code == 403, spelling
    assert local.reached == []


@pytest.mark.parametrize("path", ["/gradio_api/proxy=https://a.hf.space/", "/gradio_api/proxy%3Dhttps://a.hf.space/"])
def test_the_proxy_is_closed(local: Studio, path: str) -> None:
    assert local.browser().get(path).status_code == 403


@pytest.mark.parametrize(
    "path", ["/tmp/gradio/abc/a b.png", "assets/css/studio.css", "C:/Users/a.png", "/tmp/x/http.md"]
)
def test_files_stay_open(local: Studio, path: str) -> None:
    assert local.browser().get("/gradio_api/file=" + quote(path)).status_code == 200


# ── headers and cookie ────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_answer_carries_the_policy(local: Studio) -> None:
    answers = [local.browser().get(path) for path in ("/page", "/health", "/anything", "/broken")]
    answers.append(local.browser().get("/page", headers={"host": "evil.example"}))
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy and "frame-ancestors 'self'" in policy
        assert "http:" not in policy and "https:" not in policy and "*" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_only_a_space_may_be_framed_by_the_hub(tmp_path: Path) -> None:
    space = Studio(tmp_path, host="0.0.0.0", is_space=True)
    policy = space.browser().get("/page").headers["content-security-policy"]
    assert "frame-ancestors 'self' https://huggingface.co https://*.hf.space" in policy


def test_a_page_makes_a_visitor_and_knows_it_again(local: Studio) -> None:
    browser = local.browser()
    assert browser.get("/anything").json() == "guest"
    assert "set-cookie" not in browser.get("/anything").headers and "set-cookie" not in browser.get("/broken").headers
    assert "set-cookie" not in browser.head("/page").headers
    page = browser.get("/page")
    assert "HttpOnly" in page.headers["set-cookie"] and "no-cache" in page.headers["cache-control"]
    visitor = browser.get("/anything").json()
    assert visitor.startswith("visitor:")
    browser.get("/page")
    assert browser.get("/anything").json() == visitor


def test_a_changed_cookie_becomes_a_new_visitor(local: Studio) -> None:
    browser = local.browser()
    browser.get("/page")
    visitor = browser.get("/anything").json()
    name = local.identity.cookie_name
    value = browser.cookies[name]
    browser.cookies.clear()
    browser.cookies.set(name, value[:5] + ("0" if value[5] != "0" else "1") + value[6:])
    assert browser.get("/anything").json() == "guest"
    browser.cookies.clear()
    browser.get("/page")
    assert browser.get("/anything").json() not in ("guest", visitor)


def test_an_embedded_page_sets_no_cookie(local: Studio) -> None:
    for mode in ("no-cors", "cors"):
        assert "set-cookie" not in local.browser().get("/page", headers={"sec-fetch-mode": mode}).headers
    assert "set-cookie" in local.browser().get("/page", headers={"sec-fetch-mode": "navigate"}).headers


def test_one_address_cannot_be_any_number_of_people(tmp_path: Path) -> None:
    space = Studio(tmp_path, host="0.0.0.0", is_space=True)
    from_one = [
        space.browser().get("/page", headers={"x-forwarded-for": f"10.9.8.{n}, 198.51.100.7"}) for n in range(40)
    ]
    assert sum("set-cookie" in page.headers for page in from_one) == 30
    other = space.browser().get("/page", headers={"x-forwarded-for": "198.51.100.8"})
    assert "set-cookie" in other.headers


def test_a_login_needs_no_cookie_of_ours(tmp_path: Path) -> None:
    assert "set-cookie" not in Studio(tmp_path, auth=(("a", "b"),)).browser().get("/page").headers


def test_in_a_frame_of_the_hub_the_cookie_says_so(tmp_path: Path) -> None:
    space = Studio(tmp_path, host="0.0.0.0", is_space=True)
    proxied = space.browser().get("/page", headers={"x-forwarded-proto": "https,http"})
    assert "SameSite=None; Secure; Partitioned" in proxied.headers["set-cookie"]
    assert "SameSite=Lax" in space.browser().get("/page").headers["set-cookie"]


# ── the gate ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_token_admits_one_browser(gated: Studio) -> None:
    one, two = gated.browser(), gated.browser()
    (token,) = gated.announced
    assert one.get("/page").status_code == 401
    welcome = one.get("/page", params={"token": token})
    assert welcome.status_code == 303 and welcome.headers["location"] == "/"
    assert one.get("/page").status_code == 200 and one.get("/anything").json().startswith("visitor:")
    assert len(gated.announced) == 2 and gated.announced[1] != token
    assert two.get("/", params={"token": token}).status_code == 401
    assert two.get("/", params={"token": gated.announced[1]}).status_code == 303


def test_others_read_what_to_do_in_both_languages(gated: Studio) -> None:
    page = gated.browser().get("/", headers={"accept": "text/html"})
    assert page.status_code == 401 and "token" in page.text and "令牌" in page.text
    said = gated.browser().post("/gradio_api/queue/join").json()
    assert said["code"] == "TokenNeeded" and "令牌" in said["message_zh"]
    assert gated.reached == []


@pytest.mark.parametrize("token", ["", "x", "ü", "%00"])
def test_a_wrong_token_admits_nobody(gated: Studio, token: str) -> None:
    answer = gated.browser().get("/", params={"token": token})
    assert answer.status_code == 401 and "set-cookie" not in answer.headers and len(gated.announced) == 1


def test_only_opening_a_page_uses_the_token_up(gated: Studio) -> None:
    for method in ("HEAD", "POST"):
        assert gated.browser().request(method, "/", params={"token": gated.announced[0]}).status_code == 401
    assert len(gated.announced) == 1


def test_scripts_pass_with_an_api_token(gated: Studio) -> None:
    owner = gated.identity.new_visitor()
    headers = {"authorization": f"Bearer {gated.identity.api_token(owner)}"}
    assert gated.browser().post("/anything", headers=headers).json() == owner
    assert gated.browser().post("/anything", headers={"authorization": "Bearer guess"}).status_code == 401


def test_strangers_learn_only_that_it_is_up(gated: Studio, tmp_path: Path) -> None:
    stranger = gated.browser().get("/health")
    assert stranger.json() == {"status": "ok", "version": "1.2.3"} and "set-cookie" not in stranger.headers
    token = gated.identity.api_token(gated.identity.new_visitor())
    assert gated.browser().get("/health", headers={"authorization": f"Bearer {token}"}).json()["workers"] == 1
    assert Studio(tmp_path).browser().get("/health").json()["workers"] == 1
    with_login = Studio(tmp_path, auth=(("a", "b"),)).browser().get("/health")
    assert with_login.json() == {"status": "ok", "version": "1.2.3"}


def test_a_socket_passes_the_same_door(gated: Studio, local: Studio) -> None:
    with local.browser().websocket_connect("/socket", headers={"origin": LOCAL, "host": "127.0.0.1:7860"}) as socket:
        assert socket.receive_text() == "hello"
    refused = [(local, {"host": "127.0.0.1:7860", "origin": "http://evil.example"}), (local, {"host": "evil.example"})]
    for studio, headers in [*refused, (gated, {})]:
        with pytest.raises(WebSocketDisconnect), studio.browser().websocket_connect("/socket", headers=headers):
            pass


# ── a link to another browser ─────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_asks_first_and_works_once(gated: Studio) -> None:
    owner = gated.identity.new_visitor()
    token = gated.identity.link_token(owner)
    browser = gated.browser()
    for _ in range(2):  # a preview robot looks at it, too
        asked = browser.get("/link", params={"token": token})
        assert asked.status_code == 200 and "set-cookie" not in asked.headers and token in asked.text
    taken = browser.post("/link", data={"token": token})
    assert taken.status_code == 303 and browser.get("/anything").json() == owner
    assert gated.browser().post("/link", data={"token": token}).status_code == 404
    assert gated.browser().post("/link", content=b"token=" + b"x" * 5000).status_code == 404


def test_a_link_page_holds_no_script_of_the_address(local: Studio) -> None:
    asked = local.browser().get("/link", params={"token": '"><script>alert(1)</script>'})
    assert "<script>" not in asked.text
