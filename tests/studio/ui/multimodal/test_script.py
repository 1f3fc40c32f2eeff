"""A script and its scenes: what a person writes is read, and what a story became is written as it can be read again."""

import pytest

from pipelines.types.film import Scene
from studio.ui.multimodal.script import scenes_of, script_of

ID = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("script", "scenes"),
    [
        ("", ()),
        (" \n\n \n", ()),
        ("One.\nStill one.\n\n\nTwo.", (Scene("One.\nStill one."), Scene("Two."))),
        ("[fox]\nA fox.\r\n\r\n[rocket; take 2]\nIt flew.", (Scene("A fox.", "fox"), Scene("It flew.", "rocket", 2))),
        ("【狐狸】\n狐狸来了。\n　\n［火箭；take 3］", (Scene("狐狸来了。", "狐狸"), Scene("", "火箭", 3))),
        (f"[picture {ID}]\nSeen.", (Scene("Seen.", picture=ID),)),
        ("[picture of a fox]", (Scene("", "picture of a fox"),)),
        ("[]\nNothing said of it.", (Scene("Nothing said of it."),)),
        ("He said [laughing] no.", (Scene("He said [laughing] no."),)),
        ("[fox", (Scene("[fox"),)),
    ],
)
def test_a_script_is_read(script: str, scenes: tuple[Scene, ...]) -> None:
    assert scenes_of(script) == scenes
    assert scenes_of(script_of(scenes)) == scenes


def test_what_would_be_read_as_something_else_is_written_otherwise() -> None:
    assert scenes_of(script_of([Scene("One.\n\nTwo.", "a [red]\nfox")])) == (Scene("One.\nTwo.", "a red fox"),)
