"""Conversations within one transaction: kept in step with messages, so that the latest are found at once."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from sqlalchemy import Insert, bindparam, func, select, tuple_

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.ids import new_ordered_id
from flowkeys.domain.listing import ConversationQuery, Part
from flowkeys.domain.predictions.conversation import Conversation, Message, Role, in_one_line
from flowkeys.storage.elements import greater, upsert
from flowkeys.storage.schema import api_key, conversation, person
from flowkeys.storage.statement import Connection, Insertion, Row, Statement

_c = conversation.c
NONE: Final = ""
"""Instead of a key or a person: two nulls would not be the same conversation."""
_USER: Final = Role.USER
_SAME: Final = (_c.workspace_id, _c.chatflow_id, _c.session_id, _c.key_id, _c.person_id)
_NAMES: Final = [column.name for column in _c if column.name != "seq"]


def _keep(rows: Sequence[Mapping[str, object]]) -> Insert:
    insert = upsert(conversation).values(rows)
    return insert.on_conflict_do_update(
        index_elements=_SAME,
        set_={
            "messages": _c.messages + insert.excluded.messages,
            "last_at": greater(_c.last_at, insert.excluded.last_at),
        },
    )


_KEEP = Insertion(_keep, _NAMES)
_SELECT = (
    select(
        _c.id,
        _c.chatflow_id,
        _c.session_id,
        func.nullif(_c.key_id, NONE),
        api_key.c.name,
        func.nullif(_c.person_id, NONE),
        person.c.name,
        _c.first_question,
        _c.messages,
        _c.started_at,
        _c.last_at,
        _c.seq,
    )
    .select_from(conversation)
    .outerjoin(api_key, (api_key.c.id == _c.key_id) & (api_key.c.workspace_id == _c.workspace_id))
    .outerjoin(person, (person.c.id == _c.person_id) & (person.c.workspace_id == _c.workspace_id))
    .where(_c.workspace_id == bindparam("workspace"), _c.chatflow_id == bindparam("chatflow"))
)
_GET = Statement(_SELECT.where(_c.id == bindparam("conversation")))
_order = _SELECT.order_by(_c.last_at.desc(), _c.seq.desc()).limit(bindparam("most"))
_LATEST = Statement(_order)
_OLDER = Statement(_order.where(tuple_(_c.last_at, _c.seq) < tuple_(bindparam("at"), bindparam("seq"))))
_COUNT = Statement(
    select(func.coalesce(func.sum(_c.messages), 0)).where(
        _c.workspace_id == bindparam("workspace"), _c.chatflow_id == bindparam("chatflow")
    )
)


class ConversationTable:
    """Implements the port `Conversations`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, workspace_id: str, chatflow_id: str, conversation_id: str) -> Conversation | None:
        """Return one conversation of a chatflow."""
        row = self._connection.row(
            _GET, {"workspace": workspace_id, "chatflow": chatflow_id, "conversation": conversation_id}
        )
        return _conversation(row) if row else None

    def latest(self, query: ConversationQuery) -> Part[Conversation]:
        """Return the conversations that were gone on with last, the latest first.

        Raises:
            InvalidInput: naming ``olderThan``: it is none that a part gave.
        """
        values = {"workspace": query.workspace_id, "chatflow": query.chatflow_id, "most": query.limit + 1}
        if query.older_than is None:
            rows = self._connection.rows(_LATEST, values)
        else:
            at, seq = _place(query.older_than)
            rows = self._connection.rows(_OLDER, {**values, "at": at, "seq": seq})
        shown = rows[: query.limit]
        older = f"{shown[-1][-2]}-{shown[-1][-1]}" if shown and len(rows) > len(shown) else None
        return Part([_conversation(row) for row in shown], older)


def keep(connection: Connection, messages: Iterable[Message]) -> None:
    """Count messages, which are stored in this order, among their conversations."""
    rows: list[Row] = []
    same: list[Message] = []
    whose: tuple[str | None, ...] = ()
    for item in messages:
        of = item.workspace_id, item.chatflow_id, item.session_id, item.key_id, item.person_id
        if of != whose:
            if same:
                rows.append(_values(same))
            same, whose = [], of
        same.append(item)
    if same:
        rows.append(_values(same))
    connection.insert(_KEEP, rows)


def count_messages(connection: Connection, workspace_id: str, chatflow_id: str) -> int:
    """Return how many messages a chatflow has, without a look at each."""
    row = connection.row(_COUNT, {"workspace": workspace_id, "chatflow": chatflow_id})
    return int(row[0]) if row else 0


def _values(messages: list[Message]) -> Row:
    first = messages[0]
    question = ""
    began = ended = first.created_at
    for item in reversed(messages):
        if item.role is _USER:
            question = item.content
        began, ended = min(began, item.created_at), max(ended, item.created_at)
    return (
        new_ordered_id(first.created_at),
        first.workspace_id,
        first.chatflow_id,
        first.session_id,
        first.key_id or NONE,
        first.person_id or NONE,
        in_one_line(question),
        len(messages),
        began,
        ended,
    )


def _place(text: str) -> tuple[int, int]:
    at, _, seq = text.partition("-")
    largest = 2**63 - 1
    if (
        at.isascii()
        and at.isdigit()
        and seq.isascii()
        and seq.isdigit()
        and len(text) <= 2 * len(str(largest))
    ):
        place = int(at), int(seq)
        if max(place) <= largest:
            return place
    raise InvalidInput.of("olderThan", "Give the place where the part before ended, as it was given.")


def _conversation(row: Row) -> Conversation:
    return Conversation(
        id=row[0],
        chatflow_id=row[1],
        session_id=row[2],
        key_id=row[3],
        key_name=row[4],
        person_id=row[5],
        person_name=row[6],
        first_question=row[7],
        messages=row[8],
        started_at=row[9],
        last_at=row[10],
    )
