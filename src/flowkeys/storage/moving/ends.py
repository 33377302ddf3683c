"""What is asked of the database that is copied, and of the one that it is copied to."""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple, Protocol

import msgspec
from sqlalchemy import Table

from flowkeys.domain.limits.process import Process
from flowkeys.storage.moving.values import Row
from flowkeys.storage.sqlite.migrate import HEAD, is_known

PROGRESS: Final = "copy_progress"
"""The table that an unfinished copy has: how far each table is."""
_NAMED: Final = 4
OF_SOURCE: Final = ""
"""Its row that says what is copied, in the place of a position."""
READ_PARTS: Final = f"SELECT name, position, rows FROM {PROGRESS} WHERE name <> ''"  # noqa: S608 - of a constant


class Part(NamedTuple):
    """How far a table was copied."""

    after: tuple[Any, ...]
    """The key of the last row that is there."""
    rows: int


class Source(Protocol):
    """A database as it was at one moment, that of its opening; nothing in it is changed."""

    name: str
    """As people may see it."""
    keeps_nul: bool
    """Whether texts may hold NUL."""

    def processes(self) -> list[Process]:
        """Return the rows of processes that serve it."""

    def count(self, table: Table) -> int:
        """Count the rows of a table."""

    def rows(self, table: Table, after: tuple[Any, ...] | None = None) -> Generator[Row, None, None]:
        """Yield the rows of a table by their keys, those behind `after` or all."""

    def last_number(self, table: Table) -> int:
        """Return the greatest number that was ever given to a row of a table."""

    def has_changed(self) -> bool:
        """Tell whether a key, chatflow, message… was written since that moment."""

    def close(self) -> None:
        """Let go of it."""


class Target(Protocol):
    """An empty database that is filled; until that has ended no server starts on it."""

    name: str
    keeps_nul: bool

    def begin(self, source: str, *, anew: bool) -> Mapping[str, Part]:
        """Begin, or go on with a copy of the same `source` that was interrupted; return how far tables are.

        With `anew` whatever an interrupted one left is thrown away.

        Raises:
            ConfigurationError: it has rows of its own, or what is unfinished there is a copy of another one.
        """

    def add(self, table: Table, rows: Sequence[Row], part: Part) -> None:
        """Add rows and note how far the table is, both or neither.

        Raises:
            ConfigurationError: it cannot keep them.
        """

    def rows(self, table: Table) -> Generator[Row, None, None]:
        """Yield the rows of a table by their keys."""

    def clear(self) -> None:
        """Throw away what was copied, to begin anew."""

    def finish(self, numbers: Mapping[str, int]) -> None:
        """Make it a database like any other; `numbers` are the last ones given out, by table."""

    def close(self) -> None:
        """Let go of it; what is unfinished stays."""


def other_source(target: str, found: str) -> str:
    """Return what is said where an unfinished copy of another database is in the way."""
    return (
        f"In {target} is an unfinished copy of {found}. Finish that with --from {found}, or throw it away "
        "and begin with --anew."
    )


def not_empty(target: str, counts: Sequence[tuple[str, int]]) -> str:
    """Return what is said of a target that is in use."""
    most = sorted(counts, key=lambda each: (-each[1], each[0]))[:_NAMED]
    listed = ", ".join(f"{name} {number}" for name, number in most)
    more = f", and {len(counts) - len(most)} more tables" if len(counts) > len(most) else ""
    return (
        f"{target} has rows of its own ({listed}{more}). Nothing was changed: what is there is never mixed "
        "with something else. Name an empty database."
    )


def unfit(target: str, table: Table, why: str) -> str:
    """Return what is said of a row that a target cannot keep."""
    return (
        f"{target} cannot keep a row of the table {table.name}: {why.rstrip('.')}. Something is wrong with "
        "it in the database that is copied: correct it there, and run this again."
    )


def other_schema(source: str, found: str, how: str) -> str:
    """Return what is said of a source with another schema; `how` brings an older one up to date."""
    if is_known(found):
        return (
            f"{source} has schema {found}, an older version's, and this version has {HEAD}. Make a backup, "
            f"bring it up to date with {how}, and run this again."
        )
    return (
        f"{source} has schema {found}, which this version of flowkeys does not know. Copy it with the "
        "version that made it, or a newer one."
    )


def parts_of(rows: Iterable[tuple[str, str, int]]) -> dict[str, Part]:
    """Return how far tables are, of what `READ_PARTS` reads."""
    return {name: Part(tuple(msgspec.json.decode(after)), number) for name, after, number in rows}
