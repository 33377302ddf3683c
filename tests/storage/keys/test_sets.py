"""Sets of keys by status, creator, chatflow and letters: they follow what is done to keys, in SQL too."""

import random
import sqlite3
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import msgspec
import pytest

from flowkeys.domain.keys.api_key import ApiKey, Creator, Status, fold_name
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.listing import KeyQuery
from flowkeys.domain.people.workspace import Workspace
from flowkeys.storage.keys import letters, sets
from flowkeys.storage.keys import page as key_page
from flowkeys.storage.keys.page import tag_of_creator
from flowkeys.storage.keys.sets import FLAGGED, KeySet
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables

NOW = 1_000_000
COUNT = 1200
NAMES = ["Production", "mobile app", "客户", "straße", "a%b_c", "x"]
FLOWS = ["f1", "f2"]
SEARCHES = ["", "o", "pr", "客", "ss", "p ", "%", "zz", "\0", "app", "a\0b", "Ж"]
SOME = "(SELECT seq FROM api_key WHERE seq % 7 = 3)"
CHANGES = [
    "UPDATE api_key SET name_folded = 'Жprop zz' WHERE seq % 11 = 0",
    "UPDATE api_key SET name_folded = name_folded || ' zz', updated_at = 9 WHERE seq % 13 = 5",
    "UPDATE api_key SET name_folded = 'a' || char(0) || 'bpr' WHERE seq = 44",
    "UPDATE api_key SET name_folded = '' WHERE seq = 45",
    f"UPDATE api_key SET status = 'disabled' WHERE seq IN {SOME}",
    "UPDATE api_key SET status = 'revoked' WHERE seq BETWEEN 500 AND 530",
    "UPDATE api_key SET creator_tag = NULL WHERE seq % 64 = 63",
    "UPDATE api_key SET expires_at = 5 WHERE seq % 5 = 1",
    "DELETE FROM binding WHERE key_seq % 4 = 1",
    """UPDATE binding SET chatflow_id = 'f2' WHERE chatflow_id = 'f1' AND key_seq % 9 = 2
        AND key_seq NOT IN (SELECT key_seq FROM binding WHERE chatflow_id = 'f2')""",
    """INSERT OR IGNORE INTO binding (workspace_id, key_id, chatflow_id, created_at, key_seq)
        SELECT workspace_id, id, 'f1', 0, seq FROM api_key WHERE workspace_id = 'w1' AND seq % 6 = 0""",
    "DELETE FROM binding WHERE key_seq BETWEEN 300 AND 400",
    "DELETE FROM token WHERE key_id IN (SELECT id FROM api_key WHERE seq BETWEEN 300 AND 400)",
    "DELETE FROM api_key WHERE seq BETWEEN 300 AND 400",
    "UPDATE api_key SET seq = 320 WHERE seq = 1199",
    "UPDATE api_key SET rowid = 5000000000 WHERE seq = 1198",
    "UPDATE api_key SET seq = -70 WHERE seq = 1197",
    "UPDATE binding SET key_seq = (SELECT seq FROM api_key WHERE id = key_id) WHERE key_seq > 1196",
    "UPDATE api_key SET name_folded = 'new pr' WHERE seq IN (320, 5000000000, -70)",
]


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """A database with more than a thousand keys of two workspaces, side by side."""
    path: Path = tmp_path_factory.mktemp("sets") / "keys.db"
    migrate.upgrade(path)
    raw = connect(path)
    tables = Tables(Connection(raw))
    for name in ("w1", "w2"):
        tables.workspaces.insert(Workspace(name, name, 0))
    for name in FLOWS:
        raw.execute(
            "INSERT INTO chatflow (id, workspace_id, name, type, flow_data, is_public, extras, created_at,"
            " updated_at, version) VALUES (?, 'w1', 'n', 'CHATFLOW', '{}', 0, '{}', 0, 0, 1)",
            (name,),
        )
    chance = random.Random(5)
    raw.execute("BEGIN")
    for n in range(COUNT):
        key = _key(chance, n)
        tables.keys.insert(key, TokenDigest(f"hmac-sha256$s${n}"))
        for flow in FLOWS:
            if key.workspace_id == "w1" and chance.random() < 0.3:
                tables.bindings.add("w1", key.id, flow, 0)
    raw.execute("COMMIT")
    raw.execute("PRAGMA foreign_keys = OFF")  # as in a shell
    yield tables
    raw.close()


def _key(chance: random.Random, n: int) -> ApiKey:
    return ApiKey(
        id=f"key-{n}",
        workspace_id="w2" if n % 5 == 0 else "w1",
        name=f"{chance.choice(NAMES)} {chance.randrange(50)}",
        permissions=frozenset(),
        status=chance.choice([Status.ACTIVE, Status.ACTIVE, Status.DISABLED, Status.REVOKED]),
        hint="abcd",
        expires_at=chance.choice([None, NOW - 5, NOW + 5]),
        note=None,
        created_by=Creator("person", chance.choice(["ada", "zoe"]), "A"),
        created_at=n,
        updated_at=n,
        last_used_at=None,
        revoked_at=None,
        version=1,
    )


def _matches(raw: sqlite3.Connection, query: KeyQuery) -> list[int]:
    """Look at every row, the newest first."""
    flows: dict[int, set[str]] = {}
    for seq, flow in raw.execute("SELECT key_seq, chatflow_id FROM binding"):
        flows.setdefault(seq, set()).add(flow)
    found = []
    for seq, status, name, expires, tag in raw.execute(
        "SELECT seq, status, name_folded, expires_at, creator_tag FROM api_key WHERE workspace_id = ?"
        " ORDER BY created_at DESC, seq DESC",
        (query.workspace_id,),
    ):
        now = "expired" if status == "active" and expires is not None and expires <= NOW else status
        right = {"all": True, None: status != "revoked"}.get(query.status, now == query.status)
        named = fold_name(query.search.strip()) in name
        opens = query.chatflow_id is None or query.chatflow_id in flows.get(seq, ())
        made = query.created_by_id is None or tag == tag_of_creator(query.created_by_id)
        if right and named and opens and made:
            found.append(seq)
    return found


def _compare(tables: Tables, said: str) -> None:
    connection = tables._connection
    statuses = [None, "all", *Status]
    every = [*product(SEARCHES, statuses, (None, *FLOWS), (None, "ada"))]
    for search, status, flow, by in random.Random(said).sample(every, 120):
        query = KeyQuery(
            workspace_id="w1", search=search, status=status, chatflow_id=flow, created_by_id=by, limit=9
        )
        wanted = _matches(connection.raw, query)
        query = msgspec.structs.replace(query, offset=max(len(wanted) // 2 - 4, 0))
        got = key_page.fetch(connection, query, NOW)
        assert got == (wanted[query.offset :][:9], len(wanted)), (said, search, status, flow, by)


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("few", [5, 3000])
def test_lists_follow_changes_made_in_sql(
    tables: Tables, monkeypatch: pytest.MonkeyPatch, reads: bool, few: int
) -> None:
    """After each change they say what a look at every row says, whether new names were read or not."""
    for limit in ("FEW", "FEW_ROWS", "RARE"):
        monkeypatch.setattr(key_page, limit, few)
    connection = tables._connection
    connection.raw.execute("BEGIN")
    try:
        _compare(tables, f"at first, {few}, {reads}")
        for change in CHANGES:
            assert connection.raw.execute(change).rowcount, change
            if reads:
                while letters.read(connection, 100):
                    pass
        _compare(tables, f"changed, {few}, {reads}")
    finally:
        connection.raw.execute("ROLLBACK")


def test_a_chatflow_that_goes_takes_its_set_along(tables: Tables) -> None:
    """With its bindings; nothing is left of it."""
    raw = tables._connection.raw
    raw.execute("PRAGMA foreign_keys = ON")
    raw.execute("BEGIN")
    assert sets.of_chatflow(tables._connection, "w1", "f1").blocks
    tables.chatflows.delete("w1", "f1")
    assert raw.execute("SELECT count(*) FROM key_set WHERE mark = 'chatflow:f1'").fetchone() == (0,)
    raw.execute("ROLLBACK")
    raw.execute("PRAGMA foreign_keys = OFF")


def test_new_names_are_read_many_at_a_time(tables: Tables) -> None:
    """Not one by one: a name has some fifty letters and pairs of letters."""
    raw = tables._connection.raw
    (waiting,) = raw.execute("SELECT count(*) FROM key_unread_name").fetchone()
    assert waiting == COUNT % letters.TOGETHER
    assert raw.execute("SELECT count(DISTINCT block) FROM key_letters").fetchone() == (3,)


def test_a_name_that_was_replaced_is_not_found_any_more(tables: Tables) -> None:
    """``REPLACE`` takes rows away without a trigger of a deletion."""
    connection = tables._connection
    raw = connection.raw
    raw.execute("BEGIN")
    columns = [name for _, name, *_ in raw.execute("PRAGMA table_info(api_key)")]
    for seq, new in ((7, "seq"), (8, "9999")):
        chosen = {"name_folded": "'Ж'", "seq": new}
        values = ", ".join(chosen.get(name, name) for name in columns)
        raw.execute(
            f"REPLACE INTO api_key ({', '.join(columns)}) SELECT {values} FROM api_key WHERE seq = ?", (seq,)
        )
    everywhere = KeySet.of([*range(COUNT + 2), 9999])
    for step in ("noted", "read"):
        assert {*letters.find(connection, "Ж", everywhere)} == {7, 9999}, step
        assert not {7, 8} & {*letters.find(connection, "o", everywhere)}, step
        assert letters.read(connection, 5000) or step == "read"
    raw.execute("ROLLBACK")


def test_sets_are_what_sets_are() -> None:
    """Like Python's own, whatever the numbers: between blocks, far off, below zero."""
    chance = random.Random(3)
    pool = [-513, -512, -1, 0, 1, 63, 64, 511, 512, 1023, 1024, 5_000_000_000]
    for _ in range(50):
        a, b = ({*chance.sample(pool, 6)} for _ in range(2))
        one, other = KeySet.of(a), KeySet.of(b)
        assert ({*one & other}, {*one | other}, {*one - other}) == (a & b, a | b, a - b)
        assert (len(one), len(one & other), bool(one - one)) == (6, len(a & b), False)
        assert (one.flags() is None) == (min(a) < 1 or max(a) > 1_000_000_000)
    for some in ({1}, {1, 512}, {*range(1, 1600, 3)}, set()):
        flags = KeySet.of(some).flags()
        assert {place for place, flag in enumerate(flags or b"", 1) if flag == FLAGGED[0]} == some
