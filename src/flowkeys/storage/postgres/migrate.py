"""Bringing the schema of a PostgreSQL database up to date."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg

from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.postgres.connecting import connect, named, why_not
from flowkeys.storage.sqlite.migrate import HEAD, refusal

_FOLDER: Final = Path(__file__).parents[1] / "migrations"
_ONE_AT_A_TIME: Final = 0x666C6F776B657973
"""The lock of whoever changes the schema: the letters of our name, as no other program will have it."""
COPYING: Final = "copying"
"""The revision of a database that is being filled by ``flowkeys copy``: no version starts on it."""
LEAST_VERSION: Final = 130000
"""Of the server: numbers of transactions that do not begin anew came with 13."""


def revision(connection: psycopg.Connection[Any]) -> str | None:
    """Return the revision of the schema, or None when there is none yet."""
    if connection.execute("SELECT to_regclass('alembic_version')").fetchone() == (None,):
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return row[0] if row else None


def found(url: str) -> str | None:
    """Return the revision of a database's schema, or None when it has none yet.

    Raises:
        ConfigurationError: the database cannot be used.
    """
    try:
        with connect(url) as connection:
            return revision(connection)
    except psycopg.Error as error:
        raise ConfigurationError(why_not(url, error)) from error


def upgrade(url: str, *, may_change: bool = True) -> None:
    """Create or upgrade the schema; quick with nothing to do. Of several processes one does it.

    Raises:
        ConfigurationError: the database cannot be used, was made by a newer version of flowkeys, or is an
            older one's and may not be changed.
    """
    try:
        with connect(url) as connection:
            if revision(connection) == HEAD:
                return
            _require_whole(url, connection)
            if not may_change:
                raise ConfigurationError(refusal(_named(url), revision(connection)))
            _check(url, connection)
            with connection.transaction():
                # Of the transaction, so that it holds behind a pooler too. Nobody works in an old schema
                # meanwhile that has to be quick, so it may take its time.
                connection.execute("SET LOCAL statement_timeout = 0")
                connection.execute("SELECT pg_advisory_xact_lock(%s)", (_ONE_AT_A_TIME,))
                _upgrade_alone(url, connection)
    except psycopg.Error as error:
        raise ConfigurationError(why_not(url, error)) from error


def _upgrade_alone(url: str, connection: psycopg.Connection[Any]) -> None:
    current = revision(connection)
    if current == HEAD:
        return
    _require_whole(url, connection)
    if current is None:
        _create(connection)
        return
    if not list((_FOLDER / "versions").glob(f"{current}_*.py")):
        raise ConfigurationError(
            f"{_named(url)} has schema {current}, which this version of flowkeys does not know. "
            "Use the version that made it, or a newer one."
        )
    _migrate(connection)


def _require_whole(url: str, connection: psycopg.Connection[Any]) -> None:
    if revision(connection) == COPYING:
        raise ConfigurationError(unfinished(url))


def unfinished(url: str) -> str:
    """Return what is said of a database that is being filled."""
    return (
        f"{_named(url)} is the target of a flowkeys copy that has not ended. Run that again, and it goes on."
    )


def _create(connection: psycopg.Connection[Any]) -> None:
    from flowkeys.storage.postgres.schema import statements

    connection.execute(";\n".join(statements(HEAD)))


def _migrate(connection: psycopg.Connection[Any]) -> None:
    """Run one migration after the other, in the transaction that is open."""
    import sqlalchemy
    from alembic import command
    from alembic.config import Config

    logging.getLogger("alembic").setLevel(logging.WARNING)
    engine = sqlalchemy.create_engine(
        "postgresql+psycopg://", creator=lambda: connection, poolclass=sqlalchemy.StaticPool
    )
    config = Config()
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    with _kept_open(connection), engine.connect() as opened:
        config.attributes["connection"] = opened
        command.upgrade(config, "head")


@contextmanager
def _kept_open(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Leave the transaction to whoever began it: SQLAlchemy rolls back when it first sees a connection."""
    own = vars(connection)
    own["commit"] = own["rollback"] = _nothing
    try:
        yield
    finally:
        del own["commit"], own["rollback"]


def _nothing() -> None:
    pass


def _check(url: str, connection: psycopg.Connection[Any]) -> None:
    if connection.info.server_version < LEAST_VERSION:
        raise ConfigurationError(
            f"{_named(url)} is on a server of version {connection.info.server_version // 10000}. "
            f"Use {LEAST_VERSION // 10000} or a newer one."
        )
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise ConfigurationError(
            f"{_named(url)} keeps its texts in {encoding}. Make it with ENCODING 'UTF8' TEMPLATE template0."
        )


def _named(url: str) -> str:
    return f"The database {named(url)}"
