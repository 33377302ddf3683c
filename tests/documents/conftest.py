"""A real database file, migrated once and copied for each test, and the fixture documents parsed."""

import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from flowkeys.documents.parser import SubprocessParser
from flowkeys.domain.people.workspace import Workspace
from flowkeys.domain.principal import Caller, operator
from flowkeys.domain.times import SECOND, Clock
from flowkeys.service.documents.collections import CollectionService, DocumentLimits
from flowkeys.storage.sqlite.database import SqliteStore, connect
from flowkeys.storage.sqlite.migrate import upgrade
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables

DATA = Path(__file__).parent / "data"
WORKSPACE = "11111111-1111-4111-8111-111111111111"
ELSEWHERE = "22222222-2222-4222-8222-222222222222"


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its schema and no rows."""
    path = tmp_path_factory.mktemp("schema") / "flowkeys.db"
    upgrade(path)
    with closing(connect(path)) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return path


@pytest.fixture(scope="module")
def tables(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """The tables of a database of the module's own."""
    path = tmp_path_factory.mktemp("tables") / "flowkeys.db"
    path.write_bytes(migrated.read_bytes())
    with closing(connect(path)) as raw:
        raw.execute("INSERT INTO workspace VALUES (?, ?, 0)", (WORKSPACE, WORKSPACE))
        raw.execute("BEGIN")
        yield Tables(Connection(raw))


@pytest.fixture
def database(migrated: Path, tmp_path: Path) -> Path:
    """A database of the test's own."""
    return Path(shutil.copy(migrated, tmp_path / "flowkeys.db"))


@pytest.fixture
async def store(database: Path) -> AsyncIterator[SqliteStore]:
    """A store with two workspaces."""
    opened = SqliteStore(database)
    for workspace_id in (WORKSPACE, ELSEWHERE):
        made = Workspace(workspace_id, f"of {workspace_id}", 0)
        await opened.write(lambda tx, made=made: tx.workspaces.insert(made))
    yield opened
    opened.close()


@pytest.fixture
async def parser() -> AsyncIterator[SubprocessParser]:
    """A parser with limits that tests can reach."""
    made = SubprocessParser(DocumentLimits(seconds=2, pages=5, passages=50, file_bytes=2_000_000))
    yield made
    await made.aclose()


@pytest.fixture
def clock() -> Clock:
    """A clock that goes on by a second each time it is read."""
    ticks = itertools.count(1)
    return lambda: next(ticks) * SECOND


@pytest.fixture
def service(store: SqliteStore, parser: SubprocessParser, clock: Clock) -> CollectionService:
    """The service with real storage and real parsing."""
    return CollectionService(store, parser, clock, DocumentLimits(documents=3, files=4))


@pytest.fixture
def caller() -> Caller:
    """Someone who may do everything in the first workspace."""
    return Caller(operator(WORKSPACE), "192.0.2.7", "request-1")


@pytest.fixture
def fixture_files() -> Iterator[tuple[str, bytes]]:
    """The fixture documents."""
    return ((path.name, path.read_bytes()) for path in sorted(DATA.iterdir()))
