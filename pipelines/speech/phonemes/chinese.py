"""Mandarin as phonemes: numbers and signs in characters, words by jieba, readings by pypinyin, sounds by misaki.

Kokoro v1.0 writes a syllable in IPA with an arrow for its tone (→ ↗ ↓ ↘, none for the neutral tone) and words apart. It
knows single sentences and no voice.
"""

import re
from functools import cached_property
from typing import Any

PUNCTUATION = str.maketrans({
    "、": ", ", "，": ", ", "。": ". ", "．": ". ", "！": "! ", "？": "? ", "：": ": ", "；": "; ", "（": " (", "）": ") ", "《": " “",
    "》": "” ", "「": " “", "」": "” ", "『": " “", "』": "” ", "【": " “", "】": "” ", "～": "—", "·": " ", "‘": " “", "’": "” ",
})  # fmt: skip
HAN = re.compile(r"[\u3400-\u9fff]+")
TONES = (("˧˩˧", "↓"), ("˧˥", "↗"), ("˥˩", "↘"), ("˥", "→"))  # the third first: the others are parts of it
SYLLABIC = re.compile("[ɻɹ]\u0329")  # the vowel of shi and of si
NON_SYLLABIC = "\u032f"


class Chinese:
    """Made in a moment; its tables are read with the first sentence."""

    def to_phonemes(self, text: str) -> str:
        # 1 Numbers, dates, money and units in characters
        text = self._normalizer.normalize(_with_yuan(text)).translate(PUNCTUATION)

        # 2 Word by word; what stands between is punctuation
        said, end = [], 0
        for run in HAN.finditer(text):
            said.append(_kept(text[end : run.start()]))
            said.append(" ".join(map(self._word, self._segmenter.cut(run[0]))))
            end = run.end()
        said.append(_kept(text[end:]))
        return re.sub(r"\s+", " ", "".join(said)).strip()

    def _word(self, word: str) -> str:
        from misaki.transcription import pinyin_to_ipa
        from pypinyin import Style, lazy_pinyin

        syllables = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, tone_sandhi=True)
        return "".join(_retoned("".join(pinyin_to_ipa(syllable)[0])) for syllable in syllables if syllable.isascii())

    @cached_property
    def _normalizer(self) -> Any:
        from wetext import Normalizer

        return Normalizer(lang="zh", operator="tn")

    @cached_property
    def _segmenter(self) -> Any:
        """jieba with its table in this object: by itself it leaves one in the machine's folder for temporary files."""
        import jieba

        segmenter = jieba.Tokenizer()
        segmenter.FREQ, segmenter.total = segmenter.gen_pfdict(segmenter.get_dict_file())
        segmenter.initialized = True
        return segmenter


def _with_yuan(text: str) -> str:
    """¥1,299.00 → 1299元: a price by its sign, and no commas in figures."""
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    return re.sub(r"[¥￥]\s*(\d+(?:\.\d+)?)", lambda match: f"{match[1].removesuffix('.00')}元", text)


def _kept(between: str) -> str:
    """Punctuation and spaces."""
    return re.sub(r"[^;:,.!?—…\"“”() ]", "", between)


def _retoned(syllable: str) -> str:
    for contour, arrow in TONES:
        syllable = syllable.replace(contour, arrow)
    return SYLLABIC.sub("ɨ", syllable).replace(NON_SYLLABIC, "")
