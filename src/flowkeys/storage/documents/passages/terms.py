"""The terms that a passage is found by.

Each word stands there as it is written (folded) and as its stem in the passage's language. Scripts without
spaces are cut into overlapping pieces. Names in code are there whole and in parts. What is stored depends on
this: who changes it writes a migration that makes the
terms anew.
"""

import functools
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

import msgspec

from flowkeys.domain.documents.collection import Passage
from flowkeys.domain.documents.folding import bare, plain, words
from flowkeys.storage.documents.passages.languages import ENGLISH, stem, stop_words, votes
from flowkeys.storage.documents.passages.scripts import SPACED, pieces, runs

_NAME: Final = re.compile(r"\b[A-Z][A-Za-z0-9]{1,63}")
_HUMP: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+")
_CACHED: Final = 50_000
_MIXED: Final = 0.1
"""The second language's share of the votes of the first, from which a document may be in both. (English has a
twentieth of German stop words, and the like.)"""
ABOVE: Final = " > "
"""Between the headings of a passage, the outermost first."""
_SURE: Final = 3.0
"""Votes by which a passage may be of another language than its document."""
UNKNOWN: Final = "und"
"""ISO 639: undetermined."""


class Terms(msgspec.Struct, frozen=True):
    """What is kept of a passage for the search."""

    heading: str
    content: str
    language: str


def terms_of(passages: Iterable[Passage]) -> list[Terms]:
    """Return the terms of a document's passages, in their order."""
    read = [(_read(_weighed(passage.heading)), _read(passage.content)) for passage in passages]
    spoken = _languages([heading + content for heading, content in read])
    return [
        Terms(_join(heading, language), _join(content, language), language)
        for (heading, content), language in zip(read, spoken, strict=True)
    ]


def _weighed(heading: str) -> str:
    """Return a heading whose last part counts twice: those above it are other passages' as well."""
    _, above, last = heading.rpartition(ABOVE)
    return f"{heading} {last}" if above else heading


def _languages(texts: Sequence[Sequence[str]]) -> list[str]:
    """Return the language of each text: the one of all of them, unless it surely is in another."""
    together = votes(chain.from_iterable(texts))
    main = max(together, key=lambda language: (together[language], language), default=UNKNOWN)
    second = max((voted for language, voted in together.items() if language != main), default=0.0)
    if second < _MIXED * together[main]:
        return [main] * len(texts)
    spoken = []
    for text in texts:
        voted = votes(text)
        own = max(voted, key=lambda language: (voted[language], language), default=main)
        spoken.append(own if voted[own] >= max(_SURE, 2 * voted[main]) else main)
    return spoken


def languages_of(terms: Iterable[Terms]) -> str:
    """Return the languages of a document's passages, as they are stored with it."""
    return " ".join(sorted({made.language for made in terms}))


def _read(text: str) -> list[str]:
    return [*words(plain(text)), *_parts_of_names(text)]


def _parts_of_names(text: str) -> Iterator[str]:
    """Yield what names such as ``CORSMiddleware`` are made of."""
    for name in _NAME.findall(text):
        if not (name.isupper() or name[1:].islower()):
            yield from (part.casefold() for part in _HUMP.findall(name) if len(part) > 1)


def _join(read: Iterable[str], language: str) -> str:
    return " ".join([_terms(word, language) for word in read])


@functools.lru_cache(maxsize=_CACHED)
def _terms(word: str, language: str) -> str:
    found: list[str] = []
    for script, run in runs(word):
        if script != SPACED:
            found += _unspaced(script, run)
            continue
        found.append(bare(run))
        if (stemmed := stem(language, run)) != found[-1]:
            found.append(stemmed)
    return " ".join(found)


def _unspaced(script: str, run: str) -> Iterator[str]:
    folded = bare(run)
    yield from pieces(script, folded)
    if script == "han" and len(folded) > 1:
        yield from folded  # a question may have one of two characters


def own_words(heading: str, language: str) -> list[frozenset[str]]:
    """Return the terms of each word of a heading, stop words aside."""
    stop = ENGLISH if language == "en" else stop_words(language)
    return [frozenset(_terms(word, language).split()) for word in _read(heading) if word not in stop]
