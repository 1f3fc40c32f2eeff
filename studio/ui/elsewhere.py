"""One's own library from elsewhere: a token for scripts, and a one-time link for another browser."""

from typing import Any

import gradio as gr

from pipelines.errors.access import NotAllowed
from studio.identity import GUEST, LINK_SECONDS
from studio.services import Services
from studio.ui.components import quietly, small
from studio.ui.i18n import language, t
from studio.ui.told import told
from studio.ui.words import say


class Elsewhere:
    """A closed part at the foot of the library. A public demo has none, and a login needs no link."""

    def __init__(self, services: Services) -> None:
        self._services = services
        with gr.Accordion(t("elsewhere"), open=False, elem_id="elsewhere"):
            gr.Markdown(t("elsewhere_help"))
            with gr.Row(elem_classes="tight"):
                token = small("make_token", "elsewhere-token")
                link = small("make_link", "elsewhere-link", visible=not services.settings.auth)
            self._made = gr.Textbox(
                label=t("make_token"), interactive=False, visible=False, buttons=["copy"], elem_id="elsewhere-made"
            )
        token.click(told(self._make_token), None, self._made, **quietly())
        link.click(told(self._make_link), None, self._made, **quietly())

    def _make_token(self, request: gr.Request) -> Any:
        token = self._services.identity.api_token(self._owner(request))
        return gr.update(visible=True, value=token, label=t("make_token"), info=t("token_help"))

    def _make_link(self, request: gr.Request) -> Any:
        token = self._services.identity.link_token(self._owner(request))
        headers = request.headers
        host = headers.get("x-forwarded-host") or headers.get("host") or "127.0.0.1"
        scheme = (headers.get("x-forwarded-proto") or "http").partition(",")[0].strip()
        info = say("link_help", language(request), minutes=LINK_SECONDS // 60)
        return gr.update(visible=True, value=f"{scheme}://{host}/link?token={token}", label=t("make_link"), info=info)

    def _owner(self, request: gr.Request) -> str:
        owner = self._services.identity.who(request)
        if owner == GUEST:
            raise NotAllowed(reason="your browser keeps no cookies")
        return owner
