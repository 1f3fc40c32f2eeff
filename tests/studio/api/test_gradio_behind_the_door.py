"""A real Gradio app behind the door: its client, uploads, streams, login and page work as without it."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import httpx
import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Frame, Page, sync_playwright
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from studio.api.door import Door
from studio.api.gate import Gate
from studio.api.link import link_routes
from studio.identity import Identity
from studio.settings import Settings
from tests import chromium
from tests.server import free_port

STEPS = 4
STEP_SECONDS = 0.3


class Running:
    """A small page, launched the way the studio launches its own."""

    def __init__(self, home: Path, **settings: object) -> None:
        self.settings = Settings(home=home, cache=home, port=free_port(), **settings)  # type: ignore[arg-type]
        self.identity = Identity(home, self.settings.auth)
        self.announced: list[str] = []
        gate = Gate(self.announced.append) if self.settings.is_gated else None
        door = Middleware(Door, settings=self.settings, identity=self.identity, gate=gate)
        whoami = Route("/whoami", lambda request: PlainTextResponse(self.identity.who(request)))
        self.demo = self._page()
        self.demo.queue(api_open=False, default_concurrency_limit=None)
        _, url, _ = self.demo.launch(
            server_name=self.settings.host,
            server_port=self.settings.port,
            auth=list(self.settings.auth) or None,
            share=False,
            ssr_mode=False,
            run_history=False,
            enable_monitoring=False,
            prevent_thread_lock=True,
            quiet=True,
            app_kwargs={
                "routes": [whoami, *link_routes(self.identity, is_framed=False)],
                "middleware": [door],
            },
        )
        self.url = url.rstrip("/").replace("localhost", "127.0.0.1")

    def _page(self) -> gr.Blocks:
        def who(request: gr.Request) -> str:
            return self.identity.who(request)

        async def count(request: gr.Request):
            for step in range(STEPS):
                yield str(step)
                await asyncio.sleep(STEP_SECONDS)

        def size(path: str) -> str:
            return str(Path(path).stat().st_size)

        with gr.Blocks(title="Small") as demo:
            shown = gr.Textbox(elem_id="shown")
            file = gr.File(elem_id="file")
            gr.Button("Who", elem_id="who").click(who, None, shown, api_name="who")
            gr.Button("Count", elem_id="count").click(count, None, shown, api_name="count")
            file.upload(size, file, shown, api_name="size")
            gr.Markdown("$x^2$ and `code`")
        return demo


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("local"))
    yield running
    running.demo.close(verbose=False)


@pytest.fixture(scope="module")
def with_login(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("login"), auth=(("alice", "wonder"), ("bob", "builder")))
    yield running
    running.demo.close(verbose=False)


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("gated"), host="0.0.0.0")
    yield running
    running.demo.close(verbose=False)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("space"), host="0.0.0.0", is_space=True)
    yield running
    running.demo.close(verbose=False)


def test_the_client_calls_and_uploads(local: Running, tmp_path: Path) -> None:
    document = tmp_path / "a.txt"
    document.write_bytes(b"x" * 1234)
    client = Client(local.url, verbose=False)
    assert client.predict(api_name="/who") == "guest"
    assert client.predict(handle_file(document), api_name="/size") == "1234"


def test_streams_arrive_as_they_are_made(local: Running) -> None:
    job = Client(local.url, verbose=False).submit(api_name="/count")
    arrived = [(part, time.monotonic()) for part in job]
    assert [part for part, _ in arrived] == [str(step) for step in range(STEPS)]
    assert arrived[-1][1] - arrived[0][1] > STEP_SECONDS * (STEPS - 1) / 2


def test_an_api_token_names_its_owner_to_a_handler(local: Running) -> None:
    owner = local.identity.new_visitor()
    headers = {"Authorization": f"Bearer {local.identity.api_token(owner)}"}
    assert Client(local.url, headers=headers, verbose=False).predict(api_name="/who") == owner


def test_handlers_and_routes_see_the_same_visitor(local: Running) -> None:
    with httpx.Client(base_url=local.url) as browser:
        browser.get("/")
        visitor = browser.get("/whoami").text
        assert visitor.startswith("visitor:")
        cookie = f"{local.identity.cookie_name}={browser.cookies[local.identity.cookie_name]}"
    assert Client(local.url, headers={"Cookie": cookie}, verbose=False).predict(api_name="/who") == visitor


def test_other_sites_are_refused_on_gradios_own_routes(local: Running) -> None:
    foreign = {"Origin": "https://evil.example"}
    for path in (
        "/gradio_api/queue/join",
        "/gradio_api/upload",
        "/gradio_api/call/who",
        "/login",
        "/gradio_api/cancel",
    ):
        assert httpx.post(local.url + path, headers=foreign, json={}).status_code == 403, path
    assert httpx.get(local.url + "/config", headers={"Host": "evil.example"}).status_code == 403
    for malformed in ("http://[::1", "http://127.0.0.1:99999", "null", "evil"):
        answer = httpx.post(local.url + "/gradio_api/queue/join", headers={"Origin": malformed}, json={})
        assert answer.status_code == 403, malformed


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:1/", "HTTPS://evil.example", "%68ttp://127.0.0.1:1", "//http://x"]
)
def test_gradio_fetches_no_address(local: Running, address: str) -> None:
    assert httpx.get(f"{local.url}/gradio_api/file={address}").status_code == 403
    assert httpx.get(f"{local.url}/gradio_api/file/{address}").status_code == 403


def test_a_login_is_known_to_handlers_and_routes(with_login: Running) -> None:
    client = Client(with_login.url, auth=("alice", "wonder"), verbose=False)
    assert client.predict(api_name="/who") == "login:alice"
    with httpx.Client(base_url=with_login.url) as browser:
        assert browser.get("/whoami").text == "guest"
        assert browser.post("/login", data={"username": "bob", "password": "wrong"}).status_code == 400
        assert browser.post("/login", data={"username": "bob", "password": "builder"}).status_code == 200
        assert browser.get("/whoami").text == "login:bob"
        browser.get("/logout")
        assert browser.get("/whoami").text == "guest"


def test_a_page_of_another_site_cannot_log_in(with_login: Running) -> None:
    form = {"username": "alice", "password": "wonder"}
    answer = httpx.post(with_login.url + "/login", data=form, headers={"Origin": "https://evil.example"})
    assert answer.status_code == 403 and "set-cookie" not in answer.headers


def test_gradio_starts_behind_the_gate_and_scripts_pass_it(gated: Running) -> None:
    assert httpx.get(gated.url + "/config").status_code == 401
    owner = gated.identity.new_visitor()
    headers = {"Authorization": f"Bearer {gated.identity.api_token(owner)}"}
    assert Client(gated.url, headers=headers, verbose=False).predict(api_name="/who") == owner


def test_a_browser_works_under_the_policy(local: Running, gated: Running, with_login: Running, tmp_path: Path) -> None:
    """Chromium itself keeps the cookies and judges the content policy: nothing of Gradio's page is refused by it."""
    document = tmp_path / "a.txt"
    document.write_text("12345")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=["--no-sandbox"])
        try:
            for running in (local, gated, with_login):
                page = browser.new_context().new_page()
                complaints: list[str] = []
                page.on("console", lambda message, to=complaints: to.append(message.text))
                token = f"/?token={running.announced[-1]}" if running.announced else "/"
                page.goto(running.url + token)
                if running is with_login:
                    page.get_by_label("username").fill("alice")
                    page.get_by_label("password").fill("wonder")
                    page.get_by_role("button", name="Login").click()
                page.locator("#count").click()
                shown = page.locator("#shown textarea")
                page.wait_for_function("document.querySelector('#shown textarea')?.value === '3'")
                page.locator("#who").click()
                page.wait_for_function("document.querySelector('#shown textarea').value.includes(':')")
                seen_by_handler = shown.input_value()
                assert seen_by_handler.startswith("login:alice" if running is with_login else "visitor:")
                page.goto(running.url + "/whoami")
                assert page.locator("body").inner_text() == seen_by_handler
                page.goto(running.url + "/")
                page.locator("#file input[type=file]").set_input_files(document)
                page.wait_for_function("document.querySelector('#shown textarea')?.value === '5'")
                assert not [text for text in complaints if "Content Security Policy" in text or "CSP" in text]
                assert page.evaluate("document.cookie.includes('studio_id')") is False
        finally:
            browser.close()


def frame_of(page: Page) -> Frame:
    """The studio's frame by its element: a frame of another site gets its name only some time after the page has loaded."""
    frame = page.locator("iframe[name=space]").element_handle().content_frame()
    assert frame is not None
    return frame


def test_the_cookie_holds_in_a_frame_of_the_hub(space: Running) -> None:
    """As on huggingface.co: a page of another site frames the studio, https ends at a proxy, third-party cookies are off."""
    hub_page = f'<iframe name="space" src="{space.url}/"></iframe>'
    flags = ["--no-sandbox", "--test-third-party-cookie-phaseout", "--disable-features=LocalNetworkAccessChecks"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium.find(), args=flags)
        try:
            context = browser.new_context(extra_http_headers={"X-Forwarded-Proto": "https"})
            context.route("https://*/**", lambda route: route.fulfill(body=hub_page, content_type="text/html"))
            seen = []
            for hub in ("https://huggingface.co/spaces/a/b", "https://evil.example/"):
                page = context.new_page()
                page.goto(hub)
                frame = frame_of(page)
                if "evil" in hub:
                    page.wait_for_timeout(2000)
                    assert frame.locator("#who").count() == 0  # not to be framed by others
                    continue
                for _ in range(2):
                    frame.locator("#who").click()
                    frame.wait_for_function("document.querySelector('#shown textarea').value.includes(':')")
                    seen.append(frame.locator("#shown textarea").input_value())
                    page.reload()
                    frame = frame_of(page)
            assert len(seen) == 2 and len(set(seen)) == 1 and seen[0].startswith("visitor:")
        finally:
            browser.close()
