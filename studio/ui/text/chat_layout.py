"""The parts of the chat and where they stand. Knows nothing of what they do (`chat.py`)."""

from dataclasses import dataclass

import gradio as gr

from studio.services import Services
from studio.ui.components import LATEX, SettingsPanel, items, settings_panel, small
from studio.ui.i18n import t
from studio.ui.words import say

ATTACHABLE = [".txt", ".md", ".csv", ".json", ".pdf", ".py", ".html", ".xml", ".yaml", ".toml", ".log", "text"]


@dataclass(frozen=True)
class ConversationParts:
    """The list of conversations and what can be done with the open one."""

    new: gr.Button
    search: gr.Textbox
    listed: gr.HTML
    manage: gr.Row
    rename: gr.Button
    export_md: gr.Button
    export_json: gr.Button
    delete: gr.Button
    rename_row: gr.Row
    name: gr.Textbox
    save_name: gr.Button
    delete_row: gr.Row
    delete_sure: gr.Button
    delete_not: gr.Button


@dataclass(frozen=True)
class AnswerParts:
    """The messages, the composer, and what can be done with the last answer."""

    chat: gr.Chatbot
    examples: gr.HTML
    notice: gr.HTML
    facts: gr.HTML
    actions: gr.Row
    again: gr.Button
    regenerate: gr.Button
    go_on: gr.Button
    previous: gr.Button
    versions: gr.HTML
    next: gr.Button
    use: gr.Button
    sending: gr.HTML
    delete: gr.Button
    prompt: gr.MultimodalTextbox
    send: gr.Button
    stop: gr.Button


def lay_out(services: Services) -> tuple[ConversationParts, SettingsPanel, AnswerParts]:
    with gr.Row(elem_classes="studio-columns chat-columns", equal_height=False):
        with gr.Column(scale=4, min_width=280, elem_classes="studio-left"):
            conversations = _conversations()
            panel = settings_panel(services, "text", "chat", has_system=True)
        with gr.Column(scale=8, min_width=280, elem_classes="studio-right"):
            answers = _answers()
    return conversations, panel, answers


def _conversations() -> ConversationParts:
    with gr.Column(elem_classes="studio-card"):
        with gr.Row(elem_classes="tight"):
            new = small("new_conversation", "text-new", scale=2)
            search = gr.Textbox(
                show_label=False, container=False, placeholder=t("search_conversations"), max_lines=1, scale=1,
                elem_id="text-search", min_width=160, label=t("search_conversations"),
            )  # fmt: skip
        listed = items("text-conversations")
        with gr.Row(elem_classes="tight", visible=False) as manage:
            rename = small("rename", "text-rename")
            export_md = small("export_md", "text-export-md")
            export_json = small("export_json", "text-export-json")
            delete = small("delete", "text-delete-conversation")
        with gr.Row(elem_classes="tight", visible=False) as rename_row:
            name = gr.Textbox(
                show_label=False, container=False, placeholder=t("name"), label=t("name"), max_lines=1, scale=3,
                elem_id="text-name", min_width=120, max_length=120,
            )  # fmt: skip
            save_name = small("save", "text-save-name", scale=1)
        with gr.Row(elem_classes="tight", visible=False) as delete_row:
            gr.Markdown(t("delete_conversation_sure"), elem_classes="sure")
            delete_sure = small("delete", "text-delete-sure", variant="stop", scale=1)
            delete_not = small("cancel", "text-delete-not", scale=1)
    return ConversationParts(
        new, search, listed, manage, rename, export_md, export_json, delete, rename_row, name, save_name,
        delete_row, delete_sure, delete_not,
    )  # fmt: skip


def _answers() -> AnswerParts:
    chat = gr.Chatbot(
        elem_id="text-chat", show_label=False, height="var(--chat-height)", editable="user", latex_delimiters=LATEX,
        buttons=["copy"], placeholder=str(t("chat_empty")), layout="bubble", feedback_options=None, allow_tags=False,
        label=say("chat", "en"),
    )  # fmt: skip
    examples = items("text-examples")
    facts = gr.HTML("", elem_id="text-facts", elem_classes="facts")
    with gr.Row(elem_classes="tight actions", visible=False) as actions:
        again = small("run_again", "text-again", variant="primary", visible=False)
        regenerate = small("regenerate", "text-regenerate")
        go_on = small("continue_answer", "text-continue")
        previous = gr.Button("‹", size="sm", elem_id="text-previous", min_width=32, visible=False)
        versions = gr.HTML("", elem_id="text-versions", visible=False)
        later = gr.Button("›", size="sm", elem_id="text-next", min_width=32, visible=False)
        use = small("use_settings", "text-use")
        sending = items("text-sending")
        delete = small("delete_turn", "text-delete")
    notice = gr.HTML("", elem_id="text-notice", elem_classes="notice", visible=False)
    with gr.Row(elem_classes="tight composer"):
        prompt = gr.MultimodalTextbox(
            show_label=False, label=t("chat"), placeholder=str(t("composer")), sources=["upload"], submit_btn=False,
            file_types=ATTACHABLE, file_count="multiple", elem_id="text-prompt", scale=8, max_lines=8, min_width=160,
            max_plain_text_length=400_000,
        )  # fmt: skip
        send = gr.Button(
            t("send"), variant="primary", elem_id="text-send", elem_classes="studio-run", scale=1, min_width=72
        )
        stop = gr.Button(
            t("stop"), elem_id="text-stop", elem_classes="studio-stop", scale=1, min_width=72, interactive=False
        )
    return AnswerParts(
        chat, examples, notice, facts, actions, again, regenerate, go_on, previous, versions, later, use, sending, delete,
        prompt, send, stop,
    )  # fmt: skip
