"""How Chinese is read: figures as characters, characters as Kokoro's phonemes with tones."""

import json

import pytest

from pipelines.speech.phonemes.chinese import Chinese


@pytest.fixture(scope="module")
def chinese() -> Chinese:
    return Chinese()


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("她把信放进信封里。", "tʰa→ pa↓ ɕi↘n fa↘ŋʨi↘n ɕi↘nfə→ŋ li↓."),
        ("四十，十四", "sɨ↘ʂɨ↗, ʂɨ↗sɨ↘"),
        ("银行行李", "i↗nxa↗ŋ ɕi↗ŋli↓"),
        ("女儿", "ny↓ɚ↗"),
        ("😀", ""),
        ("hello", ""),
    ],
)
def test_characters_as_phonemes(chinese, text, phonemes):
    assert chinese.to_phonemes(text) == phonemes


@pytest.mark.parametrize(
    ("figures", "characters"),
    [
        ("2024年5月6日", "二零二四年五月六日"),
        ("¥1,299.00", "一千二百九十九元"),
        ("35度，12.5%", "三十五度，百分之十二点五"),
        ("下午3:30", "下午三点三十分"),
        ("-5℃", "负五摄氏度"),
    ],
)
def test_figures_are_read_as_characters(chinese, figures, characters):
    assert chinese.to_phonemes(figures) == chinese.to_phonemes(characters)


def test_every_phoneme_is_known_to_the_model(chinese, kokoro_folder):
    vocabulary = set(json.loads((kokoro_folder / "config.json").read_text())["vocab"])
    text = "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少？儿童相见不相识，笑问客从何处来！云雪女绿吃日子词"
    assert set(chinese.to_phonemes(text)) <= vocabulary
