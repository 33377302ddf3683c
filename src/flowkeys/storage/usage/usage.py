"""Usage within one transaction."""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, Final, Literal

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Table,
    TextClause,
    bindparam,
    case,
    cast,
    column,
    delete,
    func,
    select,
    text,
    union_all,
)

from flowkeys.domain.usage.usage import DAY, LENGTHS, OK
from flowkeys.service.ports.usage import Batch, UsageQuery
from flowkeys.storage.elements import listed, upsert
from flowkeys.storage.schema import (
    api_key,
    chatflow,
    usage_batch,
    usage_day,
    usage_hour,
    usage_total,
    workspace,
)
from flowkeys.storage.schema.usage import KIND, NUMBERS, TOOK
from flowkeys.storage.statement import Connection, Row, Statement, in_json
from flowkeys.storage.usage.rows import add_days, add_hours, there

_Column = Literal["key_id", "chatflow_id"]
_FEW: Final = 1000
"""Of so many ids each is looked up; of more, all that there are."""

_batch = upsert(usage_batch)
_NOTE = Statement(
    _batch.on_conflict_do_update(
        index_elements=[usage_batch.c.recorder],
        set_={"number": _batch.excluded.number, "at": _batch.excluded.at},
    ),
    ["recorder", "number", "at"],
)
_ADDED = Statement(select(usage_batch.c.number).where(usage_batch.c.recorder == bindparam("recorder")))
_FORGET = Statement(delete(usage_batch).where(usage_batch.c.at < bindparam("before")))
_WORKSPACES = Statement(select(workspace.c.id))
_KEY_NAMES = Statement(
    select(api_key.c.id, api_key.c.name).where(
        api_key.c.workspace_id == bindparam("workspace"), api_key.c.id.in_(listed("ids"))
    )
)
_CHATFLOW_NAMES = Statement(
    select(chatflow.c.id, chatflow.c.name).where(
        chatflow.c.workspace_id == bindparam("workspace"), chatflow.c.id.in_(listed("ids"))
    )
)


def _oldest(table: Table) -> Statement:
    return Statement(
        select(*(table.c[name] for name in (*KIND, *NUMBERS)))
        .where(table.c.workspace_id == bindparam("workspace"), table.c.time < bindparam("before"))
        .order_by(table.c.time)
        .limit(bindparam("most"))
    )


def _delete(table: Table) -> Statement:
    return Statement(delete(table).where(*(table.c[name] == bindparam(f"b_{name}") for name in KIND)))


_OLDEST: Final = {table.name: _oldest(table) for table in (usage_hour, usage_day)}
_DELETE: Final = {table.name: _delete(table) for table in (usage_hour, usage_day)}
# `before` is the beginning of a day: of hours and of days the same ones go. Few rows, so all at once.
_FORGET_TOTALS = Statement(delete(usage_total).where(usage_total.c.time < bindparam("before")))
_ANY = Statement(
    select(usage_total.c.outcome).where(usage_total.c.workspace_id == bindparam("workspace")).limit(1)
)
_CALLS: Final = " + ".join(TOOK)
_FAILING = Statement(
    text(
        f"""SELECT key_id, outcome, sum({_CALLS}) FROM usage_hour INDEXED BY ix_usage_hour_failed
        WHERE workspace_id = :workspace AND time >= :first AND time < :end
            AND outcome <> 'ok' AND key_id <> '' GROUP BY key_id, outcome"""  # noqa: S608 - of constants
    )
)


class UsageTable:
    """Implements the port `Usage`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, batch: Batch, now: int) -> None:
        """Add up what was counted, unless this batch was added before."""
        if not self.begin(batch.recorder, batch.number, now):
            return
        known = there(self._connection, [one.workspace_id for one in batch.counted])
        add_hours(
            self._connection,
            (
                (
                    *(one.workspace_id, one.time, one.key_id, one.chatflow_id, one.customer_id),
                    *(one.door, one.outcome),
                    *one.numbers,
                )
                for one in batch.counted
                if one.workspace_id in known
            ),
        )

    def begin(self, recorder: str, number: int, now: int) -> bool:
        """Note that a batch is added; tell whether it was not before."""
        if self.added(recorder) >= number:
            return False
        self._connection.run(_NOTE, {"recorder": recorder, "number": number, "at": now})
        return True

    def added(self, recorder: str) -> int:
        """Return the number of the last batch of a process that was added; 0: none."""
        row = self._connection.row(_ADDED, {"recorder": recorder})
        return row[0] if row else 0

    def sums(self, query: UsageQuery) -> list[tuple[int, str, Sequence[int]]]:
        """Return (step, outcome, numbers) of what was counted in a period."""
        shape = _shape(query)
        statement = _sums(*shape) if any(shape) else _TOTALS
        length = LENGTHS[query.period.step]
        rows = self._connection.rows(statement, {**_values(query), "length": length})
        return [(row[0], row[1], row[2:]) for row in rows]

    def by_key(self, query: UsageQuery, most: int, also: Collection[str]) -> dict[str, tuple[int, int]]:
        """Return calls, and those that ended well, of the keys that made most and of those in `also`."""
        if len(also) > _FEW:
            return self._counted(_counting("key_id"), query)
        found = self._counted(_counting("key_id", most=True), query, most=most)
        if others := [each for each in also if each not in found]:
            found.update(self._counted(_counting("key_id", some=True), query, ids=in_json(others)))
        return found

    def by_chatflow(self, query: UsageQuery) -> dict[str, tuple[int, int]]:
        """Return how many calls each chatflow got, and how many of them ended well."""
        return self._counted(_counting("chatflow_id"), query)

    def names(
        self, workspace_id: str, key_ids: Sequence[str], chatflow_ids: Sequence[str]
    ) -> tuple[dict[str, str], dict[str, str]]:
        """Return the names of those keys and chatflows that the workspace has."""
        keys = self._connection.rows(_KEY_NAMES, {"workspace": workspace_id, "ids": in_json(key_ids)})
        flows = self._connection.rows(
            _CHATFLOW_NAMES, {"workspace": workspace_id, "ids": in_json(chatflow_ids)}
        )
        return dict(keys), dict(flows)

    def roll(self, before: int, most: int) -> int:
        """Make hours that ended before a time into days, some rows; return how many there were."""
        rows = self._take(usage_hour, before, most)
        time = KIND.index("time")
        add_days(
            self._connection,
            ((*row[:time], row[time] - row[time] % DAY, *row[time + 1 :]) for row in rows),
        )
        return len(rows)

    def prune(self, before: int, most: int) -> int:
        """Delete days that began before a time, some rows; return how many there were."""
        self._connection.run(
            _FORGET_TOTALS, {"before": before + -before % DAY}
        )  # with the last hour of a day
        return len(self._take(usage_day, before, most))

    def failing(self, query: UsageQuery) -> list[tuple[str, str, int]]:
        """Return (key id, outcome, calls) of what did not end well; nobody's calls are left out."""
        return [tuple(row) for row in self._connection.rows(_FAILING, _values(query))]

    def any(self, workspace_id: str) -> bool:
        """Tell whether any call of a workspace was ever counted, as far as that is kept."""
        return self._connection.row(_ANY, {"workspace": workspace_id}) is not None

    def forget_recorders(self, before: int) -> None:
        """Forget the processes that stored nothing since a time."""
        self._connection.run(_FORGET, {"before": before})

    def _counted(self, statement: Statement, query: UsageQuery, **more: Any) -> dict[str, tuple[int, int]]:
        rows = self._connection.rows(statement, {**_values(query), "ok": OK, **more})
        return {row[0]: (row[1], row[2]) for row in rows}

    def _take(self, table: Table, before: int, most: int) -> list[Row]:
        """Delete some rows of one workspace that are older than a time, and return them."""
        for (workspace_id,) in self._connection.rows(_WORKSPACES):
            parameters = {"workspace": workspace_id, "before": before, "most": most}
            rows = self._connection.rows(_OLDEST[table.name], parameters)
            if rows:
                kinds = ({f"b_{name}": value for name, value in zip(KIND, row, strict=False)} for row in rows)
                self._connection.run_many(_DELETE[table.name], kinds)
                return rows
        return []


def _shape(query: UsageQuery) -> tuple[bool, bool, bool]:
    return query.key_id is not None, query.chatflow_id is not None, query.customer_id is not None


def _values(query: UsageQuery) -> dict[str, Any]:
    return {
        "workspace": query.workspace_id,
        "first": query.period.first,
        "end": query.period.end,
        "key": query.key_id,
        "chatflow": query.chatflow_id,
        "customer": query.customer_id,
    }


def _from(table: Table, *, key: bool, flow: bool, customer: bool) -> TextClause:
    """Return a table with the index that leads to what is asked for: SQLite would walk by time."""
    whose = "key" if key else "chatflow" if flow else "customer" if customer else None
    return text(table.name if whose is None else f"{table.name} INDEXED BY ix_{table.name}_{whose}")


def _conditions(*, key: bool, flow: bool, customer: bool) -> list[ColumnElement[bool]]:
    found = [
        column("workspace_id") == bindparam("workspace"),
        column("time") >= bindparam("first"),
        column("time") < bindparam("end"),
    ]
    for asked, name in ((key, "key"), (flow, "chatflow"), (customer, "customer")):
        if asked:
            found.append(column(f"{name}_id") == bindparam(name))
    return found


def _totals() -> Statement:
    """Sum up a workspace's calls by the steps of a period: of what was summed up by the hour already."""
    step = usage_total.c.time - usage_total.c.time % cast(bindparam("length"), BigInteger)
    sums = [func.sum(usage_total.c[name]) for name in NUMBERS]
    return Statement(
        select(step, usage_total.c.outcome, *sums)
        .where(*_conditions(key=False, flow=False, customer=False))
        .group_by(step, usage_total.c.outcome)
    )


_TOTALS: Final = _totals()


@cache
def _sums(key: bool, flow: bool, customer: bool) -> Statement:
    """Sum up by the steps of a period: hours that are told apart, and days that were hours once."""

    def of(table: Table) -> Any:
        time: ColumnElement[int] = column("time", BigInteger)
        step = time - time % cast(bindparam("length"), BigInteger)
        sums: list[ColumnElement[int]] = [func.sum(column(name)) for name in NUMBERS]
        return (
            select(step, column("outcome"), *sums)
            .select_from(_from(table, key=key, flow=flow, customer=customer))
            .where(*_conditions(key=key, flow=flow, customer=customer))
            .group_by(step, column("outcome"))
        )

    return Statement(union_all(of(usage_hour), of(usage_day)))


@cache
def _counting(by: _Column, *, most: bool = False, some: bool = False) -> Statement:
    """Count calls by what is in a column: all, only the `most`, or `some` ids by their index.

    Rows are grouped once, hours and days together: of 100,000 keys, grouping is what takes the time.
    """

    def of(table: Table) -> Any:
        first: ColumnElement[int] = column(TOOK[0], BigInteger)
        calls = sum((column(name) for name in TOOK[1:]), start=first)
        ok = case((column("outcome") == bindparam("ok"), calls), else_=0)
        found = (
            select(column(by).label("id"), calls.label("calls"), ok.label("ok"))
            .select_from(_from(table, key=some, flow=False, customer=False))
            .where(*_conditions(key=False, flow=False, customer=False), column(by) != "")
        )
        return found.where(column(by).in_(listed("ids"))) if some else found

    both = union_all(of(usage_hour), of(usage_day)).subquery()
    total = func.sum(both.c.calls)
    counted = select(both.c.id, total, func.sum(both.c.ok)).group_by(both.c.id)
    if most:
        counted = counted.order_by(total.desc(), both.c.id).limit(bindparam("most"))
    return Statement(counted)
