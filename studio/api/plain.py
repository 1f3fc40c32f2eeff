"""Answers for people who have no page yet: short, in both languages, HTML for browsers and JSON for programs.

Knows nothing of why it is asked.
"""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from pipelines.errors.base import StudioError

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>AIGC Studio</title>
<style>
body {{ font: 1rem/1.6 system-ui, sans-serif; max-width: 36rem; margin: 20vh auto; padding: 0 1rem }}
:root {{ color-scheme: light dark }}
</style>
<p>{en}</p><p lang="zh">{zh}</p>{rest}</html>"""


def refusal(request: Request, error: StudioError, status_code: int) -> Response:
    """`error` in both languages: a page when the browser asks for one, else `{"error", "code", "message_zh"}`."""
    if "text/html" in request.headers.get("accept", ""):
        return page(error.say("en"), error.say("zh"), status_code=status_code)
    said = {"error": error.say("en"), "message_zh": error.say("zh"), "code": type(error).__name__}
    return JSONResponse(said, status_code=status_code)


def page(en: str, zh: str, rest: str = "", status_code: int = 200) -> HTMLResponse:
    """`en` and `zh` are text and are escaped; `rest` is HTML of ours."""
    return HTMLResponse(PAGE.format(en=escape(en), zh=escape(zh), rest=rest), status_code=status_code)
