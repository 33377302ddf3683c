"""The feed of changes knows which rows were taken away by a change of others, in SQL."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowkeys.storage.sqlite.feed import BOUND_MICROSECONDS
from tests.support.cached import WORKSPACE, Cached


@pytest.fixture
def cached(tmp_path: Path) -> Iterator[Cached]:
    """Return keys ``a``, ``b`` and ``c``, and as many chatflows, each bound to its key."""
    made = Cached(tmp_path / "keys.db")
    made.other.execute("PRAGMA foreign_keys = OFF")  # as in a shell
    for name in ("a", "b", "c"):
        made.make(name)
        made.other.execute(
            "INSERT INTO chatflow (id, workspace_id, name, type, flow_data, is_public, extras, created_at,"
            " updated_at, version) VALUES (?, ?, ?, 'CHATFLOW', '{}', 0, '{}', 0, 0, 1)",
            (f"flow {name}", WORKSPACE, name),
        )
        made.other.execute(
            "INSERT INTO binding (workspace_id, key_id, chatflow_id, created_at, key_seq)"
            " SELECT workspace_id, id, 'flow ' || id, 0, seq FROM api_key WHERE id = ?",
            (name,),
        )
    for number in ("1", "2"):
        made.other.execute(
            "INSERT INTO customer (id, workspace_id, name, name_folded, external_id, meta, status,"
            " created_at, updated_at, version) VALUES (?, ?, 'c', 'c', ?, '{}', 'active', 0, 0, 1)",
            (f"c{number}", WORKSPACE, number),
        )
    yield made
    made.close()


def told(raw: sqlite3.Connection, change: str) -> set[str]:
    """Return what is told of when a statement is run."""
    raw.execute("DELETE FROM change")
    raw.execute(change)
    return {subject_id for (subject_id,) in raw.execute("SELECT subject_id FROM change")}


@pytest.mark.parametrize(
    ("change", "whose"),
    [
        ("token SET digest = (SELECT digest FROM token WHERE key_id = 'b') WHERE key_id = 'a'", "a b"),
        ("token SET seq = (SELECT seq FROM token WHERE key_id = 'b') WHERE key_id = 'a'", "a b"),
        ("token SET rowid = (SELECT seq FROM token WHERE key_id = 'b') WHERE key_id = 'a'", "a b"),
        (
            "token SET seq = 77, digest = (SELECT digest FROM token WHERE key_id = 'b') WHERE key_id = 'a'",
            "a b",
        ),
        ("api_key SET seq = (SELECT seq FROM api_key WHERE id = 'b') WHERE id = 'a'", "b"),
        ("api_key SET rowid = (SELECT seq FROM api_key WHERE id = 'b') WHERE id = 'a'", "b"),
        ("api_key SET id = 'b' WHERE id = 'a'", "a b"),
        ("binding SET seq = (SELECT seq FROM binding WHERE key_id = 'b') WHERE key_id = 'a'", "b"),
        ("binding SET rowid = (SELECT seq FROM binding WHERE key_id = 'b') WHERE key_id = 'a'", "b"),
        ("binding SET key_id = 'b', chatflow_id = 'flow b' WHERE key_id = 'a'", "a b"),
        ("chatflow SET seq = (SELECT seq FROM chatflow WHERE id = 'flow b') WHERE id = 'flow a'", "flow b"),
        ("chatflow SET id = 'flow b' WHERE id = 'flow a'", "flow a,flow b"),
        ("token SET hint = 'none', created_at = 7", ""),
        ("token SET seq = 77 WHERE key_id = 'a'", "a"),
        ("api_key SET customer_id = 'c1' WHERE id = 'a'", "a"),
        ("customer SET name = 'x' WHERE id = 'c1'", "c1"),
        ("customer SET status = 'disabled' WHERE id = 'c1'", "c1"),
        ("customer SET external_id = '2' WHERE id = 'c1'", "c1 c2"),
        ("customer SET seq = (SELECT seq FROM customer WHERE id = 'c2') WHERE id = 'c1'", "c2"),
        ("customer SET id = 'c2' WHERE id = 'c1'", "c1 c2"),
        ("customer SET rate_limits = '[]' WHERE id = 'c1'", "c1"),
        ("customer SET meta = '[]', key_count = 5, updated_at = 9", ""),
        ("api_key SET allowed_ips = '[\"10.0.0.0/8\"]' WHERE id = 'a'", "a"),
    ],
)
def test_a_row_that_an_update_replaces_is_told_of(change: str, whose: str, cached: Cached) -> None:
    """``UPDATE OR REPLACE`` takes rows away without a trigger of a deletion; those of others are left out."""
    named = whose.split(",") if "," in whose or "flow" in whose else whose.split()
    assert told(cached.other, f"UPDATE OR REPLACE {change}") == set(named)


@pytest.mark.parametrize("table", ["api_key", "chatflow", "customer"])
def test_a_row_that_an_insertion_replaces_is_told_of(table: str, cached: Cached) -> None:
    """``REPLACE INTO`` with the number of another."""
    columns = [name for _, name, *_ in cached.other.execute(f"PRAGMA table_info({table})")]
    values = ["'new'" if name == "id" else name for name in columns]
    change = (
        f"REPLACE INTO {table} ({', '.join(columns)}) SELECT {', '.join(values)} FROM {table} WHERE seq = 1"
    )
    old = {"api_key": "a", "chatflow": "flow a", "customer": "c1"}[table]
    assert told(cached.other, change) == {old, "new"}


async def test_a_token_that_becomes_another_keys_is_that_keys(cached: Cached) -> None:
    """The key that it was taken from is not let in any more."""
    texts = [cached.make(name) for name in ("mine", "yours")]
    await cached.read_ahead()
    assert [cached.find(text) for text in texts] == ["mine active", "yours active"]
    cached.other.execute(
        "UPDATE OR REPLACE token SET digest = (SELECT digest FROM token WHERE key_id = 'yours')"
        " WHERE key_id = 'mine'"
    )
    assert [cached.find(text, after=BOUND_MICROSECONDS) for text in texts] == [None, "mine active"]


async def test_a_token_whose_number_changes_while_all_are_read_is_read(cached: Cached) -> None:
    """Else it could move from what is to be read to what was read."""
    text = cached.make("late")
    reading = cached.lookups.ahead(cached.hasher.newest_tag, 1)
    cached.keys.begin_reading(cached.now)
    for part in reading:
        cached.other.execute("UPDATE token SET seq = -1 WHERE key_id = 'late' AND seq > 0")
        assert all(cached.keys.warm(digest, record, cached.now) for digest, record in part)
    cached.keys.end_reading(lambda key_id: cached.lookups.of_key(cached.hasher.newest_tag, key_id))
    assert cached.find(text, after=BOUND_MICROSECONDS) == "late active"
