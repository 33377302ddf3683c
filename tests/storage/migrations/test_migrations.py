"""The schema that migrations make is the schema that the code has."""

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.migrations import __file__ as migrations_file
from flowkeys.storage.schema import metadata
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.ddl import FULL_TEXT_PREFIXES


def test_a_new_database_has_every_table_and_index_of_the_schema(tmp_path: Path) -> None:
    """Alembic finds nothing to add to it and nothing to take away."""
    path = tmp_path / "new.db"
    migrate.upgrade(path)
    engine = sqlalchemy.create_engine(f"sqlite:///{path}", poolclass=sqlalchemy.NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _: (
                    not (
                        (kind == "table" and name.startswith(FULL_TEXT_PREFIXES))
                        or (kind == "index" and name == "ix_api_key_expiry")
                    )
                )
            },
        )
        with pytest.warns(sqlalchemy.exc.SAWarning, match="expression-based index"):
            assert compare_metadata(context, metadata) == []


def test_the_head_that_a_start_compares_with_is_the_newest_migration() -> None:
    """A start must not load Alembic to learn it."""
    scripts = ScriptDirectory(str(Path(migrations_file).parent))
    assert scripts.get_current_head() == migrate.HEAD
    assert len(scripts.get_heads()) == 1


def test_upgrading_again_changes_nothing(tmp_path: Path) -> None:
    """It is safe at every start."""
    path = tmp_path / "new.db"
    migrate.upgrade(path)
    before = path.read_bytes()
    migrate.upgrade(path)
    assert path.read_bytes() == before


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """An old program says so and touches nothing."""
    path = tmp_path / "new.db"
    migrate.upgrade(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(ConfigurationError, match="9999"):
        migrate.upgrade(path)
