"""The differences that are meant: the rows of a table in docs/flowise.md, read from there."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import msgspec

DOCUMENT = Path(__file__).parents[2] / "docs" / "flowise.md"
HEADING = "## Different on purpose"
_CODE = re.compile(r"`([^`]+)`")


class Row(msgspec.Struct, frozen=True):
    """A difference with the members and events that it is about."""

    letter: str
    patterns: Sequence[str]


@cache
def rows() -> Mapping[str, Row]:
    """Return the rows by their letters.

    The last column names what differs: ``/body/sessionId`` is a member of an answer, ``/events/token`` the
    event, ``/events/error/data`` a member of it, ``/asked/stream`` a member of what models are asked; ``*``
    stands for anything up to the next slash.
    """
    _, _, rest = DOCUMENT.read_text("utf-8").partition(f"\n{HEADING}\n")
    assert rest, f"{DOCUMENT.name} has no heading {HEADING!r}"
    found = {}
    for line in rest.split("\n## ")[0].splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if not line.startswith("|") or len(cells[0]) != 1:
            continue
        patterns = _CODE.findall(cells[-1])
        assert all(pattern.strip("/*").count("/") or pattern in {"/status", "/body"} for pattern in patterns)
        found[cells[0]] = Row(cells[0], patterns)
    return found


def matches(pattern: str, pointer: str) -> bool:
    """Tell whether a pattern stands for a pointer, or for something around it."""
    wanted, given = pattern.split("/"), pointer.split("/")
    return len(wanted) <= len(given) and all(w in {"*", g} for w, g in zip(wanted, given, strict=False))
