"""Keeps the model pickers of the page up to date: a model that came or went shows when another tab is opened.

What a person chose stays chosen. It is handed the pickers and knows no tab.
"""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from pipelines.types.model import Task
from studio.services import Services
from studio.ui.components import model_choices, model_choices_of, quietly
from studio.ui.i18n import language
from studio.ui.image.chosen import IMAGE_TASKS
from studio.ui.lists import TASKS


def keep_fresh(
    services: Services, tabs: gr.Tabs, *, chat: gr.Dropdown, tasks: gr.Dropdown, kind: gr.Radio, image: gr.Dropdown,
    others: Mapping[Task, gr.Dropdown], more: Mapping[Any, Callable[[str], Any]],
) -> None:  # fmt: skip
    """`kind` is what the tasks' models are for; `others` are those of each other kind of work; `more` is what shows models in a way
    of its own, with that way, by language.
    """

    def look(task: str, request: gr.Request) -> dict[Any, Any]:
        lang = language(request)
        pictures = [spec for spec in services.catalog.rows() if set(spec.tasks) & set(IMAGE_TASKS)]
        choices = {
            chat: model_choices(services, "chat", lang),
            tasks: model_choices(services, task if task in TASKS else "write", lang),  # type: ignore[arg-type]
            image: model_choices_of(services, pictures, lang),
            **{picker: model_choices(services, one, lang) for one, picker in others.items()},
        }
        own = {part: show(lang) for part, show in more.items()}
        return {picker: gr.update(choices=offered) for picker, offered in choices.items()} | own

    tabs.select(look, kind, [chat, tasks, image, *others.values(), *more], **quietly())
