"""From a question to the words worth looking for: what people type is never query syntax.

A word is letters, digits and their marks only, so that no character with a meaning to FTS5 is left in it, and
it is quoted besides.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final

import msgspec

from flowkeys.domain.documents.folding import bare, plain, words
from flowkeys.storage.documents.passages.languages import ENGLISH, stem, stop_words, votes
from flowkeys.storage.documents.passages.scripts import SPACED, pieces, runs

MAX_WORDS: Final = 16
"""More words than this say no more about what is asked, and each costs a look-up."""
MAX_PIECES: Final = 32
"""Of scripts without spaces, which say less each."""
MAX_CHARACTERS: Final = 4_000

# Pairs that stemmers keep apart: "revocation" and "revoke", "expiry" and "expire", "creation".
_RELATED: Final = (("ocation", "oke"), ("iry", "ire"), ("eation", "eate"), ("ption", "pt"))
_FAMILIES: Final = (
    ("pay", "pays", "paying", "paid", "payment", "payments", "payable"),
    ("ship", "ships", "shipping", "shipped", "shipment", "shipments"),
    ("agree", "agrees", "agreed", "agreement", "agreements"),
    ("treat", "treats", "treated", "treatment", "treatments"),
    ("enrol", "enroll", "enrolled", "enrolment", "enrollment"),
)
"""Verbs so short that the stemmer leaves their nouns alone."""
_FAMILY: Final = {word: family for family in _FAMILIES for word in family}
_PAIR: Final = 2
_UMLAUTS: Final = (("ae", "a"), ("oe", "o"), ("ue", "u"), ("aa", "a"))
_SPELT: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "å": "aa", "ø": "oe"})
_WITHOUT_ENDINGS: Final = frozenset({"han", "south_east"})
"""Scripts without spaces whose stop words stand by themselves, wherever they are."""
_PARTICLES: Final = frozenset("的了吗呢吧么嗎我你您们們哪")
"""Single characters that are words of no content wherever they stand in a Chinese question."""


class Word(msgspec.Struct, frozen=True):
    """One word of a question (or a piece of one), with the forms that count as the same."""

    forms: tuple[str, ...]
    written: str = ""
    """As it stands there, folded; empty for a piece."""
    others: tuple[str, ...] = ()
    """Forms to look for where none of these is found."""
    weight: float = 1.0
    """How much it says beside a word that is whole."""
    is_piece: bool = False
    """Whether it was cut from a longer run of letters: then it may well stand in no document."""

    @property
    def match(self) -> str:
        """The FTS5 expression that finds any of the forms."""
        return matching(self.forms)


class Asked(msgspec.Struct, frozen=True):
    """What a question says."""

    words: tuple[Word, ...]
    """Its content words in their order, each once."""
    stop_words: tuple[Word, ...]
    """The others. Documents may have headings of them: *Open*, *Pages*, *How do I…*"""
    language: str
    """As far as its letters and stop words tell: ISO 639."""


def matching(forms: Iterable[str]) -> str:
    """Return the FTS5 expression that finds any of these terms."""
    return " OR ".join(f'"{form}"' for form in forms)


def together(parts: Iterable[str]) -> str:
    """Return the FTS5 expression that finds these terms beside each other, with their stems in between."""
    quoted = [f'"{part}"' for part in parts]
    return f"NEAR({' '.join(quoted)}, {len(quoted) - 1})"


def read(question: str, spoken: Collection[str] = ()) -> Asked:
    """Return what a question says.

    `spoken` are the languages of the documents: words are looked for by the stems of each, and the question
    is rather in one of these than in another.
    """
    written = words(plain(question[:MAX_CHARACTERS]))
    language = _language(written, spoken)
    stop = ENGLISH if language == "en" else stop_words(language)
    found: dict[str, Word] = {}
    passed: dict[str, Word] = {}
    for at, word in enumerate(written):
        if word in stop:
            passed.setdefault(word, Word(tuple(dict.fromkeys(_forms(word, spoken)))))
            continue
        for made in _words(word, _joined(written, at), stop, spoken):
            found.setdefault(made.forms[0], made)
        for made in _inner_stop_words(word, stop):
            passed.setdefault(made.forms[0], made)
        if sum(1.0 if not made.is_piece else MAX_WORDS / MAX_PIECES for made in found.values()) >= MAX_WORDS:
            break
    if not found and len(written) == 1 and language != "en":
        # The packages' lists have words of content, too ("groß"): who types one alone means it.
        found, passed = passed, {}
    return Asked(tuple(found.values())[:MAX_PIECES], tuple(passed.values())[:MAX_WORDS], language)


def _words(word: str, joined: Iterable[str], stop: frozenset[str], spoken: Collection[str]) -> Iterator[Word]:
    for script, run in runs(word):
        if script == SPACED:
            forms = (*_forms(run, spoken), *joined)
            yield Word(tuple(dict.fromkeys(forms)), bare(run), tuple(_others(run)))
        else:
            yield from _pieces(script, run, stop)


def _forms(word: str, spoken: Collection[str]) -> Iterator[str]:
    """Yield the stems of a word. Passages hold them beside what is written, so that these are enough."""
    written = bare(word)
    stems = [stem(language, word) for language in spoken]
    yield from stems or [written]
    for one in _related(written):
        yield stem("en", one) if "en" in spoken else one
    for one in _FAMILY.get(written, ()):
        yield stem("en", one) if "en" in spoken else one


def _others(word: str) -> Iterator[str]:
    """Yield what else a word may be: as it is written, or with its umlauts the other way, *oe* and *ö*."""
    written = bare(word)
    yield written
    for two, single in _UMLAUTS:
        if two in written:
            yield written.replace(two, single)
    if (spelt := bare(word.translate(_SPELT))) != written:
        yield spelt


def _pieces(script: str, run: str, stop: frozenset[str]) -> Iterator[Word]:
    """Yield the pieces of what is left of a run without its stop words, each weighing its part of a word."""
    for rest in _content(run, stop) if script in _WITHOUT_ENDINGS else [run]:
        cut = pieces(script, bare(rest))
        letters = 4 if script == "south_east" else 2  # of a word, about
        weight = max(1.0, len(rest) / letters) / len(cut)
        for place, piece in enumerate(cut):
            if script == "hangul":  # what it is about comes first, what it does in the sentence last
                weight = 1.0 if place == 0 else 0.5 / place
            elif script == "hiragana":  # mostly grammar
                weight = 0.2
            yield Word((piece,), "", _characters(script, piece), weight, is_piece=True)


def _characters(script: str, piece: str) -> tuple[str, ...]:
    """Return the characters of a piece that are words or parts of words by themselves."""
    return tuple(piece) if script == "han" and len(piece) > 1 else ()


def _inner_stop_words(word: str, stop: frozenset[str]) -> Iterator[Word]:
    """Yield the stop words in runs of letters: where all their pieces stand in a row."""
    for script, run in runs(word):
        if script in _WITHOUT_ENDINGS:
            for part, is_stop_word in _cut(run, stop):
                if is_stop_word and len(part) > 1:
                    yield Word((" ".join(pieces(script, bare(part))),), is_piece=True)


def _content(run: str, stop: frozenset[str]) -> Iterator[str]:
    return (part for part, is_stop_word in _cut(run, stop) if not is_stop_word)


def _cut(run: str, stop: frozenset[str]) -> Iterator[tuple[str, bool]]:
    """Yield the stop words of a run, of which the longest counts at each place, and what lies between."""
    start = at = 0
    while at < len(run):
        length = next((n for n in range(min(8, len(run) - at), 1, -1) if run[at : at + n] in stop), 0)
        if not length and run[at] in _PARTICLES:
            length = 1
        if length:
            if start < at:
                yield run[start:at], False
            yield run[at : at + length], True
            start = at + length
        at += length or 1
    if start < at:
        yield run[start:], False


def _language(written: list[str], spoken: Collection[str]) -> str:
    """Return the language that the question is in: its stop words are left out, and no other's.

    "die", "war" and "son" are words in English.
    """
    text = "".join(written)
    for language, letters in _LETTERS.items():
        if letters.search(text):
            return language
    voted = votes(written)
    ours = max(spoken, key=lambda code: (voted[code], code == "en"), default="en")
    other = max(voted, key=lambda code: voted[code], default=ours)
    return other if voted[other] >= max(_SURE, 2 * voted[ours]) else ours


_SURE: Final = 1.5
"""Votes for a language that the documents are not in."""
_LETTERS: Final = {
    "ja": re.compile("[\u3041-\u30ff]"),
    "ko": re.compile("[\uac00-\ud7a3]"),
    "th": re.compile("[\u0e00-\u0e7f]"),
    "zh": re.compile("[\u3400-\u9fff]"),
}
"""Letters that say which language it is."""


def _related(word: str) -> tuple[str, ...]:
    for noun, verb in _RELATED:
        if word.endswith(noun):
            return (word.removesuffix(noun) + verb,)
        for ending in (verb, verb + "s", verb + "d"):
            if word.endswith(ending):
                return (word.removesuffix(ending) + noun,)
    return ()


def _joined(written: Sequence[str], at: int) -> Iterator[str]:
    """Yield what documents may write as one with a word: "back up", "rate-limit", "5 kg", "AB-12-C"."""
    for start in range(max(0, at - _PAIR), at + 1):
        for end in range(max(at + 1, start + _PAIR), min(len(written), start + _PAIR + 1) + 1):
            parts = written[start:end]
            whole = "".join(parts)
            if _has_digit(whole) or (end - start == _PAIR and min(map(len, parts)) > 1):
                yield bare(whole)


def _has_digit(word: str) -> bool:
    return any(letter.isdigit() for letter in word)
