"""Lists of chatflows: what the index answers is what a plain look at every chatflow answers."""

import random
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import msgspec
import pytest
from sqlalchemy.dialects import sqlite

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowType
from flowkeys.domain.keys.api_key import ApiKey, Creator, Status, fold_name
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.listing import ChatflowQuery
from flowkeys.domain.people.workspace import Workspace
from flowkeys.domain.predictions.conversation import Message, Role
from flowkeys.storage.chatflows import list as chatflow_list
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables

NAMES = ["Docs assistant", "STRASSE straße", "Ünïcode 客户", "a%b_c", "docs"]
KEYS = dict.fromkeys(["k0", "k1", "k2", "k3", "k4"], Status.ACTIVE)
KEYS |= {"k1": Status.DISABLED, "k2": Status.REVOKED}


class Sample(msgspec.Struct):
    """A chatflow, the keys bound to it in order, and when it was last called."""

    chatflow: Chatflow
    keys: list[str]
    last: int | None

    @property
    def alive(self) -> list[str]:
        """The keys that are not revoked."""
        return [key for key in self.keys if KEYS[key] is not Status.REVOKED]

    @property
    def access(self) -> str:
        """Who may call it."""
        return "public" if self.chatflow.is_public else "keys" if self.alive else "closed"


def _samples() -> list[Sample]:
    rng = random.Random(11)
    return [
        Sample(
            Chatflow(
                id=f"flow-{n}",
                workspace_id="w2" if n % 6 == 0 else "w1",
                name=f"{rng.choice(NAMES)} {rng.randrange(9)}",
                type=rng.choice(list(ChatflowType)),
                flow_data="{}",
                is_public=rng.random() < 0.3,
                chatbot_config=None,
                api_config=None,
                category=rng.choice([None, "sales"]),
                extras={},
                created_at=n,
                updated_at=rng.randrange(20),
                version=rng.randrange(1, 9),
            ),
            [] if n % 6 == 0 else rng.sample(list(KEYS), rng.randrange(6)),
            rng.choice([None, rng.randrange(1, 99)]),
        )
        for n in range(120)
    ]


SAMPLES = _samples()
OWN = [item for item in SAMPLES if item.chatflow.workspace_id == "w1"]
SORTS = {
    "createdAt": SAMPLES.index,
    "name": lambda s: fold_name(s.chatflow.name),
    "updatedAt": lambda s: s.chatflow.updated_at,
    "lastCallAt": lambda s: s.last or 0,
}


def _key(key_id: str, status: Status) -> ApiKey:
    return ApiKey(
        id=key_id,
        workspace_id="w1",
        name=f"key {key_id}",
        permissions=frozenset(),
        status=status,
        hint="abcd",
        expires_at=5 if key_id == "k3" else None,
        note=None,
        created_by=Creator("operator", None, "o"),
        created_at=0,
        updated_at=0,
        last_used_at=None,
        revoked_at=None,
        version=1,
    )


def _message(item: Sample, at: int) -> Message:
    return Message(
        id=f"m{at}",
        workspace_id=item.chatflow.workspace_id,
        chatflow_id=item.chatflow.id,
        key_id=None,
        session_id=f"s{at}",
        chat_id="c",
        role=Role.USER,
        content="?",
        created_at=at,
    )


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tables]:
    """A database with 120 chatflows in two workspaces, their keys and their calls."""
    path: Path = tmp_path_factory.mktemp("chatflows") / "flowkeys.db"
    migrate.upgrade(path)
    raw = connect(path)
    tables = Tables(Connection(raw))
    raw.execute("BEGIN")
    fill(tables)
    raw.execute("COMMIT")
    yield tables
    raw.close()


def fill(tables: Tables) -> None:
    """Add them."""
    for name in ("w1", "w2"):
        tables.workspaces.insert(Workspace(name, name, 0))
    for key_id, status in KEYS.items():
        tables.keys.insert(_key(key_id, Status.ACTIVE), TokenDigest(f"hmac-sha256$s${key_id}"))
        tables.keys.update(_key(key_id, status))
    for item in SAMPLES:
        tables.chatflows.insert(item.chatflow)
        for key_id in item.keys:
            tables.bindings.add("w1", key_id, item.chatflow.id, 0)
        if item.last is not None:
            tables.messages.add([_message(item, item.last)])
            tables.messages.add([_message(item, item.last - 1)])


@pytest.mark.parametrize("search", ["", "DOCS", "strasse", "客户", "%", " docs ", "nothing"])
def test_every_filter_sort_and_page_agrees_with_a_plain_look(tables: Tables, search: str) -> None:
    """The same chatflows in the same order, with the same total, with and without graphs."""
    for sort, descending, access, kind in product(
        SORTS, (True, False), (None, "public", "keys", "closed"), (None, "AGENTFLOW")
    ):
        expected = [
            item
            for item in OWN
            if fold_name(search.strip()) in fold_name(item.chatflow.name)
            and access in {None, item.access}
            and kind in {None, item.chatflow.type}
        ]
        expected.sort(key=lambda s: (SORTS[sort](s), SAMPLES.index(s)), reverse=descending)
        query = ChatflowQuery(
            workspace_id="w1",
            search=search,
            type=kind,
            access=access,
            sort=sort,
            descending=descending,
            limit=7,
            offset=3,
        )
        wanted = [item.chatflow.id for item in expected[3:10]]
        for page in (tables.chatflows.listed(query, 2), tables.chatflows.page(query)):
            assert [item.id for item in page.items] == wanted
            assert page.total == len(expected)


def test_a_line_tells_who_may_call_and_when_it_was_called_last(tables: Tables) -> None:
    """Revoked keys are neither counted nor named; the first bound come first."""
    page = tables.chatflows.listed(ChatflowQuery(workspace_id="w1"), 2)
    for line, item in zip(page.items, reversed(OWN), strict=True):
        assert (line.key_count, [key.id for key in line.keys]) == (len(item.alive), item.alive[:2])
        assert line.last_call_at == item.last
        assert (line.name, line.category, line.version) == (
            item.chatflow.name, item.chatflow.category, item.chatflow.version
        )  # fmt: skip


def test_a_named_key_knows_that_it_has_expired(tables: Tables) -> None:
    """The line says so as the page of keys does."""
    named = [
        key
        for line in tables.chatflows.listed(ChatflowQuery(workspace_id="w1"), 9).items
        for key in line.keys
    ]
    assert {key.status_at(5) for key in named if key.id == "k3"} == {Status.EXPIRED}
    assert {key.status_at(4) for key in named if key.id == "k3"} == {Status.ACTIVE}
    assert {key.status_at(5) for key in named if key.id == "k1"} == {Status.DISABLED}


def test_no_list_reads_a_row(tables: Tables) -> None:
    """A row holds a graph of megabytes; the index holds all that a list shows."""
    raw = tables._connection.raw
    dialect = sqlite.dialect(paramstyle="named")
    for sort, access, search in product(SORTS, (None, "public", "keys", "closed"), ("", "x")):
        query = ChatflowQuery(workspace_id="w1", sort=sort, access=access, search=search)
        made = chatflow_list._matching(query).compile(
            dialect=dialect, compile_kwargs={"render_postcompile": True}
        )
        steps = [row[3] for row in raw.execute(f"EXPLAIN QUERY PLAN {made}", made.params)]
        about = [step for step in steps if " chatflow " in step]
        assert about == ["SEARCH chatflow USING COVERING INDEX ix_chatflow_listed (workspace_id=?)"]
        calls = [step for step in steps if " conversation " in step]
        assert all("USING COVERING INDEX ix_conversation_last" in step for step in calls)


def test_choices_are_the_chosen_and_then_what_matches(tables: Tables) -> None:
    """Each part by name, none twice, and none of another workspace."""
    by_name = [s.chatflow for s in sorted(OWN, key=lambda s: (fold_name(s.chatflow.name), SAMPLES.index(s)))]
    chosen = ["flow-1", "flow-2", "flow-0", "gone"]  # flow-0 is another workspace's
    found = tables.chatflows.choices("w1", "DOCS", 5, chosen)
    first = [item.id for item in by_name if item.id in chosen]
    then = [item.id for item in by_name if "docs" in fold_name(item.name) and item.id not in chosen]
    assert [item.id for item in found] == [*first, *then[:5]]
    assert [item.id for item in tables.chatflows.choices("w1", "", 1000, ())] == [item.id for item in by_name]


def test_a_new_name_is_searched_and_sorted_by(tables: Tables) -> None:
    """The folded name follows the name."""
    item = msgspec.structs.replace(OWN[0].chatflow, name="ZÜRICH")
    tables.chatflows.update(item)
    found = tables.chatflows.listed(ChatflowQuery(workspace_id="w1", search="zürich"), 0)
    tables.chatflows.update(OWN[0].chatflow)
    assert [line.id for line in found.items] == [item.id]
