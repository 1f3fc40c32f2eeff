"""The tab that is open stands in the page's address (“#image”): a reload opens it again, and it can be linked.

It happens in the browser alone. Knows no tab but by its id, and that its elem_id is “tab-” and its id.
"""

import json
from typing import Any

import gradio as gr

# as the page is read, before gradio shows its first tab and that one's name is written
ADDRESS_HEAD = "<script>window.studioAddress = location.hash.slice(1);</script>\n"

# Read from the page, as gradio may tell of its first tab after another one was opened.
_WRITE = """() => { setTimeout(() => {
  const open = [...document.querySelectorAll("#%s > [role=tabpanel]")].find((panel) => panel.style.display !== "none");
  if (open) history.replaceState(history.state, "", "#" + open.id.replace(/^tab-/, ""));
}, 50); }"""
_OPEN = """() => %s.includes(window.studioAddress)
  ? { __type__: "update", selected: window.studioAddress } : { __type__: "update" }"""


def keep_in_address(page: gr.Blocks, tabs: gr.Tabs) -> None:
    """Write the name of each tab of `tabs` into the address when it is opened, and open the one that stands there."""
    quiet: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    every = [tab for tab in tabs.children if isinstance(tab, gr.Tab)]
    for tab in every:
        tab.select(None, None, None, js=_WRITE % tabs.elem_id, **quiet)
    page.load(None, None, tabs, js=_OPEN % json.dumps([tab.id for tab in every]), **quiet)
