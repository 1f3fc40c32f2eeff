"""What the fusion model is given of words: places in a table, two for each piece of a word. Knows no model.

Pieces are whole words and their runs of three and four letters, and of Chinese each character and each pair, so that a word
never read before is near those that share its pieces. Hashed twice each, after Bojanowski et al. 2016 (arXiv 1607.04606) and
Svenstrup et al. 2017 (arXiv 1709.03933).
"""

import hashlib
import re
import unicodedata

LIMIT_CHARACTERS = 2000
LIMIT_PIECES = 600
RUNS = (3, 4)
_TOKENS = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿]+|[^\W_぀-ヿ㐀-䶿一-鿿豈-﫿]+")
_IS_HAN = re.compile(r"[぀-ヿ㐀-䶿一-鿿豈-﫿]")


def words(text: str, limit: int = LIMIT_CHARACTERS) -> list[str]:
    """Words in small letters, and stretches of Chinese, of the first `limit` characters."""
    plain = unicodedata.normalize("NFKC", text[:limit]).casefold()
    return _TOKENS.findall(plain)


def is_chinese(word: str) -> bool:
    return bool(_IS_HAN.match(word))


def pieces(text: str) -> list[str]:
    """In the order of the text, repeated where they are."""
    found: list[str] = []
    for word in words(text):
        if is_chinese(word):
            found += [*word, *(word[place : place + 2] for place in range(len(word) - 1))]
            continue
        marked = f"<{word}>"
        found.append(marked)
        found += [marked[at : at + length] for length in RUNS for at in range(len(marked) - length + 1)]
    return found[:LIMIT_PIECES]


def places(text: str, rows: int) -> list[int]:
    """Of a table of `rows` rows; of nothing to read the first row."""
    found = []
    for piece in pieces(text):
        digest = hashlib.blake2b(piece.encode("utf-8", "replace"), digest_size=8).digest()
        found += [int.from_bytes(half, "little") % rows for half in (digest[:4], digest[4:])]
    return found or [0]
