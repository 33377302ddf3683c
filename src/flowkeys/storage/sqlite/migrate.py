"""Bringing a database's schema up to date."""

import fcntl
import logging
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.sqlite.access import hindrance
from flowkeys.storage.sqlite.connection import connect

HEAD: Final = "0034"
"""The newest migration (a test compares it with the folder), so that a start need not load Alembic."""

WHOLE: Final = Path(__file__).with_name("schema.sql")
"""What all migrations make, with the newest in its first line: `scripts/write_schema.py` writes it."""
_FOLDER: Final = Path(__file__).parents[1] / "migrations"


def revision(path: Path) -> str | None:
    """Return the revision of a database file, or None when it has no schema yet."""
    with closing(connect(path)) as raw:
        try:
            row = raw.execute("SELECT version_num FROM alembic_version").fetchone()
        except sqlite3.OperationalError:
            return None
    return row[0] if row else None


def found(path: Path) -> str | None:
    """Return the revision of a database file, or None when it has no schema yet.

    Raises:
        ConfigurationError: the file cannot be opened.
    """
    try:
        return revision(path)
    except sqlite3.Error as error:
        raise ConfigurationError(_cannot(path, error)) from error


def upgrade(path: Path, *, may_change: bool = True) -> None:
    """Create or upgrade the schema of the database at `path`; quick for a new one, and with nothing to do.

    Raises:
        ConfigurationError: the file cannot be opened, was made by a newer version of flowkeys, or is an
            older one's and may not be changed.
    """
    current = None if not may_change and not path.exists() else found(path)
    if current == HEAD:
        return
    if not may_change:
        raise ConfigurationError(refusal(f"The database {path}", current))
    try:
        _upgrade_alone(path)
    except OSError as error:  # the file of the lock
        raise ConfigurationError(_cannot(path, error)) from error


def refusal(database: str, current: str | None) -> str:
    """Return what is said of a schema that may not be changed."""
    has = "no schema yet" if current is None else f"schema {current}, and this version has {HEAD}"
    return f"{database} has {has}. FLOWKEYS_MIGRATE is false, so nothing was changed. Run: flowkeys migrate"


def _cannot(path: Path, error: Exception) -> str:
    return f"The database {path} cannot be opened: {hindrance(path) or f'{error}.'}"


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Keep others from making, migrating or restoring the database at `path` meanwhile: they wait."""
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two processes that start at once must not both migrate
        yield


def _upgrade_alone(path: Path) -> None:
    with locked(path):
        current = revision(path)
        if current == HEAD:
            return
        if current is not None and not is_known(current):
            raise ConfigurationError(
                f"The database {path} has schema {current}, which this version of flowkeys does not know. "
                "Use the version that made it, or a newer one."
            )
        if not _create(path):
            migrate(path)


def is_known(revision: str) -> bool:
    """Tell whether a revision is this version's, or an older one's."""
    return bool(list((_FOLDER / "versions").glob(f"{revision}_*.py")))


def _create(path: Path) -> bool:
    """Make the schema of a new database at once, without Alembic; return False when there is more to do.

    Migration after migration takes a quarter of a second.
    """
    first, _, statements = WHOLE.read_text("utf-8").partition("\n")
    if first != f"-- {HEAD}":
        return False
    try:
        with closing(connect(path)) as raw:
            if raw.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
                return False
            raw.executescript(f"BEGIN IMMEDIATE;\n{statements}COMMIT;")
    except sqlite3.Error as error:
        raise ConfigurationError(_not_up_to_date(path, error)) from error
    return True


def _not_up_to_date(path: Path, error: Exception) -> str:
    why = hindrance(path) or f"{getattr(error, 'orig', None) or error}."
    return f"The database {path} cannot be brought up to date: {why}"


def migrate(path: Path) -> None:
    """Run one migration after the other, from whichever the database has."""
    import sqlalchemy
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = sqlalchemy.create_engine(
        "sqlite://", creator=lambda: connect(path), poolclass=sqlalchemy.NullPool
    )
    # The driver's connection begins nothing by itself, so that the schema changes as one transaction.
    sqlalchemy.event.listen(engine, "begin", lambda conn: conn.exec_driver_sql("BEGIN IMMEDIATE"))
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except (sqlalchemy.exc.OperationalError, sqlite3.OperationalError) as error:
        raise ConfigurationError(_not_up_to_date(path, error)) from error
    finally:
        engine.dispose()
