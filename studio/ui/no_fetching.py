"""Gradio fetches an address that a client sends where a file is meant. Here nothing is fetched for anybody.

Gradio 6.31 has no setting for it: every component goes through one function, which this replaces. (The routes that
fetch are closed by `studio/api/door.py`.)
"""

from gradio import processing_utils

from pipelines.errors.access import ClosedRoute
from studio.ui.told import refuse


def forbid_fetching() -> None:
    """For the whole process, and for good."""
    processing_utils.async_ssrf_protected_download = _refuse_to_fetch


async def _refuse_to_fetch(url: str, cache_dir: str) -> str:
    raise refuse(ClosedRoute().say("en"))
