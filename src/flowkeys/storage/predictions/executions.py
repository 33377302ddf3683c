"""Runs of agentflows within one transaction: those that wait or failed have rows, the others messages."""

from collections.abc import Mapping
from typing import Final

import msgspec
from sqlalchemy import (
    bindparam,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    union_all,
    update,
)

from flowkeys.domain.errors import NotFound
from flowkeys.domain.listing import Page
from flowkeys.domain.predictions.execution import (
    Execution,
    ExecutionQuery,
    KeptFlow,
    RunState,
    Taken,
    Waiting,
)
from flowkeys.storage.elements import upsert
from flowkeys.storage.predictions.execution_lists import (
    NAMES,
    answers_of,
    execution_of,
    execution_of_answer,
    from_messages,
    rows_of,
)
from flowkeys.storage.schema import execution, execution_flow, message
from flowkeys.storage.statement import Connection, Statement

_e = execution.c
_f = execution_flow.c
_m = message.c
_WRITTEN: Final = [*NAMES, "entries", "saved", "flow", "taken_by", "taken_until"]
_ENDED: Final = ["state", "updated_at", "stopped_at", "expires_at", "action", "text", "error"]
_this = (_e.workspace_id == bindparam("workspace"), _e.id == bindparam("execution"))
_held = (*_this, _e.taken_by == bindparam("by"))
_waits: Final = _e.state == RunState.STOPPED.value
_lapsed = (_e.state == RunState.IN_PROGRESS.value) & (_e.taken_until < bindparam("now"))

_INSERT = Statement(insert(execution), _WRITTEN)
_KEEP_FLOW = Statement(
    upsert(execution_flow).on_conflict_do_nothing(
        index_elements=[_f.workspace_id, _f.chatflow_id, _f.digest]
    ),
    ["workspace_id", "chatflow_id", "digest", "flow"],
)
_GET = Statement(select(*(_e[name] for name in NAMES), _e.entries).where(*_this))
_KEPT = Statement(
    select(_e.saved, _f.flow).where(
        *_this,
        _f.workspace_id == _e.workspace_id,
        _f.chatflow_id == _e.chatflow_id,
        _f.digest == _e.flow,
    )
)
_LATEST = Statement(
    select(*(_e[name] for name in NAMES), _e.entries)
    .where(
        _e.workspace_id == bindparam("workspace"),
        _e.chatflow_id == bindparam("chatflow"),
        _e.session_id == bindparam("session"),
        _e.key_id.is_not_distinct_from(bindparam("key")),
        _e.person_id.is_not_distinct_from(bindparam("person")),
        _e.stopped_at.is_not(None),
    )
    .order_by(_e.id.desc())
    .limit(1)
)
_TAKE = Statement(
    update(execution).where(
        *_this, _e.expires_at > bindparam("now"), _e.saved.is_not(None), or_(_waits, _lapsed)
    ),
    ["state", "updated_at", "taken_by", "taken_until", "error"],
)
_HOLD = Statement(update(execution).where(*_held), ["taken_until"])
_SETTLE = Statement(update(execution).where(*_held), [*_ENDED, "entries", "saved", "flow", "taken_by"])
_GIVE_BACK = Statement(update(execution).where(*_held), ["state", "updated_at", "error", "taken_by"])
_LAPSE = Statement(update(execution).where(_lapsed), ["state", "error", "taken_by"])
_EXPIRE = Statement(
    update(execution).where(_waits, _e.expires_at <= bindparam("now")), ["state", "saved", "flow"]
)
_FORGET_FLOWS = Statement(
    delete(execution_flow).where(
        ~exists().where(
            _e.workspace_id == _f.workspace_id, _e.chatflow_id == _f.chatflow_id, _e.flow == _f.digest
        )
    )
)
_DELETE = Statement(delete(execution).where(*_this))
_of_message = (_m.workspace_id == bindparam("workspace"), _m.execution_id == bindparam("execution"))
_UNLIST = Statement(update(message).where(*_of_message), ["execution_id", "details"])
_DETAILS = Statement(select(_m.details).where(*_of_message))


class ExecutionTable:
    """Implements the port `Executions`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, item: Execution, waiting: Waiting | None = None) -> None:
        """Add a run that stopped, or failed.

        Raises:
            NotFound: its chatflow is gone.
        """
        values = {**_values(item), **_kept(waiting), "taken_by": None, "taken_until": None}
        try:
            if waiting is not None:
                self._keep_flow(item, waiting.flow)
            self._connection.run(_INSERT, values)
        except self._connection.unfit:  # a foreign key: it was deleted while it ran
            raise NotFound("chatflow: it was deleted meanwhile") from None

    def get(self, workspace_id: str, execution_id: str) -> Execution | None:
        """Return a run with its steps."""
        row = self._connection.row(_GET, {"workspace": workspace_id, "execution": execution_id})
        if row is not None:
            return execution_of(row)
        query = from_messages().where(_m.workspace_id == workspace_id, _m.execution_id == execution_id)
        rows = self._connection.query(query.add_columns(_m.details))
        return execution_of_answer(rows[0]) if rows else None

    def latest(
        self, workspace_id: str, chatflow_id: str, session_id: str, key_id: str | None, person_id: str | None
    ) -> Execution | None:
        """Return the newest run of a session that ever stopped for a person, whatever became of it."""
        row = self._connection.row(
            _LATEST,
            {
                "workspace": workspace_id,
                "chatflow": chatflow_id,
                "session": session_id,
                "key": key_id,
                "person": person_id,
            },
        )
        return execution_of(row) if row else None

    def take(self, item: Execution, by: str, now: int, until: int) -> Taken | None:
        """Take a run that waits, until a time; None: it waits no more, or somebody else has it."""
        this = {"workspace": item.workspace_id, "execution": item.id}
        values = {
            "state": RunState.IN_PROGRESS.value,
            "updated_at": now,
            "taken_by": by,
            "taken_until": until,
        }
        if not self._connection.run(_TAKE, {**this, **values, "error": None, "now": now}):
            return None
        row = self._connection.row(_KEPT, this)
        assert row is not None
        flow = msgspec.json.decode(row[1], type=KeptFlow)
        return Taken(execution=item, saved=row[0], flow=flow, by=by)

    def hold(self, taken: Taken, until: int) -> bool:
        """Keep a run that was taken for longer; False: somebody else has it."""
        return self._connection.run(_HOLD, {**_held_by(taken), "taken_until": until}) > 0

    def settle(self, taken: Taken, item: Execution, waiting: Waiting | None = None) -> bool:
        """Write what became of a run that was taken; False: somebody else has it, and nothing is written."""
        values = {name: value for name, value in _values(item).items() if name in (*_ENDED, "entries")}
        kept = _kept(waiting)
        if waiting is not None:
            self._keep_flow(item, waiting.flow)
        return self._connection.run(_SETTLE, {**values, **kept, **_held_by(taken), "taken_by": None}) > 0

    def give_back(self, taken: Taken, error: str, now: int) -> None:
        """Let a run wait again whose answer led nowhere."""
        values = {"state": RunState.STOPPED.value, "updated_at": now, "error": error, "taken_by": None}
        self._connection.run(_GIVE_BACK, {**_held_by(taken), **values})

    def tidy(self, now: int, interrupted: str) -> int:
        """Let runs wait again that nobody holds any more, end those that waited too long; count these."""
        lapsed = {"now": now, "state": RunState.STOPPED.value, "error": interrupted, "taken_by": None}
        self._connection.run(_LAPSE, lapsed)
        ended = self._connection.run(
            _EXPIRE, {"now": now, "state": RunState.TIMEOUT.value, "saved": None, "flow": None}
        )
        self._connection.run(_FORGET_FLOWS, {})
        return ended

    def delete(self, workspace_id: str, execution_id: str) -> bool:
        """Delete a run; its messages stay, without its steps. Tell whether there was one."""
        this = {"workspace": workspace_id, "execution": execution_id}
        if self._connection.run(_DELETE, this):
            return True
        row = self._connection.row(_DETAILS, this)
        if row is None:
            return False
        details = msgspec.json.decode(row[0]) if row[0] else {}
        details.pop("agentFlowExecutedData", None)
        left = msgspec.json.encode(details).decode() if details else None
        # By the column's name the new value, so that the old one needs another.
        return self._connection.run(_UNLIST, {**this, "execution_id": None, "details": left}) > 0

    def page(self, query: ExecutionQuery) -> Page[Execution]:
        """Return runs without their steps, the newest first, with the number of all that match."""
        parts = [rows_of(query)]
        if query.state in {None, RunState.FINISHED}:
            parts.append(answers_of(query))
        both = union_all(*parts).subquery()
        order = select(both.c.id, both.c.seq, both.c.apart).order_by(both.c.id.desc())
        found = self._connection.query(order.limit(query.limit).offset(query.offset))
        total: int = self._connection.query(select(func.count()).select_from(both))[0][0]
        items = self._listed([row[1] for row in found if row[2]], [row[1] for row in found if not row[2]])
        return Page([items[row[0]] for row in found if row[0] in items], total)

    def _listed(self, rows: list[int], answers: list[int]) -> dict[str, Execution]:
        items: list[Execution] = []
        if rows:
            columns = [_e[name] for name in NAMES]
            items += [
                execution_of(row) for row in self._connection.query(select(*columns).where(_e.seq.in_(rows)))
            ]
        if answers:
            found = self._connection.query(from_messages().where(_m.seq.in_(answers)))
            items += [execution_of_answer(row) for row in found]
        return {item.id: item for item in items}

    def _keep_flow(self, item: Execution, flow: KeptFlow) -> None:
        values = {"digest": flow.digest(), "flow": msgspec.json.encode(flow).decode()}
        this = {"workspace_id": item.workspace_id, "chatflow_id": item.chatflow_id}
        self._connection.run(_KEEP_FLOW, {**this, **values})


def _kept(waiting: Waiting | None) -> Mapping[str, object]:
    if waiting is None:
        return {"saved": None, "flow": None}
    return {"saved": waiting.saved, "flow": waiting.flow.digest()}


def _held_by(taken: Taken) -> dict[str, object]:
    item = taken.execution
    return {"workspace": item.workspace_id, "execution": item.id, "by": taken.by}


def _values(item: Execution) -> dict[str, object]:
    values: dict[str, object] = {name: getattr(item, name) for name in NAMES}
    values["state"] = item.state.value
    values["action"] = None if item.action is None else msgspec.json.encode(item.action).decode()
    values["entries"] = msgspec.json.encode(item.entries).decode()
    return values
