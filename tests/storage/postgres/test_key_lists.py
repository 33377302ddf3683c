"""Lists of keys on PostgreSQL: what a plain look at every key answers, as on SQLite."""

import random
from collections.abc import Iterator
from itertools import product

import msgspec
import pytest

from flowkeys.domain.keys.api_key import Status
from flowkeys.domain.listing import KeyQuery
from flowkeys.storage.keys.bits import bits, page, statements
from flowkeys.storage.keys.bits.remembered import Remembered
from flowkeys.storage.postgres.connection import PostgresConnection, _bound
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables
from tests.storage.keys.test_page import (
    BOUND,
    NOW,
    SORTS,
    _expected,
    fill,
    test_following_before_meets_every_key_once,  # noqa: F401
)

OTHERWISE = (
    "CREATE TEMPORARY TABLE kept AS SELECT * FROM api_key",
    "CREATE TEMPORARY TABLE kept_binding AS SELECT * FROM binding",
    """UPDATE api_key SET name_folded = 'prod strasse 1 nothing', status = 'disabled', creator_tag = 1,
        expires_at = 1""",
    "DELETE FROM binding WHERE seq % 2 = 0",
)
AS_IT_WAS = (
    """UPDATE api_key SET name_folded = kept.name_folded, status = kept.status, expires_at = kept.expires_at,
        creator_tag = kept.creator_tag FROM kept WHERE kept.seq = api_key.seq""",
    """INSERT INTO binding OVERRIDING SYSTEM VALUE
        SELECT * FROM kept_binding WHERE seq NOT IN (SELECT seq FROM binding)""",
)


@pytest.fixture(scope="module", params=["new", "read", "changed", "changed and read"])
def tables(request: pytest.FixtureRequest, empty: Tables) -> Iterator[Tables]:
    """300 keys in two workspaces: which no set knows yet, or each does, or as they were before a change."""
    connection = empty._connection
    connection.raw.execute("SAVEPOINT of_keys")
    fill(empty)
    if request.param != "new":
        if request.param != "read":
            run(connection, *OTHERWISE)
        read_all(connection)
        if request.param != "read":
            run(connection, *AS_IT_WAS)
        if request.param == "changed and read":
            read_all(connection)
    yield empty
    connection.raw.execute("ROLLBACK TO of_keys")


def run(connection: Connection, *statements: str) -> None:
    """Run statements as they are."""
    for statement in statements:
        connection.raw.execute(statement)


def read_all(connection: Connection, now: int = NOW) -> None:
    """Read every key that changed into the sets."""
    while bits.read_new(connection, now):
        pass
    assert connection.raw.execute("SELECT count(*) FROM key_unread").fetchone() == (0,)


@pytest.mark.parametrize("asked", [3, pytest.param(300, marks=pytest.mark.slow)])
@pytest.mark.parametrize("few", [0, 1000])
@pytest.mark.parametrize(
    "search",
    [
        *("", "PROD", "strasse", "CI 1", "nothing", "h012", "fl-••h013", "o", "pr", "客", "%", "_c", "\\"),
        *('o"t', "'", "İ", "ß", "e\u0301", "\U0001f511b", "p\0od"),
    ],
)
def test_every_filter_sort_and_page_agrees_with_a_plain_look(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, search: str, few: int, asked: int
) -> None:
    """The same keys, order and total, whether few are sorted or an order is walked along."""
    monkeypatch.setattr(page, "FEW", few)
    combinations = product([None, "all", *Status], SORTS, (True, False), (None, *BOUND), (None, "ada"))
    for status, sort, descending, chatflow, creator in random.Random(search).sample([*combinations], asked):
        query = KeyQuery(
            workspace_id="w1",
            search=search,
            status=status,
            chatflow_id=chatflow,
            created_by_id=creator,
            sort=sort,
            descending=descending,
            limit=7,
        )
        expected = _expected(query)
        for offset in (0, 3, max(len(expected) - 4, 0), len(expected) + 1):
            found = tables.keys.page(msgspec.structs.replace(query, offset=offset), NOW)
            wanted = [k.id for k in expected[offset : offset + 7]]
            assert [k.id for k in found.items] == wanted, (
                status,
                sort,
                descending,
                chatflow,
                creator,
                offset,
            )
            assert found.total == len(expected), (status, sort, descending, chatflow, creator)


def total(tables: Tables, status: Status | None = None, chatflow: str | None = None, now: int = NOW) -> int:
    """Return how many keys of the first workspace match."""
    query = KeyQuery(workspace_id="w1", status=status, chatflow_id=chatflow, limit=1)
    return tables.keys.page(query, now).total


def test_what_expires_later_is_known_though_nobody_changed_it(tables: Tables) -> None:
    """Of what sets say and of what time did since, whether they are read once more or not."""
    connection, later = tables._connection, NOW + 100
    connection.raw.execute("SAVEPOINT of_test")
    counted = (
        "SELECT count(*) FROM api_key WHERE workspace_id = 'w1' AND status = 'active' AND expires_at <= %s"
    )
    expired = [connection.raw.execute(counted, [at]).fetchone()[0] for at in (NOW, later)]
    assert expired[0] < expired[1]
    assert [total(tables, Status.EXPIRED, now=at) for at in (NOW, later)] == expired
    read_all(connection, later)
    assert total(tables, Status.EXPIRED, now=later) == expired[1]
    connection.raw.execute("ROLLBACK TO of_test")


@pytest.mark.parametrize(
    "by_hand",
    [
        "DELETE FROM token; DELETE FROM binding; DELETE FROM api_key WHERE seq % 3 = 0",
        "TRUNCATE binding",
        "TRUNCATE api_key CASCADE",
        "DELETE FROM chatflow WHERE id = 'many'",
        "UPDATE binding SET chatflow_id = 'none' WHERE chatflow_id = 'few'",
        "UPDATE api_key SET status = 'disabled' WHERE seq % 2 = 0",
        "UPDATE api_key SET status = 'unheard of' WHERE seq % 2 = 0",
    ],
)
def test_what_is_changed_by_hand_is_counted(tables: Tables, by_hand: str) -> None:
    """Before it is read into the sets and behind that."""
    connection = tables._connection
    connection.raw.execute("SAVEPOINT of_test")
    run(connection, *by_hand.split(";"))
    whole = "SELECT count(*) FROM api_key WHERE workspace_id = 'w1' AND status <> 'revoked'"
    bound = (
        "SELECT count(DISTINCT key_id) FROM binding JOIN api_key k ON k.id = key_id AND k.status <> 'revoked'"
    )
    for _ in range(2):
        query = KeyQuery(workspace_id="w1", limit=0)
        (wanted,) = connection.raw.execute(whole).fetchone()
        assert page.fetch(connection, query, NOW).total == wanted
        for chatflow in BOUND:
            (wanted,) = connection.raw.execute(f"{bound} WHERE chatflow_id = '{chatflow}'").fetchone()
            own = msgspec.structs.replace(query, chatflow_id=chatflow)
            assert page.fetch(connection, own, NOW).total == wanted
        read_all(connection)
    connection.raw.execute("ROLLBACK TO of_test")


def test_names_are_compared_of_what_is_flagged_alone_and_by_one_process(tables: Tables) -> None:
    """Not those of all keys, which the database believes to be cheaper; others would start too late."""
    connection = tables._connection
    connection.raw.execute("SAVEPOINT of_test")
    for setting in ("parallel_setup_cost", "parallel_tuple_cost", "min_parallel_index_scan_size"):
        connection.raw.execute(f"SET LOCAL {setting} = 0")
    connection.rows(statements.WALK)
    sql, values = _bound(
        statements.NAMED_AMONG, {"workspace": "w1", "flags": b"\x01", "last": 7, "searched": "prod"}
    )
    plan = [line for (line,) in connection.raw.execute(f"EXPLAIN {sql}", values)]
    connection.raw.execute("ROLLBACK TO of_test")
    (filtered,) = (line.strip() for line in plan if "Filter:" in line)
    assert filtered.startswith("Filter: CASE WHEN")
    assert filtered.count("strpos") == 1
    assert not any("Gather" in line for line in plan)


def test_names_are_looked_for_by_their_rarest_letters() -> None:
    """Of a long text few pairs of letters are asked for: no blanks and hyphens, which most names have."""
    query = KeyQuery(workspace_id="w1", search="a - b - c - d - e: zoë notebook")
    letters = page._Question(None, query, NOW)._letters
    assert len(letters) == page._PAIRS
    assert {"with:oë", "with:zo"} < {*letters}
    assert not any(" " in mark.removeprefix("with:") for mark in letters if mark != "with:ë ")


def test_where_nothing_matches_the_database_is_asked_once(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the sets; of no keys there are no rows, chatflows and rotations to be asked for.

    Nor are there sets to be asked for, which are remembered by the second time.
    """
    asked, ask, ask_several = [], PostgresConnection.fetch, PostgresConnection.several

    def one(connection: PostgresConnection, *query: object) -> object:
        asked.append(query)
        return ask(connection, *query)

    def several(connection: PostgresConnection, *queries: object) -> object:
        asked.append(queries)
        return ask_several(connection, *queries)

    monkeypatch.setattr(PostgresConnection, "fetch", one)
    monkeypatch.setattr(PostgresConnection, "several", several)
    monkeypatch.setattr(tables._connection, "remembered", Remembered())
    for queries in (3, 2):
        asked.clear()
        found = tables.keys.page(KeyQuery(workspace_id="w1", chatflow_id="unheard of"), NOW)
        assert (found.items, found.total) == ([], 0)
        assert [len(each) for (each,) in asked] == [queries]
