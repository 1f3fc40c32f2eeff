"""American English as phonemes: a lexicon of 180,000 words, its endings, and a guess for what stands in none.

The lexicon is misaki's (Apache-2.0), with which Kokoro was trained; only its tables are read. Which of two readings a word
has (read, live, close) follows from its part of speech by gruut's tagger, and unknown words by gruut's model of spelling
(MIT). It knows single sentences and no voice.
"""

import json
import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cached_property
from importlib import resources
from pathlib import Path

from pipelines.speech.phonemes.english_words import in_words

PUNCTUATION = ';:,.!?—…"“”()'
TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*|[;:,.!?—…\"“”()]")
DOTTED = re.compile(r"\b(?:[A-Za-z]\.){2,}|\b(?:[A-Za-z]\.)+[A-Za-z]\b")  # U.S., p.m.
ENDS_DOTTED = re.compile(r"\b[A-Za-z]\.[A-Za-z]\b\.?$")
VOWELS = frozenset("AIOQWYaiuæɑɒɔəɛɜɪʊʌᵻɐᵊ")
PRIMARY, SECONDARY = "ˈ", "ˌ"
DOUBLED = re.compile(r"([bcdgklmnprtvz])\1(ed|ing)$")  # stopped, running
LONGEST_SPELT = 5  # capitals that are no word and longer are read as one all the same
TAPPING = frozenset("AIOWYiuæɑəɛɪɹʊʌ")  # before these an American t at the end of a stem becomes a tap: wait, waiting

# gruut's phonemes as those of the lexicon
GUESSED = {
    "aɪ": "I", "aʊ": "W", "eɪ": "A", "oʊ": "O", "ɔɪ": "Y", "d͡ʒ": "ʤ", "t͡ʃ": "ʧ", "ɚ": "əɹ", "ɝ": "ɜɹ", "g": "ɡ", "e": "A",
    "o": "O", "a": "ɑ", "ɾ": "T", "r": "ɹ", "ʍ": "w",
}  # fmt: skip
PARENTS = (("VB", "VERB"), ("NN", "NOUN"), ("RB", "ADV"), ("JJ", "ADJ"))

Entry = str | dict[str, str | None]


class English:
    """Made in a moment; its tables are read with the first sentence."""

    def to_phonemes(self, text: str) -> str:
        """Punctuation stays, for its pauses and its tune."""
        # 1 Words and punctuation
        tokens = _tokens(text)
        if not any(token[0].isalpha() for token in tokens):
            return ""
        tags = self._tagger(tokens)

        # 2 From the end, because the, a and to depend on the sound that follows
        said: list[str] = []
        follows = ""
        for token, tag in zip(reversed(tokens), reversed(tags), strict=True):
            if token in PUNCTUATION:
                said.append(token)
                follows = follows if token in '"“”()' else ""
                continue
            phonemes = self._word(token, tag, follows)
            said.append(phonemes)
            follows = phonemes.lstrip(PRIMARY + SECONDARY)[:1] or follows

        # 3 Words apart, punctuation after its word
        joined = re.sub(r" (?=[;:,.!?…”)])|(?<=[“(]) ", "", " ".join(part for part in reversed(said) if part))
        return joined.replace("ɾ", "T").replace("ʔ", "t")

    # ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    def _word(self, word: str, tag: str, follows: str) -> str:
        """`follows` is the first sound after it, "" before a pause."""
        lower = word.lower()
        is_before_vowel = follows in VOWELS
        if lower == "a" and follows and (tag == "DT" or word == "a"):
            return "ɐ"
        if lower == "the":
            return "ði" if is_before_vowel else "ðə"
        if lower == "to" and follows:
            return "tʊ" if is_before_vowel else "tə"
        if lower == "in" and follows:
            return "ɪn"
        return self._known(word, tag, follows) or self._ended(word, tag) or self._unknown(word)

    def _known(self, word: str, tag: str, follows: str = " ") -> str:
        """By the lexicon as it is written, else without capitals; "" where it has neither."""
        forms = (word, word.lower(), word.capitalize()) if not word.isupper() or len(word) == 1 else (word,)
        for form in forms:
            entry = self._lexicon.get(form)
            if entry is not None and (said := _reading(entry, tag, follows)):
                return said
        if word.isupper() and len(word) > 1:  # SHOUTED, or letters to spell
            entry = self._lexicon.get(word.lower())
            said = _reading(entry, tag, follows) if entry is not None else ""
            return said if PRIMARY in said or not tag.startswith("NNP") else ""
        return ""

    def _ended(self, word: str, tag: str) -> str:
        """A known stem with -s, -ed, -ing or 's; "" where there is none."""
        for ending, stems, say in _ENDINGS:
            found = ending.fullmatch(word if word.isupper() else word.lower())
            if not found:
                continue
            for rest in stems:
                stem = self._known(found[1] + rest, tag)
                if stem:
                    return say(stem)
        plain = DOUBLED.sub(r"\1\2", word.lower())
        return self._ended(plain, tag) if plain != word.lower() else ""

    def _unknown(self, word: str) -> str:
        """Letter by letter where it is made of capitals, else as its spelling suggests."""
        bare = word.replace("'", "")
        plural = re.fullmatch(r"([A-Z]{2,})s", bare)
        letters = plural[1] if plural else bare
        if letters.isupper() and (len(letters) <= LONGEST_SPELT or not re.search("[AEIOUY]", letters)):
            spelt = self._spell(letters)
            return _with_s(spelt) if plural and spelt else spelt
        return "".join(map(_as_in_lexicon, self._guess(bare.lower())))

    def _spell(self, letters: str) -> str:
        """Every letter's name; the last one is stressed."""
        names = [str(self._lexicon[letter]) for letter in letters if letter in self._lexicon]
        said = "".join(names).replace(PRIMARY, SECONDARY)
        return PRIMARY.join(said.rsplit(SECONDARY, 1))

    # ── what it reads once ────────────────────────────────────────────────────────────────────────────────────────────

    @cached_property
    def _lexicon(self) -> dict[str, Entry]:
        tables = resources.files("misaki.data")
        silver, gold = (
            json.loads((tables / f"us_{name}.json").read_text(encoding="utf-8")) for name in ("silver", "gold")
        )
        return {**silver, **gold}

    @cached_property
    def _tagger(self) -> Callable[[Sequence[str]], Sequence[str]]:
        from gruut.pos import PartOfSpeechTagger

        return PartOfSpeechTagger(_gruut() / "pos" / "model.crf")

    @cached_property
    def _guess(self) -> Callable[[str], Sequence[str]]:
        from gruut.g2p import GraphemesToPhonemes

        return GraphemesToPhonemes(_gruut() / "g2p" / "model.crf")


def _gruut() -> Path:
    import gruut_lang_en

    return Path(gruut_lang_en.__file__).parent


def _tokens(text: str) -> list[str]:
    text = in_words(text.replace("...", "…"))
    text = "".join(
        sign for sign in unicodedata.normalize("NFKD", text.replace("…", "\0")) if not unicodedata.combining(sign)
    )
    text = text.replace("\0", "…")
    ends_in_abbreviation = bool(ENDS_DOTTED.search(text))
    text = DOTTED.sub(lambda match: match[0].replace(".", "").upper() + " ", text)
    text = re.sub(r"\s[-–]+\s|–|--+", "—", text)
    tokens = TOKEN.findall(text)
    return [*tokens, "."] if ends_in_abbreviation else tokens


def _reading(entry: Entry, tag: str, follows: str) -> str:
    """The one for this part of speech; "" where the letters are to be spelt."""
    if isinstance(entry, str):
        return entry
    parent = next((name for beginning, name in PARENTS if tag.startswith(beginning)), tag)
    names = ("None", tag, parent) if not follows else (tag, parent)
    name = next((name for name in names if name in entry), "DEFAULT")
    return entry[name] or ""


def _as_in_lexicon(sound: str) -> str:
    """A guessed sound, written as the lexicon would."""
    stress = sound[0] if sound[0] in PRIMARY + SECONDARY else ""
    bare = sound.removeprefix(stress)
    return stress + ("ɜɹ" if bare == "ɚ" and stress else GUESSED.get(bare, bare))


def _with_s(stem: str) -> str:
    """https://en.wiktionary.org/wiki/-s"""
    return stem + ("s" if stem[-1] in "ptkfθ" else "ᵻz" if stem[-1] in "szʃʒʧʤ" else "z")


def _with_ed(stem: str) -> str:
    """https://en.wiktionary.org/wiki/-ed"""
    if stem[-1] == "t" and stem[-2:-1] in TAPPING:
        return stem[:-1] + "ɾᵻd"
    return stem + ("ᵻd" if stem[-1] in "td" else "t" if stem[-1] in "pkfθʃsʧ" else "d")


def _with_ing(stem: str) -> str:
    return (stem[:-1] + "ɾ" if stem[-1] == "t" and stem[-2:-1] in TAPPING else stem) + "ɪŋ"


# What a word ends in, what its stem may have had instead, and how the ending sounds
_ENDINGS: tuple[tuple[re.Pattern[str], tuple[str, ...], Callable[[str], str]], ...] = (
    (re.compile(r"(.+)'s"), ("",), _with_s),
    (re.compile(r"(.+s)'"), ("",), str),
    (re.compile(r"(.{2,})ies"), ("y",), _with_s),
    (re.compile(r"(.{2,})s"), ("",), _with_s),
    (re.compile(r"(.{2,})es"), ("",), _with_s),
    (re.compile(r"(.{2,})ied"), ("y",), _with_ed),
    (re.compile(r"(.{2,})ed"), ("", "e"), _with_ed),
    (re.compile(r"(.{2,})ing"), ("", "e"), _with_ing),
)
