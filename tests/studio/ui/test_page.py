"""The page is built from the real services, without starting a worker: its parts are found by name."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from studio.services import Services
from studio.settings import Settings
from studio.ui.i18n import PREFIX
from studio.ui.page import build
from studio.ui.words import WORDS

ELEMENTS = [
    "text-chat",
    "text-prompt",
    "text-send",
    "text-stop",
    "text-model",
    "text-system",
    "text-preset",
    "text-regenerate",
    "text-continue",
    "text-again",
    "text-previous",
    "text-next",
    "text-versions",
    "text-use",
    "text-delete",
    "text-facts",
    "text-notice",
    "text-examples",
    "text-conversations",
    "text-new",
    "text-search",
    "text-rename",
    "text-name",
    "text-export-md",
    "text-export-json",
    "text-delete-conversation",
    "text-private",
    "task-kind",
    "task-prompt",
    "task-option",
    "task-model",
    "task-run",
    "task-stop",
    "task-result",
    "task-candidates",
    "task-facts",
    "task-star",
    "task-download",
    "task-send",
    "text-sending",
    "image-send",
    "look-picture",
    "look-question",
    "look-run",
    "look-stage",
    "talk-button",
    "talk-text",
    "talk-send",
    "talk-stop",
    "talk-model",
    "talk-voice",
    "talk-language",
    "talk-private",
    "talk-stage",
    "talk-spoken",
    "talk-facts",
    "talk-actions",
    "talk-notice",
    "find-words",
    "find-kind",
    "find-run",
    "find-picture",
    "find-sound",
    "find-status",
    "find-hits",
    "task-use",
    "task-recent",
    "image-prompt",
    "image-enrich",
    "image-examples",
    "image-model",
    "image-note",
    "image-mode",
    "image-box",
    "image-strength",
    "image-factor",
    "image-margins",
    "image-shape",
    "image-count",
    "image-seed",
    "image-negative",
    "image-width",
    "image-height",
    "image-steps",
    "image-guidance",
    "image-scheduler",
    "image-adapters",
    "image-private",
    "image-run",
    "image-stop",
    "image-stage",
    "image-facts",
    "image-use",
    "image-as-input",
    "image-compare",
    "image-retouch",
    "image-star",
    "image-download",
    "image-queue",
    "image-recent",
    "image-drop",
    "training-trainer",
    "training-about",
    "training-dataset",
    "training-data",
    "training-base",
    "training-preset",
    "training-name",
    "training-settings",
    "training-forecast",
    "training-start",
    "training-rule",
    "training-head",
    "training-actions",
    "training-model",
    "training-pasted",
    "training-heard",
    "training-tell",
    "training-answer",
    "training-curves",
    "training-samples",
    "training-log",
    "training-runs",
    "library-search",
    "library-kind",
    "library-starred",
    "library-items",
    "library-drop",
    "jobs-drawer",
    "studio-chips",
    "language-chip",
    "theme-chip",
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[dict[str, Any], dict[str, Any], float]]:
    home: Path = tmp_path_factory.mktemp("home")
    services = Services(Settings(home=home, cache=home / "cache"))
    began = time.thread_time()  # of the processor: what else it does is no matter of the page
    page, launch = build(services)
    seconds = time.thread_time() - began
    yield page.get_config_file(), launch, seconds
    services.close()


def test_every_part_carries_its_name(built: Any) -> None:
    names = [component["props"].get("elem_id") for component in built[0]["components"]]
    assert [name for name in ELEMENTS if names.count(name) != 1] == []


def test_only_the_named_endpoints_are_public(built: Any) -> None:
    public = [one["api_name"] for one in built[0]["dependencies"] if one["api_visibility"] == "public"]
    text = ["generate_text", "chat", "list_models", "job", "cancel_job"]
    images = ["generate_image", "edit_image", "upscale_image"]
    sounds = ["speak", "transcribe", "compose", "edit_sound"]
    training = ["train", "stop_training", "resume_training", "compare_runs", "search_settings"]
    films = ["make_film", "make_video", "frames_to_film", "film_to_frames"]
    multimodal = [*films, "caption", "search_library"]
    assert public == [*text, *images, *sounds, *training, *multimodal]


def test_the_tabs_hold_only_tabs(built: Any) -> None:
    """gradio 6.31 shows a tab twice when a State stands between tabs."""
    kinds = {component["id"]: component["type"] for component in built[0]["components"]}

    def look(node: dict) -> None:
        children = node.get("children") or []
        if kinds.get(node["id"]) == "tabs":
            assert {kinds[child["id"]] for child in children} == {"tabitem"}
        for child in children:
            look(child)

    look(built[0]["layout"])


def test_a_list_is_shown_by_one_event(built: Any) -> None:
    """Else an older answer could overwrite a newer one: of one event the newest is known."""
    ids = {component["props"].get("elem_id"): component["id"] for component in built[0]["components"]}
    for name in ("text-conversations", "library-items"):
        (shows,) = [one for one in built[0]["dependencies"] if ids[name] in one["outputs"]]
        assert "performance.now" in str(shows["js"]), name


def test_what_the_browser_keeps_stands_in_no_tab_that_is_closed_at_first(built: Any) -> None:
    """gradio 6.31 reads it when it is shown."""
    kinds = {component["id"]: component["type"] for component in built[0]["components"]}

    def look(node: dict, is_open: bool) -> list[bool]:
        children = node.get("children") or []
        kept = [is_open] if kinds.get(node["id"]) == "browserstate" else []
        for at, child in enumerate(children):
            kept += look(child, is_open and (kinds[child["id"]] != "tabitem" or at == 0))
        return kept

    kept = look(built[0]["layout"], True)
    assert len(kept) >= 12 and all(kept)


def test_it_is_built_quickly_and_launched_without_other_hosts(built: Any) -> None:
    _, launch, seconds = built
    assert seconds < 5.0  # it takes two
    assert "http://" not in launch["head"] + launch["css"] and "https://" not in launch["head"] + launch["css"]
    assert launch["ssr_mode"] is False and launch["run_history"] is False and launch["show_error"] is False
    assert launch["max_file_size"] == "50mb" and launch["allowed_paths"] == []


def test_the_browser_gets_every_word(built: Any) -> None:
    words = built[1]["i18n"].translations
    assert set(words) == {"en", "zh"} and set(words["zh"]) == {PREFIX + key for key in WORDS}
