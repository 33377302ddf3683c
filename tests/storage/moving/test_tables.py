"""That no table is forgotten when a database is copied."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.moving import run
from flowkeys.storage.moving.from_postgres import PostgresSource
from flowkeys.storage.moving.from_sqlite import SqliteSource
from flowkeys.storage.moving.run import Copied, copy
from flowkeys.storage.moving.tables import COPIED, LEFT
from flowkeys.storage.moving.to_postgres import PostgresTarget
from flowkeys.storage.moving.to_sqlite import SqliteTarget
from flowkeys.storage.sqlite.connection import connect
from tests.storage.moving.rows import fill
from tests.support.postgres import Postgres
from tests.support.template import empty_database

OWN = {
    "sqlite": {"alembic_version", "sqlite_sequence", "sqlite_stat1", "sqlite_stat4"},
    "postgres": {
        "key_bits",
        "key_unread",
        "key_expired",
        "key_version",
        "alembic_version",
        "audit_unsealed",
        "audit_end",
        "write_turn",
    },
}
"""Tables that hold nothing to be copied: what they say is carried over in another way, or made anew."""


@pytest.fixture
def full(tmp_path: Path) -> Path:
    """A file with rows in every table."""
    path = tmp_path / "full.db"
    path.write_bytes(empty_database())
    with closing(connect(path)) as raw:
        found = fill(raw)
    assert all(found.values()), found
    return path


@pytest.fixture
def url(postgres: Postgres) -> Iterator[str]:
    """A database of PostgreSQL's with our schema and nothing in it, which nobody takes behind it."""
    found = postgres.take()
    yield found
    postgres.drop(found)


def to_postgres(path: Path, url: str, **asked: bool) -> Copied:
    """Copy a file to PostgreSQL."""
    with closing(SqliteSource(path)) as source, closing(PostgresTarget(url)) as target:
        return copy(source, target, lambda *_: None, **{"snapshot": False, "anew": False, **asked})


def to_sqlite(url: str, path: Path, **asked: bool) -> Copied:
    """Copy from PostgreSQL to a file."""
    with closing(PostgresSource(url)) as source, closing(SqliteTarget(path)) as target:
        return copy(source, target, lambda *_: None, **{"snapshot": False, "anew": False, **asked})


def everything(path: Path, *, without: tuple[str, ...] = ()) -> dict[str, list[tuple]]:
    """Return all that is in a file, what triggers keep and what is searched included."""
    with closing(connect(path, read_only=True)) as raw:
        names = [
            name
            for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
            if not name.startswith(("passage_fts", "key_name_fts", "sqlite_stat")) and name not in without
        ]
        found = {name: sorted(raw.execute(f'SELECT * FROM "{name}"'), key=repr) for name in names}
        found["key_count"] = [row for row in found["key_count"] if row[-1]]
        for name, query in (("key_name_fts", "api"), ("passage_fts", "passage")):
            matched = f"SELECT rowid FROM {name} WHERE {name} MATCH '\"{query}\"' ORDER BY rowid"
            found[name] = raw.execute(matched).fetchall()
        return found


def of(url: str, query: str) -> list[tuple]:
    """Ask PostgreSQL."""
    with psycopg.connect(url) as raw:
        return raw.execute(query).fetchall()


def test_every_table_of_both_databases_is_copied_or_known(full: Path, url: str) -> None:
    """Whoever adds a table has it copied, or says why it is not."""
    to_postgres(full, url)
    known = {table.name for table in COPIED} | LEFT.keys()
    with closing(connect(full, read_only=True)) as raw:
        there = {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    there = {name for name in there if not name.startswith(("key_name_fts", "passage_fts"))}
    assert there - known - OWN["sqlite"] == set()
    there = {name for (name,) in of(url, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    assert there - known - OWN["postgres"] == set()
    # No trigger noted the keys that lists are to know of.
    unread = of(url, "SELECT count(DISTINCT seq) FROM key_unread")
    assert unread == of(url, "SELECT count(*) FROM api_key") != [(0,)]


def test_what_goes_there_and_back_is_the_same(full: Path, url: str, tmp_path: Path) -> None:
    """In every table, in what triggers keep, in what is searched, and in the numbers that come next."""
    with closing(connect(full)) as raw:  # a number that was given out, and whose row is gone
        raw.execute("UPDATE sqlite_sequence SET seq = 77 WHERE name = 'audit'")
        raw.execute("UPDATE sqlite_sequence SET seq = 78 WHERE name = 'api_key'")
    there = to_postgres(full, url)
    assert {name: each.rows for name, each in there.tables.items()} == {
        table.name: len(everything(full)[table.name]) for table in COPIED
    }
    assert of(url, "SELECT seq FROM audit_end") == [(77,)]
    assert of(url, "SELECT nextval(pg_get_serial_sequence('api_key', 'seq'))") == [(79,)]
    with psycopg.connect(url) as raw:
        raw.execute("SELECT setval(pg_get_serial_sequence('api_key', 'seq'), 78)")
    again = tmp_path / "again.db"
    back = to_sqlite(url, again)
    assert back.tables == there.tables
    left = ("change", "server", "key_letters", "key_unread_name", "sqlite_sequence")
    assert everything(again, without=left) == everything(full, without=left)
    with closing(connect(again)) as raw, closing(connect(full)) as before:
        numbers = "SELECT name, seq FROM sqlite_sequence WHERE name <> 'change' ORDER BY name"
        assert raw.execute(numbers).fetchall() == before.execute(numbers).fetchall()
        names = raw.execute("SELECT seq FROM key_unread_name ORDER BY seq").fetchall()
        assert names == raw.execute("SELECT seq FROM api_key ORDER BY seq").fetchall()
        schema = "SELECT type, name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY 1, 2"
        assert raw.execute(schema).fetchall() == before.execute(schema).fetchall()
        assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
    assert list(tmp_path.glob(".*")) == []
    assert (again.stat().st_mode & 0o777) == 0o600


def test_nothing_is_told_or_counted_twice(full: Path, url: str) -> None:
    """What is copied is no change: no trigger writes of it, and all work again behind it."""
    to_postgres(full, url)
    assert of(url, "SELECT count(*) FROM change") == [(0,)]
    assert of(url, "SELECT count(*) FROM audit_unsealed") == [(0,)]
    with closing(connect(full, read_only=True)) as raw:
        counted = raw.execute("SELECT sum(total) FROM audit_count").fetchone()
        keys = raw.execute("SELECT sum(key_count), count(*) FROM customer").fetchone()
    assert of(url, "SELECT sum(total)::bigint FROM audit_count") == [counted]
    assert of(url, "SELECT sum(key_count)::bigint, count(*) FROM customer") == [keys]
    with psycopg.connect(url) as raw:
        raw.execute("UPDATE api_key SET status = 'disabled' WHERE seq = 1")
    assert of(url, "SELECT count(*) FROM change") == [(1,)]
    assert of(url, "SELECT count(*) FROM pg_trigger WHERE tgenabled NOT IN ('O', 'A')") == [(0,)]


class Interrupted(Exception):
    """Stands for whatever ends a copy."""


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("to", ["postgres", "sqlite"])
def test_what_was_interrupted_goes_on(
    to: str, changed: bool, full: Path, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind the last row that was committed; where the source changed meanwhile, it begins anew."""
    if to == "sqlite":
        to_postgres(full, url)
    monkeypatch.setattr(run, "ROWS", 2)
    again = tmp_path / "again.db"

    def once(stop: str) -> Copied:
        def progress(what: str, done: int, whole: int) -> None:
            if what == stop:
                raise Interrupted

        source = SqliteSource(full) if to == "postgres" else PostgresSource(url)
        target = PostgresTarget(url) if to == "postgres" else SqliteTarget(again)
        with closing(source), closing(target):
            return copy(source, target, progress, snapshot=False, anew=False)

    with pytest.raises(Interrupted):
        once("Copying api_key")
    assert not again.exists()
    with pytest.raises(Interrupted):
        once("Comparing message")
    if changed and to == "postgres":
        with closing(connect(full)) as raw:
            raw.execute("UPDATE api_key SET name = 'another' WHERE seq = 1")
    elif changed:
        with psycopg.connect(url) as raw:
            raw.execute("UPDATE api_key SET name = 'another' WHERE seq = 1")
    done = once("")
    assert (done.began_anew, done.resumed > 0) == (changed, not changed)
    names = "SELECT name FROM api_key WHERE seq = 1"
    if to == "postgres":
        found = of(url, names)
    else:
        with closing(connect(again)) as raw:
            found = raw.execute(names).fetchall()
    assert (found == [("another",)]) is changed


def test_a_target_in_use_is_left_alone(full: Path, url: str, tmp_path: Path) -> None:
    """And so is one that another database is copied to."""
    to_postgres(full, url)
    with pytest.raises(ConfigurationError, match=r"rows of its own \(.* 3, and \d+ more tables\)"):
        to_postgres(full, url)
    with pytest.raises(ConfigurationError, match=r"rows of its own \(.* 3, and \d+ more tables\)"):
        to_sqlite(url, full)
    again = tmp_path / "again.db"
    with closing(SqliteTarget(again)) as target:
        target.begin("another", anew=False)
        with pytest.raises(ConfigurationError, match="under way"):
            SqliteTarget(again)
    with pytest.raises(ConfigurationError, match="unfinished copy of another"):
        to_sqlite(url, again)
    to_sqlite(url, again, anew=True)
    with closing(sqlite3.connect(tmp_path / "other.db")) as raw:
        raw.execute("CREATE TABLE mine(a)")
    with pytest.raises(ConfigurationError, match="none of flowkeys"):
        to_sqlite(url, tmp_path / "other.db")


def test_an_empty_target_may_have_a_schema_or_none(full: Path, postgres: Postgres, tmp_path: Path) -> None:
    """As `flowkeys migrate` leaves it, or createdb."""
    url = postgres.create()
    with pytest.raises(ConfigurationError, match="no schema"):
        PostgresSource(url)
    to_postgres(full, url)
    again = tmp_path / "again.db"
    again.write_bytes(empty_database())
    to_sqlite(url, again)
    postgres.drop(url)
    assert everything(again)["token"] == everything(full)["token"]


def test_what_is_written_meanwhile_ends_it(full: Path, url: str) -> None:
    """Unless a snapshot is wanted; and it goes on when it is run again."""

    def write(what: str, done: int, whole: int) -> None:
        del done, whole
        if what == "Comparing message":
            with closing(connect(full)) as raw:
                raw.execute("UPDATE api_key SET status = 'revoked' WHERE seq = 1")

    with closing(SqliteSource(full)) as source, closing(PostgresTarget(url)) as target:
        with pytest.raises(ConfigurationError, match="was written to while"):
            copy(source, target, write, snapshot=False, anew=False)
        with pytest.raises(ConfigurationError, match="has not ended"):
            PostgresSource(url)
    done = to_postgres(full, url)
    assert done.began_anew
    assert of(url, "SELECT status FROM api_key WHERE seq = 1") == [("revoked",)]


def test_what_postgres_cannot_keep_is_named_or_replaced(full: Path, url: str) -> None:
    """A NUL in a text is replaced and counted; a text in a column of numbers ends it, and says where."""
    with closing(connect(full)) as raw:
        raw.execute("UPDATE message SET content = 'a' || char(0) || 'b' WHERE seq = 2")
        raw.execute("UPDATE message SET created_at = 'yesterday' WHERE seq = 2")
    with pytest.raises(ConfigurationError, match=r"table message, row 2, the column created_at holds str"):
        to_postgres(full, url)
    with closing(connect(full)) as raw:
        raw.execute("UPDATE message SET created_at = 1 WHERE seq = 2")
    assert to_postgres(full, url).replaced == 1
    assert of(url, "SELECT content FROM message WHERE seq = 2") == [("a\ufffdb",)]


def test_a_row_that_belongs_to_nothing_is_named(full: Path, url: str) -> None:
    """Somebody deleted by hand what it belongs to."""
    with closing(sqlite3.connect(full)) as raw, raw:
        raw.execute("DELETE FROM webhook_event WHERE seq = 1")
    with pytest.raises(ConfigurationError, match=r"row of the table webhook_delivery: Key \(event_id\)"):
        to_postgres(full, url)


def test_another_schema_is_refused(full: Path) -> None:
    """An older one is to be brought up to date, a newer one copied by its own version."""
    for revision, said in (("0024", "flowkeys migrate"), ("9999", "does not know")):
        with closing(connect(full)) as raw:
            raw.execute("UPDATE alembic_version SET version_num = ?", (revision,))
        with pytest.raises(ConfigurationError, match=said):
            SqliteSource(full)
