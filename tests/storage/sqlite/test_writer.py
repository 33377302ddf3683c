"""The one writer: durable, together, and each unit on its own."""

import asyncio
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from flowkeys.domain.errors import InvalidInput, Unavailable
from flowkeys.storage.sqlite.connection import connect, connect_to_write
from flowkeys.storage.sqlite.writer import BATCH, Writer
from flowkeys.storage.statement import Connection
from tests.support.batches import held
from tests.support.waiting import soon


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one table."""
    path = tmp_path / "test.db"
    raw = connect(path)
    raw.execute("CREATE TABLE t (n INTEGER PRIMARY KEY)")
    raw.close()
    return path


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    """A writer that is closed afterwards."""
    writer = Writer(lambda: connect_to_write(path))
    yield writer
    writer.close()


def _insert(n: int):
    def work(connection: Connection) -> int:
        connection.raw.execute("INSERT INTO t VALUES (?)", (n,))
        return n

    return work


def _rows(path: Path) -> list[int]:
    raw = connect(path, read_only=True)
    try:
        return [n for (n,) in raw.execute("SELECT n FROM t ORDER BY n")]
    finally:
        raw.close()


async def test_an_acknowledged_unit_is_committed(writer: Writer, path: Path) -> None:
    """Another connection sees it as soon as the call returns."""
    assert await writer.run(_insert(1)) == 1
    assert _rows(path) == [1]


async def test_a_unit_waits_while_another_process_writes(path: Path) -> None:
    """It asks again, by itself and soon: SQLite would sleep for up to a tenth of a second at a time."""
    asked: list[str] = []

    def traced() -> sqlite3.Connection:
        raw = connect_to_write(path)
        raw.set_trace_callback(asked.append)
        return raw

    writer = Writer(traced)
    with closing(connect_to_write(path)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(writer.run(_insert(1)))
        await soon(lambda: asked.count("BEGIN IMMEDIATE") > 2, "that it asks again")
        other.execute("COMMIT")
        assert await waiting == 1
    writer.close()


async def test_the_failure_of_one_unit_undoes_nothing_of_another(writer: Writer, path: Path) -> None:
    """Units that share a commit are apart: each has its savepoint, its result and its exception."""

    def refuse(connection: Connection) -> None:
        connection.raw.execute("INSERT INTO t VALUES (1000)")
        raise InvalidInput.of("n", "no")

    work = [_insert(n) if n % 3 else refuse for n in range(1, 61)]
    results = await asyncio.gather(*(writer.run(unit) for unit in work), return_exceptions=True)
    assert [r for r in results if isinstance(r, int)] == [n for n in range(1, 61) if n % 3]
    assert sum(isinstance(r, InvalidInput) for r in results) == 20
    assert _rows(path) == [n for n in range(1, 61) if n % 3]


async def test_units_that_wait_share_a_commit(writer: Writer, path: Path) -> None:
    """A hundred at once cost far fewer commits than a hundred."""
    raw = connect(path)
    before = raw.execute("PRAGMA data_version").fetchone()
    commits: list[int] = []

    def counted(connection: Connection) -> None:
        commits.append(connection.raw.total_changes)
        connection.raw.execute("INSERT INTO t VALUES (NULL)")

    traced: list[str] = []

    def trace(connection: Connection) -> None:
        connection.raw.set_trace_callback(traced.append)

    await writer.run(trace)
    tasks = [asyncio.create_task(writer.run(counted)) for _ in range(100)]
    await asyncio.gather(*tasks)
    await writer.run(lambda connection: connection.raw.set_trace_callback(None))
    assert len(commits) == 100
    assert sum(sql == "COMMIT" for sql in traced) < 30
    assert raw.execute("PRAGMA data_version").fetchone() != before
    raw.close()


async def test_what_is_wanted_in_one_round_of_the_loop_is_one_commit(writer: Writer, path: Path) -> None:
    """The first does not go ahead by itself, and what is more than a commit takes is done in the next."""
    traced: list[str] = []
    await writer.run(lambda connection: connection.raw.set_trace_callback(traced.append))
    for count, commits in ((1, 1), (10, 1), (BATCH, 1), (BATCH * 2 + 1, 3)):
        traced.clear()
        made = [writer.run_together(_make, n) for n in range(count)]
        assert writer.waiting == count
        await asyncio.gather(*made)
        assert traced.count("COMMIT") == commits, count
        assert writer.waiting == 0
    assert len(_rows(path)) == 1 + 10 + BATCH * 3 + 1


def _make(connection: Connection, numbers: Sequence[int]) -> None:
    connection.raw.executemany("INSERT INTO t VALUES (NULL)", [() for _ in numbers])


def _insert_all(connection: Connection, numbers: Sequence[int]) -> None:
    connection.raw.executemany("INSERT INTO t VALUES (?)", [(n,) for n in numbers])


async def test_the_same_work_for_many_is_done_once(writer: Writer, path: Path) -> None:
    """Beside units that are apart, in the same commit; the feed is asked for those alone."""
    done: list[list[int]] = []
    told: list[int] = []
    writer.after_commit.append(lambda: told.append(1))

    def work(connection: Connection, numbers: Sequence[int]) -> None:
        done.append(list(numbers))
        _insert_all(connection, numbers)

    await writer.run_together(work, 1000)
    assert (done.pop(), told) == ([1000], [])
    await held(
        writer,
        lambda: [
            asyncio.ensure_future(writer.run(_insert(n)) if n % 10 == 0 else writer.run_together(work, n))
            for n in range(1, 31)
        ],
    )
    assert done == [[n for n in range(1, 31) if n % 10]]
    assert len(told) == 2
    assert _rows(path) == [*range(1, 31), 1000]


async def test_one_that_fails_together_fails_alone(writer: Writer, path: Path) -> None:
    """The others are done nevertheless, each once."""
    await writer.run(_insert(7))
    results = await held(
        writer,
        lambda: [
            *(asyncio.ensure_future(writer.run_together(_insert_all, n)) for n in range(10)),
            asyncio.create_task(writer.run(_insert(10))),
        ],
    )
    assert [n for n, result in enumerate(results) if isinstance(result, sqlite3.IntegrityError)] == [7]
    assert _rows(path) == list(range(11))


async def test_an_outage_is_an_outage(tmp_path: Path) -> None:
    """A database that cannot be opened is `Unavailable`, with the cause, and later units may succeed."""
    attempts = 0

    def failing() -> sqlite3.Connection:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            raise sqlite3.OperationalError("unable to open database file")
        return sqlite3.connect(tmp_path / "late.db", isolation_level=None)

    writer = Writer(failing)
    with pytest.raises(Unavailable) as caught:
        await writer.run(lambda _connection: None)
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    assert await writer.run(lambda _connection: 7) == 7
    writer.close()


async def test_what_waits_when_the_server_stops_is_committed(path: Path) -> None:
    """Closing loses nothing; afterwards nothing is taken."""
    writer = Writer(lambda: connect(path))
    tasks = [asyncio.create_task(writer.run(_insert(n))) for n in range(50)]
    await asyncio.sleep(0)
    await asyncio.to_thread(writer.close)
    await asyncio.gather(*tasks)
    assert _rows(path) == list(range(50))
    with pytest.raises(Unavailable):
        await writer.run(_insert(99))


async def test_sqlite_is_set_up_to_survive_power_loss(path: Path) -> None:
    """WAL, synchronous=FULL and foreign keys, on every connection."""
    raw = connect(path)
    assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert raw.execute("PRAGMA synchronous").fetchone() == (2,)
    assert raw.execute("PRAGMA foreign_keys").fetchone() == (1,)
    raw.close()
