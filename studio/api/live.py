"""How something looks by now, for its owner: small pieces of our own HTML that a page asks for again and again.

    GET /live/<what>[/<which>]    the HTML, with its ETag: 304 as long as nothing has changed, 404 when there is nothing to see

Gradio 6.31 takes every update of an event through all components of the page, in the server and in the browser: a bar that
moved twice a second took a tenth of a processor from the model that drew. Asking costs a hundredth, nobody asks for what nobody sees
(assets/js/live.js), and no connection is held: browsers open six to a host, for all its pages together.
Knows nothing of what is shown: it is handed `looks`.
"""

import hashlib
from collections.abc import Callable, Mapping

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from pipelines.errors.access import NotFound
from studio.api.plain import refusal
from studio.identity import Identity

Look = Callable[[str, str, str], str]


def live_routes(looks: Mapping[str, Look], identity: Identity, language_of: Callable[[Headers], str]) -> list[Route]:
    """Each look is `look(owner, which, language)`; it raises NotFound, also for what belongs to somebody else."""

    def live(request: Request) -> Response:
        wanted = request.path_params
        look = looks.get(wanted["what"])
        try:
            if look is None:
                raise NotFound(thing="page")
            html = look(identity.who(request), wanted.get("which", ""), language_of(request.headers))
        except NotFound as error:
            return refusal(request, error, 404)
        tag = f'"{hashlib.blake2b(html.encode(), digest_size=12).hexdigest()}"'
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return HTMLResponse(html, headers=headers)

    return [Route(path, live, methods=["GET"]) for path in ("/live/{what}", "/live/{what}/{which}")]
