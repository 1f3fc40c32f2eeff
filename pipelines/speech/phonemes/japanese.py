"""Japanese as phonemes: figures in kanji, readings by Janome's dictionary, kana as the IPA that Kokoro v1.0 knows.

Kokoro's voices for Japanese take no pitch accent: what matters are long vowels, doubled consonants and the moraic nasal,
which takes the place of the sound that follows. It knows single sentences and no voice.
"""

import re
import unicodedata
from functools import cached_property
from typing import Any

PUNCTUATION = str.maketrans({
    "、": ",", "，": ",", "。": ".", "．": ".", "！": "!", "？": "?", "：": ":", "；": ";", "「": "“", "」": "”", "『": "“", "』": "”",
    "（": "(", "）": ")", "・": " ", "～": "—", "〜": "—", "…": "…",
})  # fmt: skip
VOWELS = ("a", "i", "ɯ", "e", "o")
PLAIN_ROWS = {
    "": "アイウエオ", "k": "カキクケコ", "ɡ": "ガギグゲゴ", "s": "サ　スセソ", "ʣ": "ザ　　ゼゾ", "t": "タ　　テト", "d": "ダ　　デド",
    "n": "ナ　ヌネノ", "h": "ハ　　ヘホ", "b": "バビブベボ", "p": "パピプペポ", "m": "マミムメモ", "ɾ": "ラリルレロ", "β": "ワ　　　　",
    "v": "ヷヸヴヹヺ",
}  # fmt: skip
ODD = {
    "シ": "ɕi", "ジ": "ʥi", "ズ": "zɨ", "チ": "ʨi", "ヂ": "ʥi", "ツ": "ʦɨ", "ヅ": "zɨ", "ニ": "ɲi", "ヒ": "çi", "フ": "ɸɯ", "ス": "sɨ",
    "ヤ": "ja", "ユ": "jɯ", "ヨ": "jo", "ヲ": "o", "ヰ": "i", "ヱ": "e", "ヵ": "ka", "ヶ": "ke", "ー": "ː",
    "イェ": "je", "ウィ": "βi", "ウェ": "βe", "ウォ": "βo", "シェ": "ɕe", "ジェ": "ʥe", "チェ": "ʨe", "ヒェ": "çe", "ニェ": "ɲe",
    "ツァ": "ʦa", "ツィ": "ʦʲi", "ツェ": "ʦe", "ツォ": "ʦo", "ティ": "tʲi", "テュ": "tʲɨ", "ディ": "dʲi", "デュ": "dʲɨ", "トゥ": "tɯ",
    "ドゥ": "dɯ", "ファ": "ɸa", "フィ": "ɸʲi", "フェ": "ɸe", "フォ": "ɸo", "フュ": "ɸʲɨ", "クァ": "kᵝa", "クィ": "kᵝi", "クェ": "kᵝe",
    "クォ": "kᵝo", "グァ": "ɡᵝa", "ヴァ": "va", "ヴィ": "vʲi", "ヴェ": "ve", "ヴォ": "vo",
}  # fmt: skip
PALATAL = {
    "キ": "kʲ", "ギ": "ɡʲ", "シ": "ɕ", "ジ": "ʥ", "チ": "ʨ", "ヂ": "ʥ", "ニ": "ɲ", "ヒ": "ç", "ビ": "bʲ", "ピ": "pʲ", "ミ": "mʲ",
    "リ": "ɾʲ",
}  # fmt: skip
SMALL = {"ァ": "ア", "ィ": "イ", "ゥ": "ウ", "ェ": "エ", "ォ": "オ", "ャ": "ヤ", "ュ": "ユ", "ョ": "ヨ", "ヮ": "ワ"}
NASALS = (("mpb", "m"), ("kɡ", "ŋ"), ("ɲʨʥ", "ɲ"), ("ntdɾzʣʦ", "n"))  # ン before these sounds, else ɴ
NO_PUNCTUATION = re.compile(r"[^;:,.!?—…“”()]")
MONTHS = re.compile(r"(\d{1,2})月")


class Japanese:
    """Made in a moment; its dictionary is opened with the first sentence."""

    def to_phonemes(self, text: str) -> str:
        # 1 One width for each sign, and figures in kanji
        text = unicodedata.normalize("NFKC", text.replace("…", "\0")).replace("\0", "…")
        text = MONTHS.sub(lambda match: f"{match[1]}ガツ", text)
        text = self._normalizer.normalize(text)

        # 2 Readings, word by word
        parts = []
        for token in self._tokenizer.tokenize(text):
            kana = token.phonetic if token.phonetic != "*" else token.surface
            parts.append(_sounds(_katakana(kana)) or NO_PUNCTUATION.sub("", token.surface.translate(PUNCTUATION)))

        # 3 Endings belong to their words, punctuation to the word before it
        return re.sub(r"\s+(?=[ː,.!?:;”)…])|\s+$", "", re.sub(r"\s+", " ", " ".join(parts))).strip()

    @cached_property
    def _normalizer(self) -> Any:
        from wetext import Normalizer

        return Normalizer(lang="ja", operator="tn")

    @cached_property
    def _tokenizer(self) -> Any:
        from janome.tokenizer import Tokenizer

        return Tokenizer(mmap=True)


def _table() -> dict[str, str]:
    """Every mora and its sounds."""
    table = {kana: onset + vowel for onset, row in PLAIN_ROWS.items() for kana, vowel in zip(row, VOWELS, strict=True)}
    for kana in "キギビピミリ":
        table[kana] = PALATAL[kana] + "i"
    for kana, onset in PALATAL.items():
        table |= {f"{kana}ャ": f"{onset}a", f"{kana}ュ": f"{onset}ɨ", f"{kana}ョ": f"{onset}o"}
    return {**table, **ODD}


MORAE = _table()


def _sounds(kana: str) -> str:
    """Katakana as phonemes; "" where there is none in it."""
    said: list[str] = []
    position = 0
    while position < len(kana):
        pair, one = kana[position : position + 2], kana[position]
        if pair in MORAE and len(pair) == 2:
            said.append(MORAE[pair])
            position += 2
            continue
        if one in "ンッ":
            said.append(one)
        elif one in SMALL or one in MORAE:
            said.append(MORAE[SMALL.get(one, one)])
        position += 1

    # A nasal and a stop take the place of what follows
    for number in range(len(said) - 1, -1, -1):
        after = said[number + 1] if number + 1 < len(said) else ""
        if said[number] == "ン":
            said[number] = next((nasal for places, nasal in NASALS if after[:1] and after[0] in places), "ɴ")
        elif said[number] == "ッ":
            said[number] = "ʔ"
    return "".join(said)


def _katakana(text: str) -> str:
    return "".join(chr(ord(sign) + 0x60) if "ぁ" <= sign <= "ゖ" else sign for sign in text)
