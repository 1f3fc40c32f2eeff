"""A script that runs before any other of the page. Gradio adds what it is given for the head only when its own have run.

Pure ASGI: the start of an HTML page's answer waits for the first part of its body, where the head must be whole: gradio 6.31
sends a page in one part. All else passes through untouched.
"""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HEAD = b"<head>"


class EarlyScript:
    """ASGI middleware that puts `script` first into the head of the page at `/`."""

    def __init__(self, app: ASGIApp, *, script: str) -> None:
        self.app = app
        self.script = f"\n<script>\n{script}</script>".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_page = scope["type"] == "http" and scope["path"] == "/" and scope["method"] == "GET"
        await self.app(scope, receive, self._adding(send) if is_page else send)

    def _adding(self, send: Send) -> Send:
        held: list[Message] = []

        async def adding(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_readable_page(message):
                held.append(message)
                return
            if held:
                start, body = held.pop(), message["body"]
                message = {**message, "body": body.replace(HEAD, HEAD + self.script, 1)}
                grown = len(message["body"]) - len(body)
                headers = MutableHeaders(scope=start)
                if "content-length" in headers:
                    headers["content-length"] = str(int(headers["content-length"]) + grown)
                await send(start)
            await send(message)

        return adding


def _is_readable_page(start: Message) -> bool:
    headers = MutableHeaders(scope=start)
    return headers.get("content-type", "").startswith("text/html") and "content-encoding" not in headers
