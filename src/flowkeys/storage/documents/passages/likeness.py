"""Terms that are like a word which is nowhere: derived from it, a part of it, inflected, or mistyped."""
# ruff: noqa: RUF001 - alphabets have letters that look like others

import re
from collections.abc import Iterable
from difflib import SequenceMatcher
from typing import Final

START: Final = 3
"""Letters that both begin with."""
_STEM: Final = 4
_LONG: Final = 8
_HALF: Final = 0.7
_BEGUN: Final = 0.6
_ALIKE: Final = 0.55
_MOST: Final = 8
_VOWELS: Final = re.compile("[aeiouyаеиоуыэюяαεηιουωاوي]+")
_ALIKE_LETTERS: Final = re.compile(r"[0-9]+|[^0-9]+")
_CONSONANTS: Final = 3
"""Consonants that make a word what it is, when its vowels change."""


def alike(word: str, terms: Iterable[str]) -> list[str]:
    """Return the terms that are most like a word, of those that begin as it does."""
    found = sorted(((-likeness(word, term), term) for term in terms), key=lambda pair: pair)
    return [term for rank, term in found[:_MOST] if rank <= -_ALIKE]


def resembling(word: str, terms: Iterable[str]) -> list[str]:
    """Return the terms that are most like a word, wherever in it: ``öffnungszeiten`` is like ``geöffnet``."""
    grams = {word[at : at + _STEM] for at in range(len(word) - _STEM + 1)}
    found = []
    for term in terms:
        rank = _ALIKE if _is_inflected(word, term) else 0.0
        if term[:START] == word[:START] or any(gram in term for gram in grams):
            rank = max(rank, likeness(word, term), _common(word, term))
        found.append((-rank, term))
    found.sort()
    return [term for rank, term in found[:_MOST] if rank <= -_ALIKE]


def _common(word: str, term: str) -> float:
    """Return how much of the shorter word the two have in one piece, somewhat less than `likeness` gives."""
    match = SequenceMatcher(None, word, term, autojunk=False).find_longest_match()
    shorter = min(len(word), len(term))
    begin_alike = match.a == match.b == 0
    if begin_alike and match.size >= max(START, _BEGUN * shorter):
        return _ALIKE
    if begin_alike and match.size >= _STEM <= shorter - match.size:
        return _ALIKE  # as Park-gebühr and Park-platz
    return _ALIKE if match.size >= max(_STEM, _HALF * shorter) else 0.0


def _is_inflected(word: str, term: str) -> bool:
    """Whether two words differ in vowels, and the last consonant at most: ``devuelva`` and ``devolver``."""
    if word[:1] != term[:1]:
        return False
    one, two = _VOWELS.sub("", word), _VOWELS.sub("", term)
    return len(one) >= _CONSONANTS and (
        one == two or (len(one) == len(two) > _CONSONANTS and one[:-1] == two[:-1])
    )


def likeness(word: str, term: str) -> float:
    """Return how much two words have in common, from 0 to 1: a beginning, or all but a slip of the finger."""
    same = next(
        (at for at, (one, two) in enumerate(zip(word, term, strict=False)) if one != two),
        min(len(word), len(term)),
    )
    shorter, longer = sorted((len(word), len(term)))
    if same >= _STEM and same == shorter:  # one begins with the other
        return max(_ALIKE, same / longer)
    if shorter > _STEM and _is_slip(word, term, same):
        return 1 - 1 / longer
    return same / ((shorter + longer) / 2) if same > _STEM else 0.0


def _is_slip(word: str, term: str, same: int) -> bool:
    """Whether one letter is missing, wrong or too many, or two are exchanged, behind the `same` first."""
    one, two = word[same:], term[same:]
    return (
        one[1:] == two
        or one == two[1:]
        or one[1:] == two[1:]
        or (one[:2] == two[:2][::-1] and one[2:] == two[2:])
    )


def slips(word: str) -> list[str]:
    """Return what a word may be whose first letters were exchanged, or one of them doubled or too many."""
    if len(word) <= _STEM:
        return []
    swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(START)]
    return [*swapped, *(word[:at] + word[at + 1 :] for at in range(START))]


def ends(word: str) -> list[str]:
    """Return the ends of a word that may be words of their own, as in Kinder-geburtstag."""
    return [word[at:] for at in range(START, len(word) - START)] if len(word) >= _LONG else []


def splits(word: str) -> list[tuple[str, ...]]:
    """Return the words that a word may be written as: ``e-mail``, ``Wi-Fi``, ``10 000``, ``AB-12-C``."""
    found: dict[tuple[str, ...], None] = dict.fromkeys(
        (word[:at], word[at:]) for at in range(1, len(word) - 1)
    )
    if len(parts := _ALIKE_LETTERS.findall(word)) > 1:
        found[tuple(parts)] = None
    return list(found)
