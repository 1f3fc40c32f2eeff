"""Which captions are the likeliest, and when they mean that the picture shows something that is known."""

from pathlib import Path

import pytest
import torch

from pipelines.seeing.naming import JUDGED, is_known, likeliest
from pipelines.types.caption import Name
from tests.pipelines.tiny_eyes import SIDE, save_captioner

pytestmark = pytest.mark.usefixtures("one_thread")


def names(*probabilities: float) -> list[Name]:
    return [Name({"en": str(place)}, probability) for place, probability in enumerate(probabilities)]


def test_a_thing_of_several_names_is_known_by_all_of_them_together():
    assert is_known(names(0.3, 0.3, 0.3), 0.85)  # a heart: red heart, heart suit, beating heart
    assert not is_known(names(0.3, 0.1), 0.85)
    assert not is_known(names(*[0.1] * 20), 0.85)  # only the first few count
    assert is_known(names(*[1 / JUDGED] * JUDGED), 0.99)
    assert not is_known([], 0.0)


def test_captions_are_as_likely_as_the_model_says_of_the_same_words(tmp_path: Path) -> None:
    from transformers import AutoTokenizer, VisionEncoderDecoderModel

    folder = save_captioner(tmp_path / "namer")
    model = VisionEncoderDecoderModel.from_pretrained(folder).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    pixels = torch.rand(1, 3, SIDE, SIDE)
    found = likeliest(model, tokenizer, pixels, 3)
    assert 1 <= len(found) <= 3 and len({caption for caption, _ in found}) == len(found)
    chances = [chance for _, chance in found]
    assert chances == sorted(chances, reverse=True) and 0 < sum(chances) <= 1
    assert likeliest(model, tokenizer, pixels, 3) == found
    assert likeliest(model, tokenizer, torch.zeros_like(pixels), 3) != found
