"""Conversations are kept in step with messages: what a list says is what a look at every message says."""

import random
import shutil
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import pytest

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.listing import ConversationQuery, MessageQuery
from flowkeys.domain.people.workspace import Workspace
from flowkeys.domain.predictions.conversation import Message, Role, in_one_line
from flowkeys.storage.predictions import conversations
from flowkeys.storage.predictions.messages import add_together
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables
from tests.support.template import upgrade_to

CHATFLOWS = ("c1", "c2")
BEGIN = 1_780_000_000_000_000
_CHATFLOW = (
    "INSERT INTO chatflow (id, workspace_id, name, type, flow_data, is_public, extras, created_at,"
    " updated_at, version) VALUES (?, ?, 'N', 'CHATFLOW', '{}', false, '{}', 0, 0, 1)"
)


_OLD_INDEX = "ix_message_workspace_id_chatflow_id_session_id_key_id_seq"


def _message(n: int, **members: object) -> Message:
    values = {"chatflow_id": "c1", "key_id": None, "session_id": "s", "role": Role.USER, "created_at": n}
    fixed = {"id": f"m{n}", "workspace_id": "w1", "chat_id": "c", "content": f"text  {n}\n" * 20}
    return Message(**{**fixed, **values, **members})


def _turns() -> list[list[Message]]:
    rng = random.Random(5)
    turns = []
    for n in range(400):
        key, person = rng.choice([(None, None), ("k1", None), ("k2", None), (None, "p1"), (None, "p2")])
        whose = {"chatflow_id": rng.choice(CHATFLOWS), "session_id": f"s{rng.randrange(12)}"}
        caller = {**whose, "key_id": key, "person_id": person, "created_at": rng.randrange(300)}
        turns.append([_message(2 * n, **caller), _message(2 * n + 1, **caller, role=Role.ASSISTANT)])
    return turns


TURNS = _turns()


def _whose(item: Message) -> tuple[str, ...]:
    return item.chatflow_id, item.session_id, item.key_id or "", item.person_id or ""


def _open(path: Path) -> Tables:
    return Tables(Connection(connect(path)))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with 400 turns of five callers who use the same session ids in two chatflows."""
    path: Path = tmp_path_factory.mktemp("conversations") / "flowkeys.db"
    migrate.upgrade(path)
    tables = _open(path)
    raw = tables._connection.raw
    raw.execute("BEGIN")
    fill(tables)
    raw.execute("COMMIT")
    raw.close()
    return path


def fill(tables: Tables) -> None:
    """Add them."""
    tables.workspaces.insert(Workspace("w1", "w1", 0))
    for chatflow in CHATFLOWS:
        tables._connection.raw.execute(_CHATFLOW.replace("?, ?", f"'{chatflow}', 'w1'"))
    for turn in TURNS:
        tables.messages.add(turn)


@pytest.fixture
def filled(template: Path, tmp_path: Path) -> Iterator[Tables]:
    """A copy of that database, for one test."""
    tables = _open(Path(shutil.copy(template, tmp_path)))
    yield tables
    tables._connection.raw.close()


def _all(tables: Tables, chatflow_id: str, limit: int = 7) -> list:
    found: list = []
    query = ConversationQuery(workspace_id="w1", chatflow_id=chatflow_id, limit=limit)
    while True:
        part = tables.conversations.latest(query)
        found += part.items
        if part.older is None:
            return found
        query = ConversationQuery(
            workspace_id="w1", chatflow_id=chatflow_id, limit=limit, older_than=part.older
        )


def _expected(chatflow_id: str) -> dict[tuple[str, ...], tuple[int, int, int, str]]:
    messages = sorted((m for turn in TURNS for m in turn), key=_whose)
    found = {}
    for whose, same in groupby(messages, _whose):
        if whose[0] == chatflow_id:
            items = sorted(same, key=lambda m: int(m.id[1:]))
            times = [m.created_at for m in items]
            found[whose] = (len(items), times[0], max(times), in_one_line(items[0].content))
    return found


def _seen(item: object) -> tuple[tuple[str, ...], tuple[int, int, int, str]]:
    whose = (item.chatflow_id, item.session_id, item.key_id or "", item.person_id or "")
    return whose, (item.messages, item.started_at, item.last_at, item.first_question)


@pytest.mark.parametrize("chatflow", CHATFLOWS)
def test_each_conversation_is_met_once_the_latest_first(filled: Tables, chatflow: str) -> None:
    """Part by part, with its count, its times and its first question; another caller's is another."""
    found = _all(filled, chatflow)
    assert dict(map(_seen, found)) == _expected(chatflow)
    assert len(found) == len(_expected(chatflow))
    assert [item.last_at for item in found] == sorted((item.last_at for item in found), reverse=True)


def test_a_conversation_shows_its_own_messages_only(filled: Tables) -> None:
    """Those of its caller, though others use the same session id."""
    for item in _all(filled, "c1"):
        query = MessageQuery(workspace_id="w1", chatflow_id="c1", conversation_id=item.id)
        page = filled.messages.page(query)
        assert page.total == len(page.items) == item.messages
        assert {_whose(message) for message in page.items} == {_seen(item)[0]}


@pytest.mark.parametrize("conversation", ["", "none"])
def test_no_conversation_has_no_messages(filled: Tables, conversation: str) -> None:
    """An unknown one does not mean all, nor those that were asked in public."""
    query = MessageQuery(workspace_id="w1", chatflow_id="c1", conversation_id=conversation)
    assert filled.messages.page(query).total == 0


def test_all_messages_are_counted(filled: Tables) -> None:
    """The total without a filter is that of a plain count."""
    page = filled.messages.page(MessageQuery(workspace_id="w1", chatflow_id="c1"))
    assert page.total == sum(m.chatflow_id == "c1" for turn in TURNS for m in turn)


def test_the_next_part_holds_while_conversations_move_to_the_front(filled: Tables) -> None:
    """Someone goes on talking between two parts: nothing older is missed or shown twice."""
    query = ConversationQuery(workspace_id="w1", chatflow_id="c1", limit=5)
    first = filled.conversations.latest(query)
    before = _all(filled, "c1")
    moved = first.items[-1]
    filled.messages.add(
        [_message(9999, session_id=moved.session_id, key_id=moved.key_id, person_id=moved.person_id)]
    )
    following = ConversationQuery(workspace_id="w1", chatflow_id="c1", limit=5, older_than=first.older)
    second = filled.conversations.latest(following)
    assert [item.id for item in second.items] == [item.id for item in before[5:10]]


@pytest.mark.parametrize(
    "place", ["", "x", "1", "1-", "-1", "1-x", "\u0661-\u0661", "9" * 40 + "-1", f"1-{2**63}"]
)
def test_a_place_that_no_part_gave_is_refused(filled: Tables, place: str) -> None:
    """By the field's name, and never by an error of the database."""
    with pytest.raises(InvalidInput, match="olderThan"):
        filled.conversations.latest(ConversationQuery(workspace_id="w1", chatflow_id="c1", older_than=place))


def test_another_workspace_sees_none_of_it(filled: Tables) -> None:
    """Neither the list nor one that it knows the id of."""
    some = _all(filled, "c1")[0]
    assert filled.conversations.latest(ConversationQuery(workspace_id="w2", chatflow_id="c1")).items == []
    assert filled.conversations.get("w2", "c1", some.id) is None
    assert filled.conversations.get("w1", "c2", some.id) is None
    assert filled.conversations.get("w1", "c1", some.id) == some


def test_histories_of_callers_are_apart(filled: Tables) -> None:
    """A key's, a person's and nobody's sessions of the same id share no message."""
    for key, person in ((None, None), ("k1", None), (None, "p1"), (None, "p2")):
        wanted = [
            m.content for turn in TURNS for m in turn if _whose(m) == ("c1", "s3", key or "", person or "")
        ]
        found = filled.messages.history("w1", "c1", key, "s3", 1000, person_id=person)
        assert [turn.content for turn in found] == wanted
        assert wanted


def test_conversations_go_with_their_chatflow(filled: Tables) -> None:
    """Nothing of them is left."""
    filled.chatflows.delete("w1", "c1")
    assert _all(filled, "c1") == []
    assert len(_all(filled, "c2")) == len(_expected("c2"))


def test_the_latest_are_found_without_sorting(filled: Tables) -> None:
    """The index is in their order: a million conversations cost as much as ten."""
    raw = filled._connection.raw
    values = {"workspace": "w1", "chatflow": "c1", "most": 5, "at": 1, "seq": 1}
    for statement in (conversations._LATEST, conversations._OLDER):
        steps = [r[3] for r in raw.execute(f"EXPLAIN QUERY PLAN {statement.sql}", statement.bind(values))]
        assert "USING INDEX ix_conversation_last" in steps[0]
        assert not any("TEMP B-TREE" in step for step in steps)


def test_an_upgrade_finds_the_conversations_of_earlier_messages(tmp_path: Path) -> None:
    """And chatflows' names to search by: as if they had been kept all along."""
    path = tmp_path / "old.db"
    upgrade_to(path, "0003")
    raw = connect(path)
    raw.execute("BEGIN")
    raw.execute("INSERT INTO workspace VALUES ('w1', 'w1', 0)")
    for chatflow in CHATFLOWS:
        raw.execute(_CHATFLOW, (chatflow, "w1"))
    for item in (m for turn in TURNS for m in turn if m.person_id is None):
        raw.execute(
            "INSERT INTO message (id, workspace_id, chatflow_id, key_id, session_id, chat_id, role, content,"
            " created_at) VALUES (?, 'w1', ?, ?, ?, 'c', ?, ?, ?)",
            (
                item.id,
                item.chatflow_id,
                item.key_id,
                item.session_id,
                item.role,
                item.content,
                item.created_at,
            ),
        )
    raw.execute("COMMIT")
    raw.close()
    migrate.upgrade(path)
    tables = _open(path)
    expected = {whose: about for whose, about in _expected("c1").items() if not whose[3]}
    found = dict(map(_seen, _all(tables, "c1")))
    assert {whose: (n, last, text) for whose, (n, _, last, text) in found.items()} == {
        whose: (n, last, text) for whose, (n, _, last, text) in expected.items()
    }
    assert {item.id for item in tables.chatflows.choices("w1", "n", 9, ())} == set(CHATFLOWS)
    tables._connection.raw.close()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("  What\n\tis  it? ", "What is it?"),
        ("", ""),
        ("x" * 120, "x" * 120),
        ("x" * 121, "x" * 119 + "…"),
        ("a " * 10_000, ("a " * 60)[:119].rstrip() + "…"),
        (" " * 1000, "…"),
    ],
)
def test_a_question_is_told_in_one_line(text: str, line: str) -> None:
    """At most 120 characters, and it shows when that is not all."""
    assert in_one_line(text) == line


def test_calls_that_are_stored_together_are_stored_as_one_by_one(template: Path, tmp_path: Path) -> None:
    """The same messages in the same order, the same conversations: in a few statements for all of them."""
    one_by_one = _open(Path(shutil.copy(template, tmp_path / "one.db")))
    together = _open(Path(shutil.copy(template, tmp_path / "together.db")))
    turns = TURNS[:101]
    for turn in turns:
        one_by_one.messages.add(turn)
    statements: list[str] = []
    together._connection.raw.set_trace_callback(statements.append)
    add_together(together._connection, turns)
    together._connection.raw.set_trace_callback(None)
    assert len(statements) <= 12
    columns = "chatflow_id, session_id, key_id, person_id, first_question, messages, started_at, last_at"
    for query in ("SELECT * FROM message ORDER BY seq", f"SELECT {columns} FROM conversation ORDER BY seq"):
        rows = [tables._connection.raw.execute(query).fetchall() for tables in (one_by_one, together)]
        assert rows[0] == rows[1]
    for tables in (one_by_one, together):
        tables._connection.raw.close()


def test_new_conversations_are_filed_one_after_the_other(filled: Tables) -> None:
    """Under ids that come in the order of time: random ones would make a page of the index dirty for each."""
    turns = [
        [_message(n, session_id=f"new {n}", created_at=BEGIN + 1000 * n) for _ in range(2)] for n in range(9)
    ]
    add_together(filled._connection, turns)
    query = "SELECT id FROM conversation WHERE session_id LIKE 'new %' ORDER BY seq"
    ids = [row[0] for row in filled._connection.raw.execute(query)]
    assert (len(ids), ids) == (9, sorted(ids))
