"""How Japanese is read: kanji by the dictionary, kana as Kokoro's phonemes."""

import json

import pytest

from pipelines.speech.phonemes.japanese import Japanese


@pytest.fixture(scope="module")
def japanese() -> Japanese:
    return Japanese()


@pytest.mark.parametrize(
    ("text", "phonemes"),
    [
        ("今日は良い天気ですね。", "kʲoː βa joi teŋkʲi desɨ ne."),
        ("きっぷとコンピューター！", "kʲiʔpɯ to kompʲɨːtaː!"),
        ("しんぶん、ほんや", "ɕimbɯɴ, hoɴ ja"),
        ("😀", ""),
    ],
)
def test_kana_as_phonemes(japanese, text, phonemes):
    assert japanese.to_phonemes(text) == phonemes


def test_figures(japanese):
    assert japanese.to_phonemes("3月") == japanese.to_phonemes("三ガツ")
    assert japanese.to_phonemes("1234円") == japanese.to_phonemes("千二百三十四円")


def test_every_phoneme_is_known_to_the_model(japanese, kokoro_folder):
    vocabulary = set(json.loads((kokoro_folder / "config.json").read_text())["vocab"])
    kana = "あいうえおかきくけこさしすせそたちつてとなにぬねのはひふへほまみむめもやゆよらりるれろわをんがぎぐげござじずぜぞ"
    kana += (
        "だぢづでどばびぶべぼぱぴぷぺぽキャキュキョシャチュニョヒャミュリョギャジュビョピャファフィティディウォヴァッー"
    )
    assert set(japanese.to_phonemes(kana)) <= vocabulary
