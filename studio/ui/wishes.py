"""How one place of the page asks for something in another without knowing it: a State that is set here and heard there."""

import secrets

Wish = tuple[str, str, str]  # what is asked for ("conversation", "creation", "job", "recipe"), which one, a nonce

NONE: Wish = ("", "", "")


def wish(what: str, which: str) -> Wish:
    """The nonce makes the same wish twice two changes."""
    return what, which, nonce()


def nonce() -> str:
    """What a State is set to so that it changes."""
    return secrets.token_hex(4)
