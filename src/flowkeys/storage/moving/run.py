"""A copy from beginning to end."""

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any, Final, NamedTuple

from sqlalchemy import Table

from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.moving.ends import Part, Source, Target
from flowkeys.storage.moving.tables import COPIED, NUMBERED, key_of
from flowkeys.storage.moving.values import Content, Fitting, Row, content

Progress = Callable[[str, int, int], None]
"""Is told what is done now, how many rows of it are done, and how many there are."""

ROWS: Final = 5000
"""Committed together, with how far the table is; less where they are large."""
CHARACTERS: Final = 8_000_000
"""So many in the texts of rows that are committed together, at about."""


class Copied(NamedTuple):
    """What was copied."""

    tables: dict[str, Content]
    resumed: int
    """Rows that an earlier run had left."""
    began_anew: bool
    """Whether what an earlier run had left was thrown away, since the source had changed meanwhile."""
    replaced: int
    """Texts that held NUL."""


def copy(source: Source, target: Target, progress: Progress, *, snapshot: bool, anew: bool) -> Copied:
    """Copy every table, compare both, and make the target a database like any other.

    Unless a `snapshot` is wanted, what was written to the source meanwhile ends it.

    Raises:
        ConfigurationError: saying what is in the way.
        Unavailable: a database is away; what is there stays, and another run goes on.
    """
    parts = dict(target.begin(source.name, anew=anew))
    resumed = sum(part.rows for part in parts.values())
    counts = {table.name: source.count(table) for table in COPIED}
    run = _Run(source, target, progress, counts)
    run.copy_all(parts)
    tables, wrong = run.compare()
    began_anew = bool(wrong and resumed)
    if began_anew:  # what an earlier run copied is not what is there now
        target.clear()
        run.copy_all({})
        tables, wrong = run.compare()
    if wrong:
        raise ConfigurationError(
            f"What {target.name} has read back is not what was written, in the tables {', '.join(wrong)}. Is "
            "something else writing there? Run it again with --anew."
        )
    if not snapshot and source.has_changed():
        raise ConfigurationError(
            f"{source.name} was written to while it was copied, so the copy lacks that. Stop the servers, "
            "commands and programs that use it, and run this again: it goes on, and copies anew what differs."
        )
    target.finish({table.name: source.last_number(table) for table in NUMBERED})
    return Copied(tables, 0 if began_anew else resumed, began_anew, run.replaced)


class _Run:
    def __init__(self, source: Source, target: Target, progress: Progress, counts: dict[str, int]) -> None:
        self._source = source
        self._target = target
        self._progress = progress
        self._counts = counts
        self._all = sum(counts.values())
        self.replaced = 0

    def copy_all(self, parts: dict[str, Part]) -> None:
        """Copy all tables from where each is."""
        done = 0
        self.replaced = 0
        for table in COPIED:
            self._copy(table, parts.get(table.name), done)
            done += self._counts[table.name]

    def compare(self) -> tuple[dict[str, Content], list[str]]:
        """Read all tables of both; return what is in them, and the names of those that differ."""
        found: dict[str, Content] = {}
        wrong = []
        done = 0
        for table in COPIED:

            def tell(number: int, base: int = done, name: str = table.name) -> None:
                self._progress(f"Comparing {name}", base + number, 2 * self._all)

            with closing(self._source.rows(table)) as rows:
                there = content(self._fitting(table)(rows), tell)
            done += there.rows
            with closing(self._target.rows(table)) as rows:
                here = content(rows, lambda _: None)
            done += here.rows
            found[table.name] = here
            if there != here:
                wrong.append(table.name)
        return found, wrong

    def _fitting(self, table: Table) -> Fitting:
        return Fitting(table, self._source.name, keeps_nul=self._target.keeps_nul)

    def _copy(self, table: Table, part: Part | None, done: int) -> None:
        key = key_of(table)
        number = 0 if part is None else part.rows
        fitting = self._fitting(table)
        with closing(self._source.rows(table, None if part is None else part.after)) as rows:
            for some in _batches(fitting(rows)):
                number += len(some)
                self._target.add(table, some, Part(tuple(some[-1][place] for place in key), number))
                self._progress(f"Copying {table.name}", min(done + number, self._all), self._all)
        self.replaced += fitting.replaced


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    some: list[Row] = []
    size = 0
    for row in rows:
        some.append(row)
        size += sum(_size(value) for value in row)
        if len(some) >= ROWS or size >= CHARACTERS:
            yield some
            some, size = [], 0
    if some:
        yield some


def _size(value: Any) -> int:
    return len(value) if isinstance(value, str | bytes) else 8
