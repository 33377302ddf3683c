"""A file that is filled: under another name, until it is whole."""

import os
import sqlite3
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec
from sqlalchemy import Table

from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.storage.moving.ends import (
    OF_SOURCE,
    PROGRESS,
    READ_PARTS,
    Part,
    not_empty,
    other_source,
    parts_of,
    unfit,
)
from flowkeys.storage.moving.from_sqlite import count, reading, revision, why
from flowkeys.storage.moving.tables import COPIED, LEFT, listed, selection
from flowkeys.storage.moving.values import Fitting, Row
from flowkeys.storage.sqlite.backups.manifest import sync
from flowkeys.storage.sqlite.backups.replacing import alone
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.sqlite.ddl import KEY_SETS
from flowkeys.storage.sqlite.migrate import HEAD, WHOLE, locked

_MAKE_PROGRESS: Final = f"CREATE TABLE {PROGRESS}(name TEXT PRIMARY KEY, position TEXT, rows INTEGER)"
_WHOSE: Final = f"SELECT position FROM {PROGRESS} WHERE name = ?"  # noqa: S608 - of a constant
_TRIGGERS: Final = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
_DERIVED: Final = (
    # What triggers would have kept while rows came one by one.
    """INSERT INTO key_count(workspace_id, chatflow_id, status, total)
        SELECT workspace_id, '', status, count(*) FROM api_key GROUP BY 1, 3
        UNION ALL SELECT binding.workspace_id, binding.chatflow_id, api_key.status, count(*)
        FROM binding JOIN api_key ON api_key.id = binding.key_id GROUP BY 1, 2, 3""",
    *KEY_SETS[-2:],
    """INSERT INTO key_set(workspace_id, mark, word, bits)
        SELECT workspace_id, 'customer:' || customer_id, seq >> 6, sum(1 << (seq & 63)) FROM api_key
        WHERE customer_id IS NOT NULL GROUP BY 1, 2, 3""",
    "INSERT INTO key_name_fts(key_name_fts) VALUES ('rebuild')",
    "INSERT INTO passage_fts(passage_fts) VALUES ('rebuild')",
)


class SqliteTarget:
    """Implements the port `Target`: a file with another name, until it is whole."""

    keeps_nul = True

    def __init__(self, path: Path) -> None:
        """Fill what is to be the database at `path`.

        Raises:
            ConfigurationError: there is one with rows, or nothing can be written there.
        """
        self.name = str(path)
        self._path = path
        self._made = path.with_name(f".{path.name}.copying")
        if not path.parent.is_dir():
            raise ConfigurationError(
                f"There is no folder {path.parent}. Make it (mkdir -m 700), or name another."
            )
        _require_empty(path)
        self._raw = self._open()

    def begin(self, source: str, *, anew: bool) -> Mapping[str, Part]:
        """See `Target`."""
        found = self._raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
        if found is not None and (anew or not self._is_ours()):
            self.close()
            self._made.unlink()
            self._raw = self._open()
            found = None
        if found is None:
            self._create(source)
        (whose,) = self._raw.execute(_WHOSE, (OF_SOURCE,)).fetchone()
        if whose != source:
            raise ConfigurationError(other_source(self.name, whose))
        return parts_of(self._raw.execute(READ_PARTS).fetchall())

    def add(self, table: Table, rows: Sequence[Row], part: Part) -> None:
        """See `Target`."""
        marks = ", ".join("?" * len(table.columns))
        with self._writing():
            try:
                self._raw.executemany(f'INSERT INTO "{table.name}"({listed(table)}) VALUES ({marks})', rows)  # noqa: S608
            except sqlite3.IntegrityError as error:
                raise ConfigurationError(unfit(self.name, table, str(error))) from error
            position = msgspec.json.encode(part.after).decode()
            self._raw.execute(
                f"INSERT OR REPLACE INTO {PROGRESS} VALUES (?, ?, ?)",  # noqa: S608
                (table.name, position, part.rows),
            )

    def rows(self, table: Table) -> Generator[Row, None, None]:
        """See `Target`."""
        yield from Fitting(table, self.name, keeps_nul=True)(self._raw.execute(selection(table, "?", None)))

    def clear(self) -> None:
        """See `Target`."""
        with self._writing():
            for table in reversed(COPIED):
                self._raw.execute(f'DELETE FROM "{table.name}"')  # noqa: S608
            self._raw.execute(f"DELETE FROM {PROGRESS} WHERE name <> ''")  # noqa: S608

    def finish(self, numbers: Mapping[str, int]) -> None:
        """See `Target`."""
        with self._writing():
            for statement in (*_DERIVED, *(sql for _, sql in _triggers())):
                self._raw.execute(statement)
            for name, number in numbers.items():
                self._go_on_from(name, number)
            self._raw.execute(f"DROP TABLE {PROGRESS}")
        self._raw.execute("PRAGMA optimize=0x10002")
        self.close()
        sync(self._made)
        with locked(self._path):
            _require_empty(self._path)
            with alone(self._path):
                for end in ("-wal", "-shm", "-journal"):
                    Path(f"{self._path}{end}").unlink(missing_ok=True)
                self._made.replace(self._path)
                sync(self._path.parent)

    def close(self) -> None:
        """See `Target`."""
        self._raw.close()

    def _open(self) -> sqlite3.Connection:
        """Open the unfinished file alone; that of a copy that was killed is put right by SQLite."""
        try:
            with suppress(FileExistsError):
                os.close(os.open(self._made, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
            raw = sqlite3.connect(self._made, isolation_level=None, timeout=0)
        except (OSError, sqlite3.Error) as error:
            raise ConfigurationError(f"{self.name} cannot be made: {why(self._made, error)}") from error
        try:
            for pragma in ("locking_mode=EXCLUSIVE", "foreign_keys=ON", "synchronous=FULL"):
                raw.execute(f"PRAGMA {pragma}")
            raw.execute("BEGIN EXCLUSIVE")
            raw.execute("COMMIT")
        except sqlite3.Error as error:
            raw.close()
            if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
                raise ConfigurationError(f"Another copy to {self.name} is under way.") from error
            raise ConfigurationError(
                f"{self._made}, which an interrupted copy left, cannot be used: {error}. Delete it, and run "
                "this again."
            ) from error
        return raw

    def _is_ours(self) -> bool:
        """Tell whether what an earlier run left can be gone on with: it was begun, and by this version."""
        begun = self._raw.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (PROGRESS,)).fetchone()
        return begun is not None and revision(self._raw) == HEAD

    def _create(self, source: str) -> None:
        _, _, statements = WHOLE.read_text("utf-8").partition("\n")
        try:
            self._raw.executescript(f"BEGIN;\n{statements}COMMIT;")
            with self._writing():
                # They would count, and tell of, what is copied with what they wrote.
                for name, _ in self._raw.execute(_TRIGGERS).fetchall():
                    self._raw.execute(f'DROP TRIGGER "{name}"')
                self._raw.execute(_MAKE_PROGRESS)
                self._raw.execute(f"INSERT INTO {PROGRESS} VALUES (?, ?, 0)", (OF_SOURCE, source))  # noqa: S608
        except sqlite3.Error as error:
            raise ConfigurationError(f"{self.name} cannot be made: {why(self._made, error)}") from error

    def _go_on_from(self, name: str, number: int) -> None:
        """Have rows numbered behind `number`, where SQLite keeps such a number."""
        sql = self._raw.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()
        if number and sql and "AUTOINCREMENT" in sql[0]:
            self._raw.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
            self._raw.execute("INSERT INTO sqlite_sequence(name, seq) VALUES (?, ?)", (name, number))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            self._raw.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._raw.execute("COMMIT")
            except BaseException:
                if self._raw.in_transaction:
                    self._raw.execute("ROLLBACK")
                raise
        except sqlite3.Error as error:
            raise Unavailable(
                f"{self.name} cannot be written: {why(self._made, error)} What is there stays: run this "
                "again, and it goes on."
            ) from error


def _triggers() -> list[tuple[str, str]]:
    _, _, statements = WHOLE.read_text("utf-8").partition("\n")
    with closing(sqlite3.connect(":memory:")) as raw:
        raw.executescript(statements)
        return raw.execute(_TRIGGERS).fetchall()


def _require_empty(path: Path) -> None:
    """Raise `ConfigurationError` where a database is that anybody would miss."""
    if not path.exists():
        return
    with reading(path), closing(connect(path, read_only=True)) as raw:
        if revision(raw) is None:
            if raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                raise ConfigurationError(f"{path} is a database, and none of flowkeys. Name another file.")
            return
        there = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        names = [name for name in (*(table.name for table in COPIED), *LEFT) if name in there]
        counts = [(name, number) for name in names if (number := count(raw, name))]
    if counts:
        raise ConfigurationError(not_empty(str(path), counts))
