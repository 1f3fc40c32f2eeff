"""Turns a growing list of tokens into text, piece by piece, and never gives out half a character.

A character can take several tokens, and what a token reads as can depend on the one before it (a leading space). So the
last few tokens are always decoded together, and only what they added is given out. Knows no model but its `decode`.
Source of the two-offset method: text-generation-inference, `decode_token`.
"""

from collections.abc import Callable, Sequence

HALF_A_CHARACTER = "\ufffd"


class Detokenizer:
    """`decode` maps token ids to text, leaving special tokens out."""

    def __init__(self, decode: Callable[[list[int]], str], prompt_ids: Sequence[int] = ()) -> None:
        """`prompt_ids`: the end of what stands before the answer, for the space at its beginning."""
        self._decode = decode
        self._ids = list(prompt_ids[-6:])
        self._from = 0
        self._read = len(self._ids)

    def add(self, token_ids: Sequence[int]) -> str:
        """The text that these tokens added; "" while a character is only half there."""
        self._ids.extend(token_ids)
        text = self._new_text()
        if text.endswith(HALF_A_CHARACTER):
            return ""
        self._from, self._read = self._read, len(self._ids)
        return text

    def end(self) -> str:
        """What is left over at the end: a character that the model never finished, as it stands."""
        return self._new_text()

    def _new_text(self) -> str:
        before = self._decode(self._ids[self._from : self._read])
        return self._decode(self._ids[self._from :])[len(before) :]
