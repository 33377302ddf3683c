"""Sets that a process remembers on PostgreSQL are those that the database has, whoever changed it and how."""

import random
from collections.abc import Iterator
from functools import partial

import pytest

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.listing import KeyQuery
from flowkeys.domain.people.workspace import Workspace
from flowkeys.storage.keys.bits import bits
from flowkeys.storage.postgres.connecting import connect
from flowkeys.storage.postgres.connection import PostgresConnection
from flowkeys.storage.transaction import Tables
from tests.storage.keys.test_page import NOW

Two = tuple[PostgresConnection, PostgresConnection]

KEYS = 40
_ADDED = f"""INSERT INTO api_key (id, workspace_id, name, name_folded, permissions, status, created_by_type,
    created_by_name, created_at, updated_at, version)
    SELECT 'k' || n, 'w1', 'abab', 'abab', '[]', 'active', 'operator', 'o', n, n, 1
    FROM generate_series(1, {KEYS}) AS n"""


@pytest.fixture
def both(postgres_url: str) -> Iterator[Two]:
    """Connections of two processes, each of which has listed the same keys and remembers that."""
    opened = [PostgresConnection(partial(connect, postgres_url)) for _ in range(2)]
    one, other = opened
    one.begin()
    Tables(one).workspaces.insert(Workspace("w1", "w1", 0))
    one.raw.execute(_ADDED)
    one.commit()
    read_all(one)
    for connection in opened:
        assert found(connection) == {*range(1, KEYS + 1)}
        assert found(connection, "ababab") == set()
    yield one, other
    for connection in opened:
        connection.close()


def read_all(connection: PostgresConnection) -> None:
    """Read every key that changed into the sets, and commit it."""
    is_left = True
    while is_left:
        assert connection.begin_reading_keys()
        is_left = bits.read_new(connection, NOW)
        connection.commit()


def found(connection: PostgresConnection, search: str = "", status: Status | None = None) -> set[int]:
    """Return which keys a list in a transaction of its own has."""
    connection.begin_reading()
    listed = seen(connection, search, status)
    connection.roll_back()
    return listed


def seen(connection: PostgresConnection, search: str = "", status: Status | None = None) -> set[int]:
    """Return which keys a list has in the transaction that has begun; its total is their number."""
    query = KeyQuery(workspace_id="w1", search=search, status=status, limit=KEYS)
    page = Tables(connection).keys.page(query, NOW)
    assert page.total == len(page.items)
    return {int(key.id[1:]) for key in page.items}


def by_hand(connection: PostgresConnection, *statements: str) -> None:
    """Run statements as somebody would in psql, each in a transaction of its own."""
    for statement in statements:
        connection._raw.execute(statement)


def rename(key: int, name: str) -> str:
    """Return the statement that gives a key another name."""
    return f"UPDATE api_key SET name = '{name}', name_folded = '{name}' WHERE id = 'k{key}'"


def version(connection: PostgresConnection) -> str:
    """Return the version as it is now."""
    ((known,),) = connection._raw.execute("SELECT string_agg(version::text, ',') FROM key_version")
    return str(known)


def test_a_name_of_the_same_letters_is_found_when_another_process_read_it(
    both: Two,
) -> None:
    """The sets are the same as before then, and yet what is remembered of its name is not true any more."""
    one, other = both
    by_hand(other, rename(7, "ababab"))
    assert found(one, "ababab") == {7}
    read_all(other)
    assert found(one, "ababab") == {7}
    by_hand(other, rename(7, "abab"))
    read_all(other)
    assert found(one, "ababab") == set()


def test_what_is_undone_is_not_remembered(both: Two) -> None:
    """Neither names nor sets, of which a list in the transaction was made."""
    one, other = both
    by_hand(other, rename(7, "ababab"))
    read_all(other)
    one.begin()
    by_hand(one, rename(7, "abab"), rename(8, "ababab"))
    assert seen(one, "ababab") == {8}
    one.roll_back()
    assert found(one, "ababab") == {7}
    one.begin()
    by_hand(one, "UPDATE api_key SET status = 'disabled' WHERE id = 'k7'")
    bits.read_new(one, NOW)
    assert seen(one, status=Status.DISABLED) == {7}
    one.roll_back()
    assert found(one, status=Status.DISABLED) == set()


def test_a_list_goes_by_the_sets_of_its_own_snapshot(
    both: Two,
) -> None:
    """Though the process has read newer ones meanwhile; and newer ones go by the new."""
    one, other = both
    newer = PostgresConnection(one._open, one.remembered)
    one.begin_reading()
    assert seen(one, status=Status.DISABLED) == set()
    by_hand(other, "UPDATE api_key SET status = 'disabled' WHERE seq % 2 = 0")
    read_all(other)
    half = {*range(2, KEYS + 1, 2)}
    assert found(newer, status=Status.DISABLED) == half
    assert seen(one, status=Status.DISABLED) == set()
    assert found(newer, status=Status.DISABLED) == half
    one.roll_back()
    newer.close()


@pytest.mark.parametrize("role", ["origin", "replica"])
@pytest.mark.parametrize(
    "change",
    [
        "UPDATE key_bits SET bits = bits WHERE mark = 'status:active'",
        "DELETE FROM key_bits WHERE mark = 'status:active'",
        "INSERT INTO key_bits VALUES ('w1', 'status:disabled', 0, decode(repeat('00', 64), 'hex'))",
        "TRUNCATE key_bits",
        "DELETE FROM key_unread",
        "UPDATE key_unread SET seq = 1",
        "TRUNCATE key_unread",
    ],
)
def test_whatever_changes_the_sets_gives_them_another_version(both: Two, change: str, role: str) -> None:
    """Also by hand, and also where triggers are off, as while a backup is read in."""
    one, _ = both
    before = version(one)
    by_hand(one, f"SET session_replication_role = {role}", change)
    assert version(one) != before


def test_who_writes_keys_leaves_the_version_alone(
    both: Two,
) -> None:
    """They would wait for each other there: what they note is looked at by every list."""
    one, _ = both
    before = version(one)
    by_hand(one, rename(7, "new"), "DELETE FROM api_key WHERE id = 'k8'", _ADDED.replace("'k'", "'more'"))
    assert version(one) == before


def test_without_a_version_nothing_is_remembered(both: Two) -> None:
    """Somebody took it away: lists are right, and the next change puts one there."""
    one, other = both
    by_hand(one, "DELETE FROM key_version", rename(7, "ababab"))
    read_all(other)
    assert version(one) != "None"
    assert found(one, "ababab") == {7}
    by_hand(one, "DELETE FROM key_version")
    for name in ("xyz", "ababab"):
        by_hand(other, rename(7, name))
        other.begin()
        bits.read_new(other, NOW)
        by_hand(other, "DELETE FROM key_version")
        other.commit()
        assert found(one, "ababab") == ({7} if name == "ababab" else set())


def test_two_processes_list_what_is_there_whatever_happens_in_which_order(
    both: Two,
) -> None:
    """Changes by hand, some undone, sets read by either; names of few letters, so that most sets stay."""
    chance = random.Random(3)
    for _ in range(40):
        connection = chance.choice(both)
        match chance.randrange(6):
            case 0:
                read_all(connection)
            case 1:
                connection.begin()
                by_hand(connection, rename(chance.randrange(1, KEYS), chance.choice(("ababa", "baab", "c"))))
                seen(connection, "aba")
                connection.roll_back()
            case 2:
                status = chance.choice(("active", "disabled", "revoked"))
                by_hand(connection, f"UPDATE api_key SET status = '{status}' WHERE seq % 9 = 1")
            case _:
                name = "".join(chance.choices("ab", k=chance.randrange(3, 7)))
                by_hand(connection, rename(chance.randrange(1, KEYS), name))
        for search in ("aba", "babab", "aabb"):
            wanted = _matching(connection, search)
            assert [found(each, search) for each in both] == [wanted, wanted], search


def _matching(connection: PostgresConnection, search: str) -> set[int]:
    rows = connection._raw.execute(
        "SELECT id FROM api_key WHERE status <> 'revoked' AND strpos(name_folded, %s) > 0", (search,)
    )
    return {int(name[1:]) for (name,) in rows}


def test_a_database_that_is_put_back_is_listed_as_it_was(
    both: Two,
) -> None:
    """With the version that it had then, by a process that has seen what came behind it."""
    one, other = both
    tables = ("key_bits", "key_unread", "api_key", "key_version")
    by_hand(other, *(f"CREATE TEMPORARY TABLE kept_{table} AS SELECT * FROM {table}" for table in tables))
    by_hand(other, rename(7, "ababab"))
    read_all(other)
    assert found(one, "ababab") == {7}
    by_hand(other, "SET session_replication_role = replica")
    for table in tables:
        by_hand(other, f"DELETE FROM {table}", f"INSERT INTO {table} SELECT * FROM kept_{table}")
    assert found(one, "ababab") == set()
    assert found(one) == {*range(1, KEYS + 1)}
