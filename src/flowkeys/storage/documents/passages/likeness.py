"""Terms that are like a word which is nowhere: derived from it, a part of it, or mistyped."""

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


def alike(word: str, terms: Iterable[str]) -> list[str]:
    """Return the terms that are most like a word, of those that begin as it does."""
    found = sorted(((-likeness(word, term), term) for term in terms), key=lambda pair: pair)
    return [term for rank, term in found[:_MOST] if rank <= -_ALIKE]


def resembling(word: str, terms: Iterable[str]) -> list[str]:
    """Return the terms that are most like a word, wherever in it: ``öffnungszeiten`` is like ``geöffnet``."""
    grams = {word[at : at + _STEM] for at in range(len(word) - _STEM + 1)}
    near = [term for term in terms if term[:START] == word[:START] or any(gram in term for gram in grams)]
    found = sorted((-max(likeness(word, term), _common(word, term)), term) for term in near)
    return [term for rank, term in found[:_MOST] if rank <= -_ALIKE]


def _common(word: str, term: str) -> float:
    """Return how much of the shorter word the two have in one piece, somewhat less than `likeness` gives."""
    match = SequenceMatcher(None, word, term, autojunk=False).find_longest_match()
    shorter = min(len(word), len(term))
    if match.a == match.b == 0 and match.size >= max(START, _BEGUN * shorter):
        return _ALIKE
    return _ALIKE if match.size >= max(_STEM, _HALF * shorter) else 0.0


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
