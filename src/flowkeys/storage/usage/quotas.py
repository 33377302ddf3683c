"""What was used of quotas, and what was announced of that, within one transaction."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from sqlalchemy import and_, bindparam, delete, func, or_, select

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.limits.quota import LENGTHS, QuotaUse, Unit
from flowkeys.service.ports.quotas import Crossing, Kind, Spending
from flowkeys.storage.elements import listed, upsert
from flowkeys.storage.schema import quota_notice, quota_use
from flowkeys.storage.statement import Connection, Statement, in_json
from flowkeys.storage.usage.rows import there

_UNITS: Final = frozenset(Unit)
_add = upsert(quota_use)
_ADD = Statement(
    _add.on_conflict_do_update(
        index_elements=["workspace_id", "kind", "subject_id", "unit", "step", "time"],
        set_={"used": quota_use.c.used + _add.excluded.used},
    ),
    ["workspace_id", "kind", "subject_id", "unit", "step", "time", "used"],
)
_USES = Statement(
    select(
        quota_use.c.subject_id, quota_use.c.unit, quota_use.c.step, quota_use.c.time, quota_use.c.used
    ).where(
        quota_use.c.workspace_id == bindparam("workspace"),
        quota_use.c.kind == bindparam("of"),
        quota_use.c.subject_id.in_(listed("ids")),
    )
)
_note = upsert(quota_notice)
_NOTE = Statement(
    _note.on_conflict_do_update(
        index_elements=["workspace_id", "kind", "subject_id", "unit", "period", "threshold"],
        set_={"amount": _note.excluded.amount, "at": _note.excluded.at},
        where=or_(
            quota_notice.c.amount != _note.excluded.amount,
            quota_notice.c.at < bindparam("period_begins"),
            quota_notice.c.at >= bindparam("period_ends"),
        ),
    ),
    ["workspace_id", "kind", "subject_id", "unit", "period", "threshold", "amount", "at"],
)
_OLD: Final = Statement(
    delete(quota_use).where(
        or_(
            and_(quota_use.c.step == "hour", quota_use.c.time < bindparam("hours_before")),
            and_(quota_use.c.step == "day", quota_use.c.time < bindparam("days_before")),
        )
    )
)
_NOTICED = Statement(
    select(quota_notice.c.kind, quota_notice.c.subject_id)
    .where(quota_notice.c.workspace_id == bindparam("workspace"))
    .group_by(quota_notice.c.kind, quota_notice.c.subject_id)
    .order_by(func.max(quota_notice.c.at).desc())
    .limit(bindparam("most"))
)


class QuotaTable:
    """Implements the port `QuotaUses`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def noticed(self, workspace_id: str, most: int) -> list[tuple[Kind, str]]:
        """Return those whose quotas reached a threshold, the last ones first."""
        rows = self._connection.rows(_NOTICED, {"workspace": workspace_id, "most": most})
        return [(Kind(kind), subject_id) for kind, subject_id in rows]

    def add(self, spendings: Iterable[Spending]) -> None:
        """Add up what was used, but for workspaces that are not there any more."""
        used = list(spendings)
        known = there(self._connection, [one.whose.workspace_id for one in used])
        self._connection.run_many(
            _ADD,
            [
                {
                    "workspace_id": one.whose.workspace_id,
                    "kind": one.whose.kind.value,
                    "subject_id": one.whose.id,
                    "unit": one.use.unit.value,
                    "step": one.use.step,
                    "time": one.use.time,
                    "used": one.use.used,
                }
                for one in used
                if one.whose.workspace_id in known
            ],
        )

    def uses(self, workspace_id: str, kind: Kind, ids: Sequence[str]) -> dict[str, tuple[QuotaUse, ...]]:
        """Return what is stored of keys or customers, step by step; nothing for those that used nothing.

        Raises:
            Unavailable: a row was spoilt by hand. It must not be taken for nothing used.
        """
        found: dict[str, list[QuotaUse]] = {}
        values = {"workspace": workspace_id, "of": kind.value, "ids": in_json(list(ids))}
        for subject_id, unit, step, time, used in self._connection.rows(_USES, values):
            found.setdefault(subject_id, []).append(_use(subject_id, unit, step, time, used))
        return {subject_id: tuple(some) for subject_id, some in found.items()}

    def note(self, crossing: Crossing, now: int) -> bool:
        """Note that a threshold was reached; tell whether that was not noted in this period."""
        whose, quota = crossing.whose, crossing.quota
        if not there(self._connection, [whose.workspace_id]):
            return False
        values = {
            "workspace_id": whose.workspace_id,
            "kind": whose.kind.value,
            "subject_id": whose.id,
            "unit": quota.unit.value,
            "period": quota.period,
            "threshold": crossing.threshold,
            "amount": quota.amount,
            "at": now,
            "period_begins": quota.begins_at(now),
            "period_ends": quota.ends_at(now),
        }
        return self._connection.run(_NOTE, values) == 1

    def prune(self, hours_before: int, days_before: int) -> None:
        """Delete hours and days that no quota counts any more."""
        self._connection.run(_OLD, {"hours_before": hours_before, "days_before": days_before})


def _use(subject_id: str, unit: str, step: Any, time: Any, used: Any) -> QuotaUse:
    if unit not in _UNITS or step not in LENGTHS or type(time) is not int or type(used) is not int:
        raise Unavailable(
            f"What {subject_id} has used of its quotas cannot be read: it was changed by hand. "
            "Run: flowkeys doctor"
        )
    return QuotaUse(Unit(unit), step, time, used)
