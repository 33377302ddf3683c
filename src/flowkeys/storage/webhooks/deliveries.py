"""Events and their deliveries within one transaction."""

from collections.abc import Collection, Sequence
from typing import Any, Final

import msgspec
from sqlalchemy import ColumnElement, Integer, bindparam, delete, func, insert, or_, select, update

from flowkeys.domain.webhooks.retries import LATEST
from flowkeys.domain.webhooks.webhook import Delivery, Event, Outcome, State
from flowkeys.storage.elements import listed
from flowkeys.storage.schema import webhook, webhook_delivery, webhook_event
from flowkeys.storage.statement import Connection, Statement, in_json

_OF_EVENT: Final = ("event_type", "event_at")
_NAMES: Final = [name for name in Delivery.__struct_fields__ if name not in _OF_EVENT]
_COLUMNS: Final = tuple(webhook_delivery.c[name] for name in _NAMES)
_EVENT: Final = list(Event.__struct_fields__)

_joined = (
    select(*_COLUMNS, webhook_event.c.type, webhook_event.c.at)
    .select_from(webhook_delivery)
    .join(webhook_event, webhook_event.c.id == webhook_delivery.c.event_id)
)
_its = (
    webhook_delivery.c.workspace_id == bindparam("workspace"),
    webhook_delivery.c.webhook_id == bindparam("webhook"),
)
_is_pending = webhook_delivery.c.outcome == Outcome.PENDING.value
_is_outcome = webhook_delivery.c.outcome == bindparam("outcome")
_ADD_EVENT = Statement(insert(webhook_event), _EVENT)
_ADD = Statement(insert(webhook_delivery), _NAMES)
_GET = Statement(_joined.where(*_its, webhook_delivery.c.id == bindparam("delivery")))
_newest = webhook_delivery.c.seq.desc()
_limit: Final = bindparam("limit", type_=Integer)
_offset: Final = bindparam("offset", type_=Integer)
_PAGE = Statement(_joined.where(*_its).order_by(_newest).limit(_limit).offset(_offset))
_PAGE_OF = Statement(_joined.where(*_its, _is_outcome).order_by(_newest).limit(_limit).offset(_offset))
_TOTAL = Statement(select(func.count()).select_from(webhook_delivery).where(*_its))
_TOTAL_OF = Statement(select(func.count()).select_from(webhook_delivery).where(*_its, _is_outcome))
_next = (
    select(func.min(webhook_delivery.c.next_at))
    .where(webhook_delivery.c.webhook_id == webhook.c.id, _is_pending)
    .correlate(webhook)
    .scalar_subquery()
)


def _is_due(next_at: ColumnElement[int | None]) -> ColumnElement[bool]:
    """Also what a clock that was set back would keep waiting."""
    return or_(next_at <= bindparam("now"), next_at > bindparam("latest"))


# Of every workspace: one worker sends for all of them.
_WAITING = Statement(
    select(webhook.c.workspace_id, webhook.c.id)
    .where(
        webhook.c.state == State.ENABLED.value,
        _is_due(_next),
        webhook.c.id.not_in(listed("busy")),
    )
    .order_by(_next)
    .limit(bindparam("limit"))
)
_PENDING = Statement(
    select(func.count(), func.min(webhook_delivery.c.next_at))
    .select_from(webhook)
    .join(webhook_delivery, webhook_delivery.c.webhook_id == webhook.c.id)
    .where(webhook.c.state == State.ENABLED.value, _is_pending)
)
_DUE = Statement(
    _joined.where(*_its, _is_pending, _is_due(webhook_delivery.c.next_at))
    .order_by(webhook_delivery.c.next_at, webhook_delivery.c.seq)
    .limit(bindparam("limit"))
)
_CLAIM = Statement(
    update(webhook_delivery).where(webhook_delivery.c.id == bindparam("delivery")),
    ["tries", "tried_at", "next_at"],
)
_GET_EVENT = Statement(
    select(*(webhook_event.c[name] for name in _EVENT)).where(
        webhook_event.c.workspace_id == bindparam("workspace"), webhook_event.c.id == bindparam("event")
    )
)
_SETTLE = Statement(
    update(webhook_delivery).where(
        webhook_delivery.c.id == bindparam("delivery"),
        webhook_delivery.c.tries == bindparam("this_try"),
        _is_pending,
    ),
    ["outcome", "next_at", "answer_code", "failure", "duration_ms"],
)
_FORGET_OLD = Statement(delete(webhook_delivery).where(webhook_delivery.c.created_at < bindparam("before")))
_older = webhook_delivery.alias()
_FORGET_MANY = Statement(
    delete(webhook_delivery).where(
        ~_is_pending,
        webhook_delivery.c.webhook_id == bindparam("webhook"),
        webhook_delivery.c.seq
        <= select(_older.c.seq)
        .where(_older.c.webhook_id == bindparam("webhook"))
        .order_by(_older.c.seq.desc())
        .limit(1)
        .offset(bindparam("most"))
        .scalar_subquery(),
    )
)
_WEBHOOKS = Statement(select(webhook.c.id))
_FORGET_EVENTS = Statement(
    delete(webhook_event).where(
        ~select(webhook_delivery.c.seq).where(webhook_delivery.c.event_id == webhook_event.c.id).exists()
    )
)


class DeliveryTable:
    """Implements the port `Deliveries`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, event: Event, deliveries: Sequence[Delivery]) -> None:
        """Add an event and its deliveries."""
        values = msgspec.structs.asdict(event)
        values["data"] = msgspec.json.encode(event.data).decode()
        self._connection.run(_ADD_EVENT, values)
        for one in deliveries:
            self.add_again(one)

    def add_again(self, delivery: Delivery) -> None:
        """Add one more delivery of an event that is there."""
        values = msgspec.structs.asdict(delivery)
        values["outcome"] = delivery.outcome.value
        self._connection.run(_ADD, {name: values[name] for name in _NAMES})

    def get(self, workspace_id: str, webhook_id: str, delivery_id: str) -> Delivery | None:
        """Return a delivery of a webhook."""
        its = {"workspace": workspace_id, "webhook": webhook_id}
        row = self._connection.row(_GET, {**its, "delivery": delivery_id})
        return _delivery(row) if row else None

    def page(
        self, workspace_id: str, webhook_id: str, outcome: Outcome | None, limit: int, offset: int
    ) -> tuple[list[Delivery], int]:
        """Return deliveries, newest first, and how many there are in all."""
        its: dict[str, object] = {"workspace": workspace_id, "webhook": webhook_id}
        if outcome is not None:
            its["outcome"] = outcome.value
        rows, total = (_PAGE, _TOTAL) if outcome is None else (_PAGE_OF, _TOTAL_OF)
        found = self._connection.rows(rows, {**its, "limit": limit, "offset": offset})
        counted = self._connection.row(total, its)
        return [_delivery(row) for row in found], int(counted[0]) if counted else 0

    def waiting(self, now: int, limit: int, busy: Collection[str]) -> list[tuple[str, str]]:
        """Return (workspace id, webhook id) of enabled webhooks with a delivery that is due."""
        values = {"now": now, "latest": now + LATEST, "limit": limit, "busy": in_json(list(busy))}
        return [(row[0], row[1]) for row in self._connection.rows(_WAITING, values)]

    def pending(self) -> tuple[int, int | None]:
        """Return how many deliveries to enabled webhooks wait, and when the first is due."""
        ((count, due),) = self._connection.rows(_PENDING, {})
        return count, due

    def claim(self, workspace_id: str, webhook_id: str, now: int, until: int, limit: int) -> list[Delivery]:
        """Take deliveries that are due, each a try more."""
        its = {"workspace": workspace_id, "webhook": webhook_id}
        due = {**its, "now": now, "latest": now + LATEST, "limit": limit}
        found = [_delivery(row) for row in self._connection.rows(_DUE, due)]
        claimed = [
            msgspec.structs.replace(one, tries=one.tries + 1, tried_at=now, next_at=until) for one in found
        ]
        for one in claimed:
            values = {"delivery": one.id, "tries": one.tries, "tried_at": now, "next_at": until}
            self._connection.run(_CLAIM, values)
        return claimed

    def event(self, workspace_id: str, event_id: str) -> Event | None:
        """Return an event of the workspace."""
        row = self._connection.row(_GET_EVENT, {"workspace": workspace_id, "event": event_id})
        if row is None:
            return None
        values = dict(zip(_EVENT, row, strict=True))
        return Event(**{**values, "data": msgspec.json.decode(values["data"])})

    def settle(self, delivery: Delivery) -> bool:
        """Write what came of a try, if it is still this try."""
        values = {
            "delivery": delivery.id,
            "this_try": delivery.tries,
            "outcome": delivery.outcome.value,
            "next_at": delivery.next_at,
            "answer_code": delivery.answer_code,
            "failure": delivery.failure,
            "duration_ms": delivery.duration_ms,
        }
        return self._connection.run(_SETTLE, values) > 0

    def forget(self, before: int, most: int) -> None:
        """Delete what is too old or too much, in every workspace."""
        self._connection.run(_FORGET_OLD, {"before": before})
        for (webhook_id,) in self._connection.rows(_WEBHOOKS):
            self._connection.run(_FORGET_MANY, {"webhook": webhook_id, "most": most})
        self._connection.run(_FORGET_EVENTS, {})


def _delivery(row: tuple[Any, ...]) -> Delivery:
    values: dict[str, Any] = dict(zip((*_NAMES, *_OF_EVENT), row, strict=True))
    values["outcome"] = Outcome(values["outcome"])
    return Delivery(**values)
