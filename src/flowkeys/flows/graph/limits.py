"""How much of one flow is read, so that no flowData costs more than about a second to check.

What an author could want is far below these limits. What is above them is a problem in words, found before
the work is done.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from flowkeys.flows.graph.html import is_html

TEXT_CHARACTERS: Final = 200_000
HTML_CHARACTERS: Final = 50_000
HTML_IN_ALL: Final = 500_000
REFERENCES: Final = 20_000
TAGS: Final = 20_000
ROWS: Final = 10_000
PROBLEMS: Final = 20
PROBLEM_CHARACTERS: Final = 500
_LABELS: Final = 5


class Allowance:
    """What is left for the texts and rows of one flow."""

    def __init__(self) -> None:
        self._references = REFERENCES
        self._html = HTML_IN_ALL
        self._tags = TAGS
        self._rows = ROWS

    def refuse_text(self, text: str) -> str | None:
        """Return why a text is not made into a template, or None."""
        if len(text) > TEXT_CHARACTERS:
            return f"a text is longer than {TEXT_CHARACTERS:,} characters."
        self._references -= text.count("{{")
        if self._references < 0:
            return f"the texts up to here have more than {REFERENCES:,} variables."
        if is_html(text):
            if len(text) > HTML_CHARACTERS:
                return (
                    f"a text in HTML is longer than {HTML_CHARACTERS:,} characters; Markdown may be longer."
                )
            self._html -= len(text)
            self._tags -= text.count("<") + text.count("&")
            if self._html < 0:
                return f"the texts in HTML up to here have more than {HTML_IN_ALL:,} characters."
            if self._tags < 0:
                return f"the texts in HTML up to here have more than {TAGS:,} tags."
        return None

    def refuse_rows(self, count: int) -> str | None:
        """Return why a list is not read, or None."""
        self._rows -= count
        return None if self._rows >= 0 else f"the lists up to here have more than {ROWS:,} entries."


def together(problems: Iterable[tuple[str, str]]) -> list[str]:
    """Return what is wrong with nodes, given as (label, problem) pairs; the same of several is said once."""
    labels: dict[str, dict[str, None]] = {}
    for label, problem in problems:
        labels.setdefault(problem, {})[label] = None
    return [f"{_listed([*of])}: {problem}" for problem, of in labels.items()]


def _listed(labels: Sequence[str]) -> str:
    shown = (
        labels if len(labels) <= _LABELS else (*labels[: _LABELS - 1], f"{len(labels) - _LABELS + 1} more")
    )
    return " and ".join((", ".join(shown[:-1]), shown[-1])) if len(shown) > 1 else shown[0]


def few(problems: Sequence[str]) -> tuple[str, ...]:
    """Return the first problems, none of them longer than people read, and how many more there are."""
    shown = tuple(
        text if len(text) <= PROBLEM_CHARACTERS else f"{text[:PROBLEM_CHARACTERS]}…"
        for text in problems[:PROBLEMS]
    )
    more = len(problems) - len(shown)
    return (*shown, f"There are {more:,} more problems.") if more > 0 else shown
