"""CSV and its relatives: whatever separates the values, and whoever wrote it."""

import csv
import io
import itertools
import re
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Final

from flowkeys.documents import rows
from flowkeys.documents.sections import Section

_DELIMITERS: Final = ",;\t|"
_SAMPLE_ROWS: Final = 100
_SAMPLE: Final = 65_536
_EVEN_ENOUGH: Final = 0.5
_SAID: Final = re.compile(r"\A\s*\"?sep=(.)\"?[ \t]*\n", re.IGNORECASE)
_ESCAPED: Final = re.compile(r"""\\"[^,;\t|\n]""")
_DOUBLED: Final = re.compile(r"""\w""|""\w""")
_MOST_LINES: Final = 200
"""Lines of one value; more are a quotation mark that somebody forgot to close."""


def sections(text: str, delimiter: str | None = None) -> list[Section]:
    """Return the rows of a text with their columns' names, as `rows.sections` does.

    The delimiter is what Excel's ``sep=`` line says, else `delimiter` where the rows bear it out, else the
    one of comma, semicolon, tab and bar that divides the rows most evenly.
    """
    csv.field_size_limit(sys.maxsize)
    text = text.lstrip("\ufeff")
    if said := _SAID.match(text):
        return rows.sections(_read(text[said.end() :], said[1]))
    return rows.sections(_read(text, _delimiter(text, delimiter)))


def tab_sections(text: str) -> list[Section]:
    """Return the rows of a text whose name says that tabs divide its values."""
    return sections(text, "\t")


def _delimiter(text: str, preferred: str | None) -> str:
    if preferred is not None and _evenness(text, preferred)[0] >= _EVEN_ENOUGH:
        return preferred
    return max(_DELIMITERS, key=lambda one: _evenness(text, one))


def _evenness(text: str, delimiter: str) -> tuple[float, bool, int]:
    """Return how large a share of the rows have as many values as most, if the first does, and how many."""
    found = list(
        itertools.islice((row for row in _rows(text[:_SAMPLE], delimiter) if any(row)), _SAMPLE_ROWS)
    )
    several = Counter(len(row) for row in found if len(row) > 1)
    if not several:
        return 0.0, False, 1
    columns, times = several.most_common(1)[0]
    return round(times / len(found), 1), len(found[0]) == columns, columns


def _read(text: str, delimiter: str) -> list[list[str]]:
    found = list(_rows(text, delimiter))
    if any(cell.count("\n") > _MOST_LINES for row in found for cell in row):
        found = list(_rows(text, delimiter, quoted=False))
    return found


def _rows(text: str, delimiter: str, *, quoted: bool = True) -> Iterator[list[str]]:
    if not quoted:
        return csv.reader(text.split("\n"), delimiter=delimiter, quoting=csv.QUOTE_NONE)
    escaped = _ESCAPED.search(text) is not None and _DOUBLED.search(text) is None
    return csv.reader(
        io.StringIO(text, newline="\n"),
        delimiter=delimiter,
        skipinitialspace=True,
        escapechar="\\" if escaped else None,
        doublequote=not escaped,
    )
