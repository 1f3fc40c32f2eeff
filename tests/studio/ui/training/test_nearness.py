"""How near a model of pictures, words and sounds puts what a person gives it."""

import numpy
import pytest

from pipelines.types.search import EmbedResult, Vectors, packed
from studio.ui.training import nearness


def test_each_line_is_laid_beside_the_picture_and_the_nearest_is_first():
    # 1 What is asked
    asked, files = nearness.asking("mine", "dog\n\n <b>cat</b> \n", b"picture", b"")
    assert (asked.together, asked.texts, files) == ("mine", ("", "dog", "<b>cat</b>"), {"images-0": b"picture"})
    asked.check()

    # 2 What is answered: between nothing in common and the same
    towards = [numpy.array([share, (1 - share**2) ** 0.5], dtype=numpy.float32) for share in (1.0, 0.5, 0.9)]
    found = (Vectors(picture=packed(towards[0])), *(Vectors(words=packed(one)) for one in towards[1:]))
    said = nearness.answer(asked, EmbedResult("", found, 0.1, {"picture-words": (0.1, 0.9)}), "en")
    assert said.index("&lt;b&gt;cat") < said.index("dog") and "<b>" not in said
    assert "50.0%" in said and ("99." in said or "100.0%" in said)
    assert "Near to: your picture" in said


@pytest.mark.parametrize("vectors", [(), (Vectors(),), (Vectors(), Vectors(), Vectors())])
def test_of_nothing_nothing_is_said(vectors):
    asked, _ = nearness.asking("mine", "a\nb", b"", b"")
    assert nearness.answer(asked, EmbedResult("", vectors, 0.0, {"words-words": (0.0, 1.0)}), "en") == ""
