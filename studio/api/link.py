"""/link?token=…: makes this browser the owner that a one-time link was made for.

Opening the link only asks; the button does it. So a preview robot does not use the link up, and nobody loses the
library of this browser, whose only key is its cookie, by following a link of somebody else's. Knows no library.
"""

from html import escape
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from pipelines.errors.access import NotFound
from studio.api.plain import page, refusal
from studio.identity import Identity

EN = "Open that library in this browser? What this browser made until now will no longer be shown in it."
ZH = "要在此浏览器中打开该作品库吗？此浏览器之前的内容将不再显示。"
FORM = """<form method="post" action="link"><input type="hidden" name="token" value="{token}">
<button>Open · 打开</button></form>"""
FORM_LIMIT_BYTES = 1000


def link_routes(identity: Identity, *, is_framed: bool) -> list[Route]:
    """GET asks, POST takes the form's `token` and sets the cookie."""

    def ask(request: Request) -> Response:
        token = request.query_params.get("token", "")
        return page(EN, ZH, FORM.format(token=escape(token, quote=True)))

    async def take(request: Request) -> Response:
        body = b""
        async for chunk in request.stream():
            body += chunk
            if len(body) > FORM_LIMIT_BYTES:
                return refusal(request, NotFound(thing="link"), 404)
        token = parse_qs(body.decode("latin-1")).get("token", [""])[0]
        try:
            owner = identity.redeem(token)
            cookie = identity.cookie(owner, is_https=is_https(request), is_framed=is_framed)
        except NotFound as error:
            return refusal(request, error, 404)
        return RedirectResponse("/", status_code=303, headers={"Set-Cookie": cookie})

    return [Route("/link", ask, methods=["GET"]), Route("/link", take, methods=["POST"])]


def is_https(request: Request) -> bool:
    """The browser speaks https, if perhaps only as far as a proxy in front of us."""
    forwarded = request.headers.get("x-forwarded-proto", "").partition(",")[0].strip()
    return "https" in (request.url.scheme, forwarded)
