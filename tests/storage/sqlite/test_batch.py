"""What units put off: written together, seen by whoever reads, and undone with its unit alone."""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from flowkeys import bootstrap
from flowkeys.config import load
from flowkeys.domain.errors import InvalidInput, Unavailable
from flowkeys.domain.principal import Caller, operator
from flowkeys.service.keys.input import NewKey
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.sqlite.writer import Writer
from flowkeys.storage.statement import Connection, Statement
from tests.support.audit import assert_whole
from tests.support.batches import held

_ALL = Statement(text("SELECT n FROM t ORDER BY n"))
_OTHER = Statement(text("SELECT n FROM other WHERE n > :least"), apart=True)

Work = Callable[[Connection], Any]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with two tables."""
    path = tmp_path / "test.db"
    raw = connect(path)
    raw.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    raw.execute("CREATE TABLE other (n INTEGER PRIMARY KEY)")
    raw.close()
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    """A writer that is closed afterwards."""
    writer = Writer(lambda: connect(path))
    yield writer
    writer.close()


class _Log:
    """What was written at once."""

    def __init__(self) -> None:
        self.written: list[list[int]] = []

    def write(self, connection: Connection, numbers: Sequence[int]) -> None:
        """Insert numbers."""
        self.written.append(list(numbers))
        connection.raw.executemany("INSERT INTO t VALUES (?)", [(n,) for n in numbers])

    def adding(self, *numbers: int, error: Exception | None = None) -> Work:
        """Return work that puts off these numbers, and then may fail."""

        def work(connection: Connection) -> str:
            for n in numbers:
                connection.put_off(self.write, n)
            if error is not None:
                raise error
            return f"{numbers}"

        return work


@pytest.fixture
def log() -> _Log:
    """An empty log."""
    return _Log()


async def _together(writer: Writer, *units: Work) -> list[Any]:
    return await held(writer, lambda: [asyncio.ensure_future(writer.run(unit)) for unit in units])


def _rows(path: Path) -> list[int]:
    raw = connect(path, read_only=True)
    try:
        return [n for (n,) in raw.execute("SELECT n FROM t ORDER BY n")]
    finally:
        raw.close()


def _numbers(connection: Connection) -> list[int]:
    return [n for (n,) in connection.rows(_ALL)]


async def test_what_units_put_off_is_written_once(writer: Writer, path: Path, log: _Log) -> None:
    """For all of them, in their order; of one that fails nothing, and one by itself puts nothing off."""
    assert await writer.run(log.adding(100)) == "(100,)"
    assert log.written == [[100]]
    refused = InvalidInput.of("n", "no")
    found = await _together(
        writer, log.adding(3, 1), log.adding(7, error=refused), log.adding(), log.adding(2)
    )
    assert found == ["(3, 1)", refused, "()", "(2,)"]
    assert log.written[1:] == [[3, 1, 2]]
    assert _rows(path) == [1, 2, 3, 100]


async def test_whoever_reads_sees_what_was_put_off(writer: Writer, path: Path, log: _Log) -> None:
    """What it put off itself, and the units before it, whose rows stay when it fails."""

    def reading(connection: Connection) -> list[int]:
        connection.put_off(log.write, 4)
        return _numbers(connection)

    def failing(connection: Connection) -> None:
        connection.put_off(log.write, 5)
        assert _numbers(connection) == [1, 2, 4, 5, 6]
        connection.put_off(log.write, 8)
        raise InvalidInput.of("n", "no")

    found = await _together(
        writer, log.adding(1, 2), reading, log.adding(6), failing, _numbers, log.adding(9)
    )
    assert isinstance(found.pop(3), InvalidInput)
    assert found == ["(1, 2)", [1, 2, 4], "(6,)", [1, 2, 4, 6], "(9,)"]
    assert _rows(path) == [1, 2, 4, 6, 9]


async def test_one_that_is_at_fault_fails_alone(writer: Writer, path: Path, log: _Log) -> None:
    """Also when it shows only at the end, where its rows are written with those of others."""
    await writer.run(log.adding(7))

    def at_once(connection: Connection) -> None:
        connection.put_off(log.write, 20)
        _numbers(connection)
        connection.put_off(log.write, 7)

    found = await _together(
        writer, log.adding(1), log.adding(2, 7), log.adding(3), at_once, log.adding(4), log.adding(21, 7)
    )
    assert [isinstance(each, sqlite3.IntegrityError) for each in found] == [
        False,
        True,
        False,
        True,
        False,
        True,
    ]
    assert _rows(path) == [1, 3, 4, 7]


async def test_what_is_asked_of_other_tables_is_asked_once(writer: Writer, log: _Log) -> None:
    """Nothing is written for it, and it is asked again once something else was done, or undone."""
    traced: list[str] = []
    await writer.run(lambda connection: connection.raw.set_trace_callback(traced.append))
    numbers = count()

    def asking(least: int) -> Work:
        def work(connection: Connection) -> list[int]:
            connection.put_off(log.write, next(numbers))
            return [n for (n,) in connection.rows(_OTHER, {"least": least})]

        return work

    def changing(connection: Connection) -> None:
        connection.raw.execute("INSERT INTO other VALUES (5)")

    def undone(connection: Connection) -> None:
        connection.raw.execute("INSERT INTO other VALUES (6)")
        assert connection.row(_OTHER, {"least": 5}) == (6,)
        raise InvalidInput.of("n", "no")

    found = await _together(writer, asking(1), asking(2), asking(1), asking(3))
    assert found == [[], [], [], []]
    asked = [sql for sql in traced if "FROM other" in sql]
    assert len(asked) == 3
    assert not any("SAVEPOINT unit" in sql for sql in traced)
    found = await _together(writer, asking(4), changing, asking(5), asking(4), undone, asking(5))
    assert isinstance(found.pop(4), InvalidInput)
    assert found == [[], None, [], [5], []]


async def test_an_outage_undoes_all_of_them(writer: Writer, path: Path, log: _Log) -> None:
    """Whoever's rows were about to be written: nothing is committed, nobody is told that it was."""

    def out(_connection: Connection, _items: Sequence[int]) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    def swallowing(connection: Connection) -> None:
        try:
            _numbers(connection)
        except sqlite3.Error:
            connection.put_off(log.write, 3)

    for last in (log.adding(2), _numbers, swallowing):
        found = await _together(
            writer, log.adding(1), lambda connection: connection.put_off(out, 0), last, log.adding(4)
        )
        assert all(isinstance(each, Unavailable) for each in found), last
        assert _rows(path) == []
    assert await writer.run(log.adding(1)) == "(1,)"


async def test_many_keys_are_made_by_few_statements(tmp_path: Path) -> None:
    """Twenty at once: sixteen rows and four, of each table; policy and webhooks are looked up once."""
    runtime = await bootstrap.open_runtime(load(data_dir=tmp_path))
    caller = Caller(operator((await runtime.workspaces.default()).id))
    before = assert_whole(tmp_path)
    traced: list[str] = []
    writer = runtime.store.writer
    await writer.run(lambda connection: connection.raw.set_trace_callback(traced.append))
    found = await held(
        writer,
        lambda: [
            asyncio.ensure_future(runtime.keyring.create(caller, NewKey(name=f"{n}"))) for n in range(20)
        ],
    )
    kept = [await runtime.keyring.get(caller, each.key.id) for each in found]
    await runtime.close()
    assert kept == [each.key for each in found]
    assert assert_whole(tmp_path) == before + 20
    for table in ("api_key", "token", "change", "audit"):
        assert len({sql for sql in traced if sql.startswith(f"INSERT INTO {table} ")}) == 2, table
    for table in ("policy", "webhook"):
        assert sum(f"FROM {table} \n" in sql for sql in traced) == 1, table
    assert not any("SAVEPOINT unit" in sql for sql in traced)
