"""A database of the first version gets what lists are sorted and filtered by, for the keys that it has."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowkeys.domain.listing import KeyQuery
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables
from tests.support.template import upgrade_to

KEY = (
    "INSERT INTO api_key (id, workspace_id, name, name_folded, permissions, status, created_by_type,"
    " created_by_id, created_by_name, created_at, updated_at, version)"
    " VALUES (:id, 'w', :id, :id, :permissions, 'active', 'person', :by, :name, :at, :at, 1)"
)
TOKEN = (
    "INSERT INTO token (workspace_id, key_id, digest, hint, created_at)"
    " VALUES ('w', :id, 'hmac-sha256$s$' || :id, 'h' || :id, 0)"
)
CHATFLOW = (
    "INSERT INTO chatflow (id, workspace_id, name, type, flow_data, is_public, extras, created_at,"
    " updated_at, version) VALUES (:id, 'w', 'n', 'CHATFLOW', '{}', 0, '{}', 0, 0, 1)"
)
BINDING = "INSERT INTO binding (workspace_id, key_id, chatflow_id, created_at) VALUES ('w', :key, :flow, 7)"


@pytest.fixture
def tables(tmp_path: Path) -> Iterator[Tables]:
    """A database of the first version with three keys, brought up to date."""
    path = tmp_path / "old.db"
    upgrade_to(path, "0002")
    with sqlite3.connect(path) as old:
        old.execute("INSERT INTO workspace VALUES ('w', 'w', 0)")
        for at, (key_id, permissions, by, name) in enumerate(
            [("k1", "[]", "ada", "Ada"), ("k2", '["*"]', "zoe", "ZOË"), ("k3", '["apikeys:view"]', None, "o")]
        ):
            values = {"id": key_id, "permissions": permissions, "by": by, "name": name, "at": at}
            old.execute(KEY, values)
            old.execute(TOKEN, values)
        for flow in ("f1", "f2"):
            old.execute(CHATFLOW, {"id": flow})
        for key, flow in (("k3", "f1"), ("k3", "f2"), ("k1", "f2")):
            old.execute(BINDING, {"key": key, "flow": flow})
    old.close()
    migrate.upgrade(path)
    raw = connect(path)
    yield Tables(Connection(raw))
    raw.close()


@pytest.mark.parametrize(
    ("sort", "wanted"),
    [
        ("hint", ["k1", "k2", "k3"]),
        ("permissions", ["k1", "k3", "k2"]),
        ("chatFlows", ["k2", "k1", "k3"]),
        ("createdBy", ["k1", "k3", "k2"]),
    ],
)
def test_keys_that_were_there_are_sorted(tables: Tables, sort: str, wanted: list[str]) -> None:
    """Every order knows them, and so does every total."""
    page = tables.keys.page(KeyQuery(workspace_id="w", sort=sort, descending=False), 0)
    assert ([key.id for key in page.items], page.total) == (wanted, 3)
    assert {key.hint for key in page.items} == {"hk1", "hk2", "hk3"}


def test_keys_that_were_there_are_filtered(tables: Tables) -> None:
    """By who made them and by the chatflow that they open."""
    assert [k.id for k in tables.keys.page(KeyQuery(workspace_id="w", created_by_id="zoe"), 0).items] == [
        "k2"
    ]
    bound = KeyQuery(workspace_id="w", chatflow_id="f2", sort="keyName", descending=False)
    assert [key.id for key in tables.keys.page(bound, 0).items] == ["k1", "k3"]


def test_bindings_that_were_there_hold_and_are_counted_on(tables: Tables) -> None:
    """They keep their order, still go with their chatflow, and counts follow."""
    assert tables.chatflows.get("w", "f2").key_ids == ("k3", "k1")
    tables.chatflows.delete("w", "f2")
    key = tables.keys.get("w", "k3")
    assert [item.id for item in key.chatflows] == ["f1"]
    order = KeyQuery(workspace_id="w", sort="chatFlows")
    assert [item.id for item in tables.keys.page(order, 0).items] == ["k3", "k2", "k1"]
    assert tables.keys.page(KeyQuery(workspace_id="w", chatflow_id="f1"), 0).total == 1
