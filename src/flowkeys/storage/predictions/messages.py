"""Conversations within one transaction."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

import msgspec
from sqlalchemy import (
    ColumnElement,
    ScalarSelect,
    Select,
    bindparam,
    case,
    func,
    insert,
    literal,
    select,
)

from flowkeys.domain.errors import NotFound
from flowkeys.domain.listing import DETAILS_SHARE, MessageQuery, Page
from flowkeys.domain.predictions.conversation import Message, Role, Turn
from flowkeys.storage.elements import bytes_of
from flowkeys.storage.predictions import conversations
from flowkeys.storage.schema import conversation, message
from flowkeys.storage.statement import Connection, Insertion, Row, Statement

_NAMES: Final = [c.name for c in message.c if c.name != "seq"]
_USER: Final = Role.USER
_QUESTION: Final = Role.USER.value  # an attribute of an enumeration costs a call
_ANSWER: Final = Role.ASSISTANT.value
_INSERT = Insertion(lambda rows: insert(message).values(rows), _NAMES)
# Of one session. IS, since a session is a key's, a person's, or nobody's.
_OF_SESSION: Final = (
    message.c.workspace_id == bindparam("workspace"),
    message.c.chatflow_id == bindparam("chatflow"),
    message.c.session_id == bindparam("session"),
    message.c.key_id.is_not_distinct_from(bindparam("key")),
    message.c.person_id.is_not_distinct_from(bindparam("person")),
)
_HISTORY = Statement(
    select(message.c.role, message.c.content)
    .where(*_OF_SESSION)
    .order_by(message.c.seq.desc())
    .limit(bindparam("most"))
)
_LATEST = Statement(
    select(message.c.details)
    .where(*_OF_SESSION, message.c.role == _ANSWER)
    .order_by(message.c.seq.desc())
    .limit(1)
)


class MessageTable:
    """Implements the port `Messages`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, messages: Sequence[Message]) -> None:
        """Append messages in this order.

        Raises:
            NotFound: their chatflow is gone.
        """
        add_together(self._connection, [messages])

    def history(
        self,
        workspace_id: str,
        chatflow_id: str,
        key_id: str | None,
        session_id: str,
        limit: int,
        *,
        person_id: str | None = None,
    ) -> list[Turn]:
        """Return the latest `limit` messages of one session of one caller, oldest first."""
        rows = self._connection.rows(
            _HISTORY,
            {
                "workspace": workspace_id,
                "chatflow": chatflow_id,
                "session": session_id,
                "key": key_id,
                "person": person_id,
                "most": limit,
            },
        )
        return [Turn(Role(role), content) for role, content in reversed(rows)]

    def latest_details(
        self,
        workspace_id: str,
        chatflow_id: str,
        key_id: str | None,
        session_id: str,
        *,
        person_id: str | None = None,
    ) -> dict[str, Any]:
        """Return what is kept with the latest answer of one session of one caller; empty without one."""
        rows = self._connection.rows(
            _LATEST,
            {
                "workspace": workspace_id,
                "chatflow": chatflow_id,
                "session": session_id,
                "key": key_id,
                "person": person_id,
            },
        )
        return msgspec.json.decode(rows[0][0], type=dict[str, Any]) if rows and rows[0][0] else {}

    def page(self, query: MessageQuery) -> Page[Message]:
        """Return messages, newest first, with the number of all that match."""
        conditions = [
            message.c.workspace_id == query.workspace_id,
            message.c.chatflow_id == query.chatflow_id,
        ]
        if query.conversation_id is not None:
            conditions += _of_conversation(query)
        if query.session_id is not None:
            conditions.append(message.c.session_id == query.session_id)
        if query.key_id is not None:
            conditions.append(message.c.key_id == query.key_id)
        # Of a session the sum keeps SQLite from walking all messages by number until it meets some.
        of_session = query.session_id is not None or query.conversation_id is not None
        order = message.c.seq + 0 if of_session else message.c.seq
        found = _select(query.shorten_to).where(*conditions).order_by(order.desc())
        rows = self._connection.query(found.limit(query.limit).offset(query.offset))
        return Page([_message(row, query.shorten_to) for row in rows], self._count(conditions, query))

    def _count(self, conditions: list[ColumnElement[bool]], query: MessageQuery) -> int:
        if len(conditions) == len(("workspace", "chatflow")):
            return conversations.count_messages(self._connection, query.workspace_id, query.chatflow_id)
        counted = select(func.count()).select_from(message).where(*conditions)
        total: int = self._connection.query(counted)[0][0]
        return total


def add_together(connection: Connection, calls: Sequence[Sequence[Message]]) -> None:
    """Append the messages of some calls, in as few statements as can be.

    Raises:
        NotFound: the chatflow of one of them is gone.
    """
    messages = list(chain.from_iterable(calls))
    try:
        connection.insert(_INSERT, [_values(item) for item in messages])
        conversations.keep(connection, messages)
    except connection.unfit:  # a foreign key: it was deleted while it ran
        raise NotFound("chatflow: it was deleted meanwhile") from None


def _select(shorten_to: int | None) -> Select[Any]:
    """Return whole messages, or as much of them as is wanted: what is left out is not even read."""
    columns: dict[str, ColumnElement[Any]] = {name: message.c[name] for name in _NAMES}
    are_details_left_out: ColumnElement[Any] = literal(0)
    if shorten_to is not None:
        # In bytes, at most four to a character: of a text SQLite sees nothing behind a NUL.
        columns["content"] = func.substr(bytes_of(message.c.content), 1, 4 * (shorten_to + 1))
        is_large = func.length(message.c.details) > DETAILS_SHARE * shorten_to
        columns["details"] = case((is_large, None), else_=message.c.details)
        are_details_left_out = case((is_large, 1), else_=0)
    return select(*columns.values(), are_details_left_out)


def _of_conversation(query: MessageQuery) -> list[ColumnElement[bool]]:
    """Return what tells the messages of one conversation; no message has an empty caller."""

    def of(column: ColumnElement[str]) -> ScalarSelect[str | None]:
        return (
            select(column)
            .where(
                conversation.c.workspace_id == query.workspace_id,
                conversation.c.chatflow_id == query.chatflow_id,
                conversation.c.id == query.conversation_id,
            )
            .scalar_subquery()
        )

    def caller(column: ColumnElement[str]) -> ScalarSelect[str | None]:
        return of(func.nullif(column, conversations.NONE))

    return [
        message.c.session_id == of(conversation.c.session_id),
        message.c.key_id.is_not_distinct_from(caller(conversation.c.key_id)),
        message.c.person_id.is_not_distinct_from(caller(conversation.c.person_id)),
    ]


def _values(item: Message) -> Row:
    """Return the values of a row, in the order of `_NAMES`."""
    return (
        item.id,
        item.workspace_id,
        item.chatflow_id,
        item.key_id,
        item.session_id,
        item.chat_id,
        _QUESTION if item.role is _USER else _ANSWER,
        item.content,
        msgspec.json.encode(item.details).decode() if item.details else None,
        item.created_at,
        item.person_id,
        item.finish_reason,
        item.execution_id,
    )


def _message(row: Row, shorten_to: int | None) -> Message:
    values: dict[str, Any] = dict(zip(_NAMES, row[:-1], strict=True))
    values["is_shortened"] = bool(row[-1])
    if shorten_to is not None:
        text = values["content"].decode(errors="ignore")  # the last character may be cut in two
        values["content"] = text[:shorten_to]
        values["is_shortened"] |= len(text) > shorten_to
    values["role"] = Role(values["role"])
    values["details"] = msgspec.json.decode(values["details"]) if values["details"] else {}
    return Message(**values)
