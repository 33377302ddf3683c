"""Text into words that compare equal when people mean the same: one function for documents and questions."""

import re
import unicodedata
from functools import cache
from typing import Final

_PIECE: Final = 4_000
"""Normalising takes time by the square of a row of combining marks, so none is longer than this."""
LONGEST_WORD: Final = 64

# Marks that writing can do without: accents (Latin, Greek, Cyrillic), points and vowel signs of Hebrew and
# Arabic. In the scripts of India and south-east Asia marks are vowels, and in kana another sound: these stay.
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u06d6-\u06ed"
)
_DISPENSABLE: Final = re.compile(f"[{_MARKS}\u0640\u200b-\u200f\u00ad]")
_LETTERS: Final = str.maketrans({
    "\u0131": "i",  # Turkish, without its dot
    "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "æ": "ae", "œ": "oe", "ħ": "h", "ŧ": "t",
    # Arabic: teh marbuta as heh, alef maksura and Persian yeh as yeh, keheh as kaf, alef wasla as alef.
    "\u0629": "\u0647", "\u0649": "\u064a", "\u06cc": "\u064a", "\u06a9": "\u0643", "\u0671": "\u0627",
})  # fmt: skip


def plain(text: str) -> str:
    """Return `text` in small letters and composed (NFKC): as the stemmers want it."""
    pieces = (text[start : start + _PIECE] for start in range(0, len(text), _PIECE))
    return "".join(_plain(piece) for piece in pieces)


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    # A capital İ becomes an i with a dot above, which nobody else writes.
    return unicodedata.normalize("NFKC", folded.replace("i\u0307", "i"))


def bare(word: str) -> str:
    """Return a plain word without accents: ``größe`` is ``grosse`` then (ß became ss before)."""
    if word.isascii():
        return word
    decomposed = _DISPENSABLE.sub("", unicodedata.normalize("NFD", word))
    return unicodedata.normalize("NFC", decomposed).translate(_LETTERS)


def fold(text: str) -> str:
    """Return `text` in the form in which all that counts as the same is the same."""
    return bare(plain(text))


def words(text: str) -> list[str]:
    """Return the words of a plain text: letters, digits and the marks on them."""
    return [word[:LONGEST_WORD] for word in _word().findall(text)]


@cache
def _word() -> re.Pattern[str]:
    # `\w` knows no combining marks, which are parts of words in most scripts of Asia.
    ranges: list[str] = []
    start = None
    for code in range(0x300, 0x11A00):
        is_mark = unicodedata.category(chr(code)) in {"Mn", "Mc"}
        if is_mark and start is None:
            start = code
        elif not is_mark and start is not None:
            ranges.append(f"{chr(start)}-{chr(code - 1)}")
            start = None
    return re.compile(rf"[^\W_](?:[^\W_]|[{''.join(ranges)}])*")
