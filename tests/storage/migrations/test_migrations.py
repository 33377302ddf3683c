"""The schema that migrations make is the schema that the code has."""

import sqlite3
from contextlib import closing
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
from flowkeys.storage.sqlite.connection import connect
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


def test_a_new_database_is_made_as_all_migrations_make_it(tmp_path: Path) -> None:
    """At once, and with the same statements in the same order, and the same rows."""
    migrate.migrate(tmp_path / "migrated.db")
    migrate.upgrade(tmp_path / "new.db")
    migrated, new = (_contents(tmp_path / name) for name in ("migrated.db", "new.db"))
    assert new == migrated


def _contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return what a database says of its schema, and the rows of every table but those that FTS5 keeps."""
    with closing(connect(path)) as raw:
        asked = {"": "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid"}
        asked |= {name: f"PRAGMA {name}" for name in ("user_version", "application_id", "encoding")}
        tables = raw.execute(
            "SELECT name FROM pragma_table_list WHERE type = 'table' AND name <> 'sqlite_schema'"
        )
        asked |= {name: f"SELECT * FROM {name}" for (name,) in tables}
        return {name: raw.execute(sql).fetchall() for name, sql in asked.items()}


def test_a_new_database_needs_no_alembic(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has something in it does, and so does one of a schema that was not written down yet."""
    asked: list[str] = []
    monkeypatch.setattr(migrate, "migrate", lambda path: asked.append(path.name))
    migrate.upgrade(tmp_path / "new.db")
    with closing(connect(tmp_path / "other.db")) as raw:
        raw.execute("CREATE TABLE somebodys (n INTEGER)")
    migrate.upgrade(tmp_path / "other.db")
    assert asked == ["other.db"]
    monkeypatch.setattr(migrate, "HEAD", "9999")
    migrate.upgrade(tmp_path / "later.db")
    assert asked == ["other.db", "later.db"]


def test_a_schema_that_fails_halfway_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is one transaction, and the error says which database."""
    broken = tmp_path / "schema.sql"
    broken.write_text(migrate.WHOLE.read_text("utf-8") + "INSERT INTO nowhere VALUES (1);\n", "utf-8")
    monkeypatch.setattr(migrate, "WHOLE", broken)
    with pytest.raises(ConfigurationError, match=r"new\.db cannot be brought up to date: no such table"):
        migrate.upgrade(tmp_path / "new.db")
    assert migrate.revision(tmp_path / "new.db") is None


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
