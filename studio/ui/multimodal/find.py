"""Find: what a person keeps, by words, by a picture or by a sound.

button, Enter, a file put in or taken out → look → the hits as cards → a wish for what is opened
"""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.processing_utils import save_bytes_to_cache
from gradio.utils import get_upload_folder

from pipelines.errors.access import NotFound
from pipelines.pictures.files import open_picture
from studio.library.conversations import QUERY_CHARACTERS
from studio.library.creations import SUFFIXES
from studio.services import Services
from studio.ui import sending
from studio.ui.audio.files import sound
from studio.ui.audio.layout import sound_box
from studio.ui.components import items, pressed, quietly
from studio.ui.facts import doing_line
from studio.ui.i18n import language, t
from studio.ui.image.files import png
from studio.ui.multimodal import find_view as view
from studio.ui.multimodal.looking_for import Found, Wanted, look_again, look_for
from studio.ui.safe import escape
from studio.ui.told import told
from studio.ui.watchers import Updates, Watchers, pulse
from studio.ui.wishes import wish as make_wish


class Find:
    """The sub-tab. `wish` is set when something is to be opened."""

    def __init__(self, services: Services, wish: gr.State) -> None:
        self._services = services
        self._wish = wish
        self._watchers = gr.State(Watchers())
        with gr.Row(elem_classes="library-bar"):
            self._words = gr.Textbox(
                label=t("find_words"),
                placeholder=t("find_hint"),
                max_lines=1,
                scale=3,
                min_width=240,
                elem_id="find-words",
            )
            kinds = [(t(f"find_kind_{name}"), name) for name in ("all", *SUFFIXES, "conversation")]
            self._kind = gr.Radio(kinds, value="all", label=t("kind"), scale=4, min_width=240, elem_id="find-kind")
            self._run = gr.Button(t("find_run"), variant="primary", scale=0, min_width=120, elem_id="find-run")
        with gr.Row():
            self._picture = gr.Image(
                type="filepath", format="png", sources=["upload", "clipboard"], label=t("find_picture"), height=280,
                buttons=[], elem_id="find-picture",
            )  # fmt: skip
            self._sound = sound_box("find", "sound", "find_sound")
        self._status = gr.HTML("", elem_id="find-status", elem_classes="mono")
        self._hits = items("find-hits", t("find_empty"))
        self._wire()

    def _wire(self) -> None:
        asked = [
            self._run.click,
            self._words.submit,
            self._kind.input,
            self._picture.upload,
            self._picture.clear,
            self._sound.upload,
            self._sound.stop_recording,
            self._sound.clear,
        ]
        given = [self._words, self._picture, self._sound, self._kind, self._watchers]
        gr.on(asked, told(self._look), given, [self._status, self._hits], trigger_mode="multiple", **quietly())
        self._hits.click(told(self._press), None, self._wish, **quietly())

    @property
    def given_outputs(self) -> list[Any]:
        """What is filled in when something is sent here."""
        return [self._words, self._picture, self._sound]

    def given(self, owner: str, which: str) -> Updates:
        """The form with what was sent here in it, and nothing else. Raises NotFound."""
        updates: Updates = {self._words: "", self._picture: None, self._sound: None}
        with suppress(NotFound):
            creation = self._services.creations.get(owner, which)
            if creation.kind == "film":  # by how it begins
                data = self._services.creations.path(owner, which, "thumbnail").read_bytes()
                return updates | {self._picture: save_bytes_to_cache(data, "film.webp", get_upload_folder())}
            if creation.kind in ("image", "sound"):
                box, name = (self._picture, "picture.png") if creation.kind == "image" else (self._sound, "sound.flac")
                data = self._services.creations.path(owner, which).read_bytes()
                return updates | {box: save_bytes_to_cache(data, name, get_upload_folder())}
        return updates | {self._words: sending.text_of(self._services, owner, which)[:QUERY_CHARACTERS]}

    async def _look(
        self, words: str, picture: str | None, recording: str | None, kind: str, watchers: Watchers, request: gr.Request
    ) -> AsyncIterator[Updates]:
        """Up to the newest press: an older search shows nothing any more."""
        news = self._news(words, picture, recording, kind, self._services.identity.who(request), language(request))
        async for updates in watchers.watch(pulse(), news, {self._status: gr.skip()}):
            yield updates

    async def _news(
        self, words: str, picture: str | None, recording: str | None, kind: str, owner: str, lang: str
    ) -> AsyncGenerator[Updates, None]:
        if not (words.strip() or picture or recording):
            yield {self._status: "", self._hits: view.nothing_yet(lang)}
            return
        # 1 What is given, checked before a job is made of it
        given = sound(recording)
        seen = png(open_picture(Path(picture))) if picture else b""
        wanted = Wanted(words, seen, given.data if given else b"", kind)

        # 2 Until it is found
        async for news in look_for(self._services, owner, wanted):
            if not isinstance(news, Found):
                yield {self._status: escape(doing_line(news, lang))}
                continue
            yield self._shown(news, lang)

            # 3 And what can be found by its meaning only a little later
            async for more in look_again(self._services, owner, news):
                yield self._shown(more, lang)
        yield {self._status: gr.skip()}  # gradio 6.31 sends what was yielded last once more, and the hits are large

    def _shown(self, found: Found, lang: str) -> Updates:
        return {self._status: view.summary(found, lang), self._hits: view.cards(found, lang)}

    def _press(self, event: gr.EventData) -> Any:
        match pressed(event):
            case ("open", creation_id):
                return make_wish("creation", creation_id)
            case ("open-conversation", conversation_id):
                return make_wish("conversation", conversation_id)
            case (str(action), which):
                return sending.sent(action, which) or gr.skip()
        return gr.skip()
