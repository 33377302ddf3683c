"""Reading the questions."""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flowkeys.domain.documents.collection import Passage

FOLDER: Final = Path(__file__).with_name("questions")
HALVES: Final = ("tuning", "kept back")
ADDED: Final = "+"
"""Begins a line that was added later, for tuning: the halves of the others stay what they are."""


@dataclass(frozen=True)
class Answer:
    """Where an answer is, whatever passages the file is split into."""

    source: str
    heading: str = ""
    text: str = ""

    @classmethod
    def read(cls, written: str) -> "Answer":
        """Read ``file # heading``, ``file ~ text`` or ``file``."""
        source, mark, rest = (part.strip() for part in re.match(r"(\S+)\s*([#~]?)(.*)", written).groups())
        return cls(source, _plain(rest) if mark == "#" else "", _plain(rest) if mark == "~" else "")

    def is_in(self, source: str, passage: Passage) -> bool:
        """Whether this passage is (a part of) the section."""
        return (
            source == self.source
            and self.heading in _plain(passage.heading or passage.content[:200])
            and self.text in _plain(passage.content)
        )


def _plain(text: str) -> str:
    return re.sub(r"[\s*`_|:]+", " ", text).casefold().strip()


@dataclass(frozen=True)
class Question:
    """What somebody asks."""

    collection: str
    language: str
    half: str
    text: str
    answers: tuple[Answer, ...]
    """Any of them will do; none when the documents do not say it."""


def read() -> list[Question]:
    """Return every question, collection by collection."""
    without = itertools.count()
    return [question for file in sorted(FOLDER.glob("*.txt")) for question in _read(file, without)]


def _read(file: Path, without: Iterator[int]) -> Iterator[Question]:
    head, *lines = file.read_text("utf-8").splitlines()
    usual = head.rpartition("Language: ")[2]
    answered = itertools.count()
    for line in filter(None, lines):
        added = line.startswith(ADDED)
        text, _, places = line.removeprefix(ADDED).removeprefix("??").partition("=>")
        language, text = re.match(r"(?:\[(\w+)\])?\s*(.*)", text.strip()).groups()
        answers = tuple(Answer.read(place.strip()) for place in places.split("||") if place.strip())
        half = HALVES[0] if added else HALVES[next(answered if answers else without) % 2]
        yield Question(file.stem, language or usual, half, text, answers)
