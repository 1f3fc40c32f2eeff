"""The page, put together: top line, tabs, job drawer, endpoints. What a tab does stands in its own file."""

import os
from typing import Any

import gradio as gr

from studio.services import Services
from studio.ui.address import ADDRESS_HEAD, keep_in_address
from studio.ui.drawer import Drawer
from studio.ui.endpoints import add_endpoints
from studio.ui.i18n import translations
from studio.ui.no_fetching import forbid_fetching
from studio.ui.pickers import keep_fresh
from studio.ui.tabs.audio import AudioTab
from studio.ui.tabs.image import ImageTab
from studio.ui.tabs.library import LibraryTab
from studio.ui.tabs.models import ModelsTab
from studio.ui.tabs.multimodal import MultimodalTab
from studio.ui.tabs.text import TextTab
from studio.ui.tabs.training import TrainingTab
from studio.ui.theme import CSS_FILE, HEAD, SCRIPTS, theme
from studio.ui.wishes import NONE

CACHE_SWEEP_SECONDS = 3600
CACHE_KEEP_SECONDS = 24 * 3600


def build(services: Services) -> tuple[gr.Blocks, dict[str, Any]]:
    """The page and what its `launch` needs. It makes no request to any other host."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")  # read when Blocks is made
    forbid_fetching()
    with gr.Blocks(
        title="AIGC Studio", fill_width=True, delete_cache=(CACHE_SWEEP_SECONDS, CACHE_KEEP_SECONDS)
    ) as page:
        wish = gr.State(NONE)
        drawer = Drawer(services, wish)
        with gr.Tabs(elem_id="studio-tabs") as tabs:
            text = TextTab(services, wish, tabs)
            image = ImageTab(services, wish, tabs)
            audio = AudioTab(services, wish, tabs)
            multimodal = MultimodalTab(services, wish, tabs)
            training = TrainingTab(services, wish, tabs)
            LibraryTab(services, wish)
            ModelsTab(services, wish, tabs)
        keep_fresh(
            services, tabs, chat=text.chat.panel.model, tasks=text.tasks.panel.model, kind=text.tasks.parts.kind,
            image=image.images.settings.model, others=audio.pickers | multimodal.pickers,
            more=multimodal.fresh,
        )  # fmt: skip
        keep_in_address(page, tabs)
        text.load(page)
        image.load(page)
        audio.load(page)
        multimodal.load(page)
        training.load(page)
        drawer.load(page)
        add_endpoints(services)
    page.queue(api_open=False, max_size=256, default_concurrency_limit=None)
    return page, {
        "theme": theme(),
        "css": CSS_FILE.read_text("utf-8"),
        "head": HEAD + ADDRESS_HEAD + "".join(f"<script>\n{one.read_text('utf-8')}</script>\n" for one in SCRIPTS),
        "i18n": translations(),
        "ssr_mode": False,
        "run_history": False,
        "show_error": False,
        "max_file_size": "50mb",
        "allowed_paths": [],
        "footer_links": ["api", "settings"],
        "enable_monitoring": False,
    }
