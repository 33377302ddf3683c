"""Lists of keys: what the clever plans answer is what a plain look at every key answers."""

import random
import re
from collections.abc import Iterator
from itertools import product
from math import inf
from pathlib import Path
from typing import Any

import msgspec
import pytest

from flowkeys.domain.keys.api_key import ApiKey, Creator, Status, fold_name
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.listing import KeyQuery
from flowkeys.domain.people.workspace import Workspace
from flowkeys.storage.keys import letters as key_letters
from flowkeys.storage.keys import page as key_page
from flowkeys.storage.keys import sets as key_sets
from flowkeys.storage.keys import statements as key_statements
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.statement import Connection, Statement
from flowkeys.storage.transaction import Tables

NOW = 1_000_000
NAMES = [
    *("Production Backend", "mobile app", "Ünïcode 客户", "STRASSE straße", "a%b_c", 'quo"te', "x", "CI"),
    *("İzmir ofisi", "Cafe\u0301 ﬁne", "a\U0001f511b"),
]
PERMISSIONS = [(), ("*",), ("*", "apikeys:view"), ("apikeys:view",), ("apikeys:view", "chatflows:view")]
CREATORS = [
    Creator("operator", None, "o"),
    *[Creator("person", "ada", "Ada")] * 6,
    Creator("person", "zoë", "ZOË"),
    Creator("key", "a-key", "ada"),
]
SORTS = {
    "createdAt": lambda k: k.created_at,
    "keyName": lambda k: fold_name(k.name),
    "status": lambda k: k.status.value,
    "lastUsedAt": lambda k: (k.last_used_at is not None, k.last_used_at or 0),
    "updatedAt": lambda k: k.updated_at,
    "expiresAt": lambda k: (k.expires_at is None, k.expires_at or 0),
    "hint": lambda k: k.hint,
    "permissions": lambda k: inf if "*" in k.permissions else len(k.permissions),
    "chatFlows": lambda k: sum(k.id in opens for opens in BOUND.values()),
    "createdBy": lambda k: fold_name(k.created_by.name),
}


def _keys() -> list[ApiKey]:
    rng = random.Random(7)
    return [
        ApiKey(
            id=f"key-{n}",
            workspace_id="w2" if n % 7 == 0 else "w1",
            name=f"{rng.choice(NAMES)} {rng.randrange(20)}",
            permissions=frozenset(rng.choice(PERMISSIONS)),
            status=rng.choice([Status.ACTIVE, Status.ACTIVE, Status.DISABLED, Status.REVOKED]),
            hint=f"{'Hh'[n % 2]}{n:03d}",
            expires_at=rng.choice([None, NOW - 5, NOW, NOW + n]),
            note=None,
            created_by=rng.choice(CREATORS),
            created_at=rng.randrange(50),
            updated_at=rng.randrange(50),
            last_used_at=rng.choice([None, rng.randrange(50)]),
            revoked_at=None,
            version=1,
        )
        for n in range(300)
    ]


KEYS = _keys()
BOUND = {
    "many": {k.id for n, k in enumerate(KEYS) if k.workspace_id == "w1" and n % 3},
    "few": {k.id for n, k in enumerate(KEYS) if k.workspace_id == "w1" and n % 29 == 0},
    "none": set(),
}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """A database with 300 keys in two workspaces."""
    path: Path = tmp_path_factory.mktemp("keys") / "keys.db"
    migrate.upgrade(path)
    raw = connect(path)
    tables = Tables(Connection(raw))
    fill(tables)
    yield tables
    raw.close()


def fill(tables: Tables) -> None:
    """Add 300 keys in two workspaces."""
    for name in ("w1", "w2"):
        tables.workspaces.insert(Workspace(name, name, 0))
    for key in KEYS:
        tables.keys.insert(key, TokenDigest(f"hmac-sha256$s${key.id}"))
    for chatflow, opens in BOUND.items():
        _insert_chatflow(tables._connection.raw, chatflow, "w1")
        for key in KEYS:
            if key.id in opens:
                tables.bindings.add("w1", key.id, chatflow, 0)


def _insert_chatflow(raw: Any, chatflow_id: str, workspace_id: str) -> None:
    raw.execute(
        "INSERT INTO chatflow (id, workspace_id, name, type, flow_data, is_public, extras, created_at,"
        f" updated_at, version) VALUES ('{chatflow_id}', '{workspace_id}', 'n', 'CHATFLOW', '{{}}', false,"
        " '{}', 0, 0, 1)",
    )


def _expected(query: KeyQuery) -> list[ApiKey]:
    """Filter and sort in plain Python."""
    found = [k for k in KEYS if k.workspace_id == query.workspace_id]
    if query.status is None:
        found = [k for k in found if k.status is not Status.REVOKED]
    elif query.status != "all":
        found = [k for k in found if k.status_at(NOW) is query.status]
    if query.chatflow_id is not None:
        found = [k for k in found if k.id in BOUND[query.chatflow_id]]
    if query.created_by_id is not None:
        found = [k for k in found if k.created_by.id == query.created_by_id]
    needle = fold_name(query.search.strip())
    if needle:
        hint = needle.removeprefix("fl-").lstrip("•.…*")
        found = [k for k in found if needle in fold_name(k.name) or k.hint.casefold() == hint]
    order = {key.id: n for n, key in enumerate(KEYS)}
    return sorted(found, key=lambda k: (SORTS[query.sort](k), order[k.id]), reverse=query.descending)


@pytest.mark.parametrize("asked", [30, pytest.param(1000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("few", [0, 20, 3000])
@pytest.mark.parametrize(
    "search",
    [
        *("", "production", "PROD", "strasse", "CI 1", "nothing", "h012", "fl-••h013"),
        *("o", "pr", "TE", "x", "客", "客户", "%", "_c", 'o"t', '"', "zz", "1", " 1", "\0", "p\0od"),
        *("İ", "i", "ß", "SS", "é", "e\u0301", "ﬁ", "FI", "\U0001f511", "\U0001f511b"),
    ],
)
def test_every_filter_sort_and_page_agrees_with_a_plain_look(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, asked: int, few: int, search: str
) -> None:
    """Whichever plan is taken, for few matches or for many, of names read or new: same keys, order, total."""
    for limit in ("FEW", "FEW_ROWS", "RARE"):
        monkeypatch.setattr(key_page, limit, few)
    monkeypatch.setattr(key_page, "SAMPLE", max(few, 1))
    if few == 20:
        tables._connection.raw.execute("INSERT OR IGNORE INTO key_unread_name SELECT seq FROM api_key")
    else:
        key_letters.read(tables._connection, len(KEYS))
    statuses = [None, "all", *Status]
    chance = random.Random(search)
    creators = (None, "ada", "a-key")
    combinations = product(statuses, SORTS, (True, False), (None, *BOUND), creators)
    for status, sort, descending, chatflow, creator in chance.sample([*combinations], asked):
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
        last = len(expected) - 4
        for offset in (3, max(last, 0), len(expected) + 1):
            page = tables.keys.page(msgspec.structs.replace(query, offset=offset), NOW)
            wanted = [k.id for k in expected[offset : offset + 7]]
            assert [k.id for k in page.items] == wanted, (status, sort, descending, chatflow, creator, offset)
            assert page.total == len(expected), (status, sort, descending, chatflow, creator)


def test_no_order_sorts_and_no_search_reads_rows(tables: Tables) -> None:
    """Walking, counting and looking at names read one index that holds all they need."""
    shape = key_statements.Shape("createdAt", True, None, False, False, None, False)
    plans = [
        *(key_statements.COUNT_EXPIRED, key_statements.EXPIRED, key_statements.EXPIRED_OF),
        *(key_statements.NAMED, key_statements.NOT_NAMED),
    ]
    for sort, status, descending in product(SORTS, (None, "all", *Status), (True, False)):
        one = shape._replace(sort=sort, status=status, descending=descending)
        plans += [
            *(key_statements.walk(one), key_statements.walk(one._replace(of_creator=True))),
            *(key_statements.walk(one._replace(within=way, of_chatflow=True)) for way in ("flags", "list")),
            key_statements.walk(one._replace(within="flags", is_continued=sort == "createdAt")),
        ]
    for plan in plans:
        first, *others = _steps(tables, plan)
        assert "USING COVERING INDEX" in first, (plan.sql, first)
        assert all(step.startswith(("LIST SUBQUERY", "SCAN anon")) for step in others), (plan.sql, others)


@pytest.mark.parametrize(
    ("statement", "steps"),
    [
        (key_sets._MARKED, ["key_set USING PRIMARY KEY (workspace_id=? AND mark=?)"]),
        (key_sets._BETWEEN, ["key_set USING PRIMARY KEY (workspace_id=? AND mark>? AND mark<?)"]),
        (key_letters._FIND, ["wanted VIRTUAL", "key_letters USING PRIMARY KEY (block=? AND letters=?)"]),
    ],
)
def test_what_filters_and_letters_leave_is_known_without_looking_at_keys(
    tables: Tables, statement: Statement, steps: list[str]
) -> None:
    """Their sets are read: rows of many keys each, found by the primary key."""
    for step, wanted in zip(_steps(tables, statement), steps, strict=True):
        assert wanted in step


def test_a_total_that_is_too_great_shows_no_key_of_another_workspace(tables: Tables) -> None:
    """A walk ends where the total says, not where the workspace does: ``REPLACE`` leaves totals too great."""
    raw = tables._connection.raw
    raw.execute("BEGIN")
    raw.execute("UPDATE key_count SET total = total + 200 WHERE chatflow_id = ''")
    try:
        for name, sort, descending in product(("w1", "w2"), SORTS, (True, False)):
            query = KeyQuery(workspace_id=name, status="all", sort=sort, descending=descending)
            shown = tables.keys.page(query, NOW)
            assert shown.total > len(shown.items) > 0
            assert {key.workspace_id for key in shown.items} == {name}, (name, sort, descending)
    finally:
        raw.execute("ROLLBACK")


def test_keys_whose_row_numbers_lie_far_apart_are_listed(
    tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flags would be too many for such: the walk looks keys up in a list of them."""
    query = KeyQuery(workspace_id="w1", status="all", search="o", chatflow_id="many", limit=9, offset=4)
    expected = [key.id for key in _expected(query)]
    monkeypatch.setattr(key_page, "FEW_ROWS", 0)
    raw = tables._connection.raw
    for seq in (-7, 0, 1 << 40):
        raw.execute("BEGIN")
        (last,) = raw.execute("SELECT seq FROM api_key WHERE id = ?", (expected[0],)).fetchone()
        raw.execute("PRAGMA defer_foreign_keys = ON")
        raw.execute("UPDATE binding SET key_seq = ? WHERE key_seq = ?", (seq, last))
        raw.execute("UPDATE api_key SET seq = ? WHERE seq = ?", (seq, last))
        raw.execute("UPDATE api_key SET created_at = 1000 WHERE seq = ?", (seq,))
        try:
            page = tables.keys.page(query, NOW)
            first = tables.keys.page(msgspec.structs.replace(query, offset=0), NOW)
        finally:
            raw.execute("ROLLBACK")
        assert ([key.id for key in page.items], page.total) == (expected[4:13], len(expected)), seq
        assert first.items[0].id == expected[0], seq


def _steps(tables: Tables, statement: Statement) -> list[str]:
    sql = f"EXPLAIN QUERY PLAN {statement.sql}"
    names = re.findall(r":(\w+)", sql)
    values = statement.bind({**dict.fromkeys(names, ""), "seqs": "[]", "blocks": "[]"})
    return [row[3] for row in tables._connection.raw.execute(sql, values)]


def test_following_before_meets_every_key_once(tables: Tables) -> None:
    """The parts of a long list have no gap and no overlap."""
    query = KeyQuery(workspace_id="w1", status="all", limit=50)
    seen: list[str] = []
    while page := tables.keys.page(query, NOW).items:
        seen += [key.id for key in page]
        query = msgspec.structs.replace(query, before=page[-1].id)
    assert len(seen) == len(set(seen)) == sum(k.workspace_id == "w1" for k in KEYS)


def test_kept_counts_follow_status_and_deletion(tmp_path: Path) -> None:
    """Totals stay right when a status changes, by the code or by hand."""
    path = tmp_path / "keys.db"
    migrate.upgrade(path)
    raw = connect(path)
    tables = Tables(Connection(raw))
    tables.workspaces.insert(Workspace("w1", "w1", 0))
    for key in [k for k in KEYS if k.workspace_id == "w1"][:10]:
        active = msgspec.structs.replace(key, status=Status.ACTIVE, expires_at=None)
        tables.keys.insert(active, TokenDigest(f"hmac-sha256$s${key.id}"))
        last = active
    query = KeyQuery(workspace_id="w1")
    assert tables.keys.page(query, NOW).total == 10
    tables.keys.update(msgspec.structs.replace(last, status=Status.REVOKED, name="Renamed thing"))
    assert tables.keys.page(query, NOW).total == 9
    assert tables.keys.page(msgspec.structs.replace(query, status="all", search="renamed"), NOW).total == 1
    raw.execute("UPDATE api_key SET status = 'disabled' WHERE id = ?", (last.id,))
    assert tables.keys.page(query, NOW).total == 10
    assert tables.keys.page(msgspec.structs.replace(query, status=Status.DISABLED), NOW).total == 1
    raw.close()


def test_kept_counts_follow_bindings(tmp_path: Path) -> None:
    """Totals of a chatflow's keys stay right when keys are bound, change their status, and are unbound."""
    path = tmp_path / "keys.db"
    migrate.upgrade(path)
    raw = connect(path)
    tables = Tables(Connection(raw))
    tables.workspaces.insert(Workspace("w1", "w1", 0))
    for chatflow in ("one", "two"):
        _insert_chatflow(raw, chatflow, "w1")
    keys = [
        msgspec.structs.replace(key, workspace_id="w1", status=Status.ACTIVE, expires_at=None)
        for key in KEYS[:6]
    ]
    for key in keys:
        tables.keys.insert(key, TokenDigest(f"hmac-sha256$s${key.id}"))
        for _ in range(2):  # binding again changes nothing
            tables.bindings.add("w1", key.id, "one", 0)
    tables.bindings.add("w1", keys[0].id, "two", 0)

    def totals(chatflow: str) -> list[int]:
        asked = [None, Status.DISABLED, Status.REVOKED, "all"]
        queries = [KeyQuery(workspace_id="w1", chatflow_id=chatflow, status=status) for status in asked]
        return [tables.keys.page(query, NOW).total for query in queries]

    assert (totals("one"), totals("two")) == ([6, 0, 0, 6], [1, 0, 0, 1])
    tables.keys.update(msgspec.structs.replace(keys[0], status=Status.DISABLED))
    tables.keys.update(msgspec.structs.replace(keys[1], status=Status.REVOKED))
    assert (totals("one"), totals("two")) == ([5, 1, 1, 6], [1, 1, 0, 1])
    tables.bindings.remove("w1", keys[0].id, "one")
    tables.bindings.remove("w1", keys[0].id, "one")
    assert (totals("one"), totals("two")) == ([4, 0, 1, 5], [1, 1, 0, 1])
    tables.chatflows.delete("w1", "one")
    assert raw.execute("SELECT DISTINCT chatflow_id FROM key_count ORDER BY 1").fetchall() == [
        ("",),
        ("two",),
    ]
    raw.close()


def test_a_binding_cannot_cross_workspaces(tmp_path: Path) -> None:
    """The database itself refuses it."""
    path = tmp_path / "keys.db"
    migrate.upgrade(path)
    raw = connect(path)
    tables = Tables(Connection(raw))
    for name in ("w1", "w2"):
        tables.workspaces.insert(Workspace(name, name, 0))
    tables.keys.insert(msgspec.structs.replace(KEYS[1], workspace_id="w1"), TokenDigest("hmac-sha256$s$1"))
    _insert_chatflow(raw, "c", "w2")
    for workspace in ("w1", "w2"):
        with pytest.raises(Exception, match="FOREIGN KEY"):
            tables.bindings.add(workspace, KEYS[1].id, "c", 0)
    with pytest.raises(Exception, match="UNIQUE"):
        tables.keys.insert(KEYS[2], TokenDigest("hmac-sha256$s$1"))
    raw.close()
