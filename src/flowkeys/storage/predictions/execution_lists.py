"""Which runs a list has, and how one is read: from a row of its own, or from its answer's message."""

from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, literal, select

from flowkeys.domain.ids import first_id_of
from flowkeys.domain.predictions.conversation import Role
from flowkeys.domain.predictions.execution import Execution, ExecutionQuery, RunState
from flowkeys.storage.schema import execution, message
from flowkeys.storage.statement import Row

_e = execution.c
_m = message.c
NAMES: Final = [
    *("id", "workspace_id", "chatflow_id", "key_id", "person_id", "session_id", "chat_id", "state"),
    *("question", "started_at", "updated_at", "stopped_at", "expires_at", "action", "text", "error"),
]


def rows_of(query: ExecutionQuery) -> Any:
    """Return the query of those that have rows."""
    found = select(_e.id, _e.seq, literal(1).label("apart")).where(
        *_matching(query, _e.id, _e.workspace_id, _e.chatflow_id, _e.session_id)
    )
    if query.state is not None:
        found = found.where(_e.state == query.state.value)
    if query.state is RunState.STOPPED:
        found = found.where(_e.expires_at > query.now)
    return found


def answers_of(query: ExecutionQuery) -> Any:
    """Return the query of the others."""
    return select(_m.execution_id.label("id"), _m.seq, literal(0).label("apart")).where(
        _m.execution_id.is_not(None),
        *_matching(query, _m.execution_id, _m.workspace_id, _m.chatflow_id, _m.session_id),
    )


def _matching(
    query: ExecutionQuery,
    run: ColumnElement[str],
    workspace: ColumnElement[str],
    chatflow: ColumnElement[str],
    session: ColumnElement[str],
) -> list[ColumnElement[bool]]:
    conditions = [workspace == query.workspace_id]
    if query.chatflow_id is not None:
        conditions.append(chatflow == query.chatflow_id)
    if query.session_id is not None:
        conditions.append(session == query.session_id)
    if query.before is not None:
        conditions.append(run < query.before)
    if query.since is not None:
        conditions.append(run >= first_id_of(query.since))
    if query.until is not None:
        conditions.append(run < first_id_of(query.until))
    return conditions


def from_messages() -> Any:
    """Return the query of answers with the question before each."""
    asked = message.alias()
    question = (
        select(asked.c.content)
        .where(
            asked.c.workspace_id == _m.workspace_id,
            asked.c.chatflow_id == _m.chatflow_id,
            asked.c.session_id == _m.session_id,
            asked.c.key_id.is_not_distinct_from(_m.key_id),
            asked.c.person_id.is_not_distinct_from(_m.person_id),
            asked.c.role == Role.USER.value,
            asked.c.seq < _m.seq,
        )
        .order_by(asked.c.seq.desc())
        .limit(1)
        .scalar_subquery()
    )
    columns = (
        *(_m.execution_id, _m.workspace_id, _m.chatflow_id, _m.key_id, _m.person_id),
        *(_m.session_id, _m.chat_id, _m.created_at, _m.content),
    )
    return select(*columns, question)


def execution_of(row: Row) -> Execution:
    """Return what a row of `NAMES` says, and its entries behind them if there are any."""
    values = dict(zip(NAMES, row, strict=False))
    values["state"] = RunState(values["state"])
    values["action"] = msgspec.json.decode(values["action"]) if values["action"] else None
    entries = msgspec.json.decode(row[-1]) if len(row) > len(NAMES) else []
    return Execution(**values, entries=entries)


def execution_of_answer(row: Row) -> Execution:
    """Return what a row of `from_messages` says, and its details behind it if there are any."""
    details = msgspec.json.decode(row[10]) if len(row) > 10 and row[10] else {}  # noqa: PLR2004
    return Execution(
        id=row[0],
        workspace_id=row[1],
        chatflow_id=row[2],
        key_id=row[3],
        person_id=row[4],
        session_id=row[5],
        chat_id=row[6],
        state=RunState.FINISHED,
        started_at=row[7],
        updated_at=row[7],
        text=row[8],
        question=row[9] or "",
        entries=details.get("agentFlowExecutedData", []),
        is_apart=False,
    )
