"""Webhooks and their secrets within one transaction."""

from typing import Any, Final

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select, text, update

from flowkeys.domain.keys.api_key import Creator
from flowkeys.domain.webhooks.webhook import KeptSecret, Sealed, State, Webhook
from flowkeys.storage.schema import webhook, webhook_secret
from flowkeys.storage.statement import Connection, Statement

_CREATOR: Final = ("created_by_type", "created_by_id", "created_by_name")
_NAMES: Final = [*(name for name in Webhook.__struct_fields__ if name != "created_by"), *_CREATOR]
_COLUMNS: Final = tuple(webhook.c[name] for name in _NAMES)
_SECRET: Final = ["id", "workspace_id", "webhook_id", "sealed", "made_under", "valid_until"]
_SECRET_COLUMNS: Final = tuple(webhook_secret.c[name] for name in _SECRET)

_this = (webhook.c.workspace_id == bindparam("workspace"), webhook.c.id == bindparam("webhook"))
_its = (
    webhook_secret.c.workspace_id == bindparam("workspace"),
    webhook_secret.c.webhook_id == bindparam("webhook"),
)
_INSERT = Statement(insert(webhook), _NAMES)
_GET = Statement(select(*_COLUMNS).where(*_this))
_ALL = Statement(
    select(*_COLUMNS).where(webhook.c.workspace_id == bindparam("workspace")).order_by(webhook.c.seq.desc())
)
_UPDATE = Statement(
    update(webhook).where(*_this), ["url", "events", "note", "state", "updated_at", "version"]
)
_DELETE = Statement(delete(webhook).where(*_this))
_ENABLED = Statement(
    select(webhook.c.id, webhook.c.events).where(
        webhook.c.workspace_id == bindparam("workspace"), webhook.c.state == State.ENABLED.value
    ),
    apart=True,
)
_SET_STATE = Statement(
    update(webhook)
    .where(*_this, webhook.c.state != bindparam("other"))
    .values(state=bindparam("other"), updated_at=bindparam("now"), version=webhook.c.version + 1)
)
_ADD_SECRET = Statement(insert(webhook_secret), _SECRET)
_FORGET_RETIRED = Statement(delete(webhook_secret).where(*_its, webhook_secret.c.valid_until.is_not(None)))
_RETIRE = Statement(update(webhook_secret).where(*_its), ["valid_until"])
_VALID = Statement(
    select(*_SECRET_COLUMNS)
    .where(*_its, webhook_secret.c.valid_until.is_(None) | (webhook_secret.c.valid_until > bindparam("now")))
    .order_by(webhook_secret.c.seq.desc())
)
# Of every workspace: the server secret is the whole server's.
_OTHERWISE = Statement(select(*_SECRET_COLUMNS).where(webhook_secret.c.made_under != bindparam("newest")))
_RESEAL = Statement(
    update(webhook_secret).where(
        webhook_secret.c.id == bindparam("secret"), webhook_secret.c.sealed == bindparam("old")
    ),
    ["sealed", "made_under"],
)
_COUNT = Statement(select(webhook_secret.c.made_under, func.count()).group_by(webhook_secret.c.made_under))
# Along the index of a webhook's deliveries by their outcome.
_FAILING = Statement(
    text(
        """SELECT w.id, count(*), max(d.seq) FROM webhook AS w
        JOIN webhook_delivery AS d ON d.webhook_id = w.id AND d.outcome IN ('failed', 'pending')
        WHERE w.workspace_id = :workspace AND d.failure IS NOT NULL AND d.tried_at >= :since GROUP BY w.id"""
    )
)
_FAILURE = Statement(text("SELECT failure FROM webhook_delivery WHERE seq = :seq"))


class WebhookTable:
    """Implements the port `Webhooks`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, item: Webhook) -> None:
        """Add a webhook."""
        values = _values(item)
        creator = item.created_by
        values.update(zip(_CREATOR, (creator.type, creator.id, creator.name), strict=True))
        self._connection.run(_INSERT, values)

    def get(self, workspace_id: str, webhook_id: str) -> Webhook | None:
        """Return a webhook of the workspace."""
        row = self._connection.row(_GET, {"workspace": workspace_id, "webhook": webhook_id})
        return _webhook(row) if row else None

    def all(self, workspace_id: str) -> list[Webhook]:
        """Return the workspace's webhooks, newest first."""
        return [_webhook(row) for row in self._connection.rows(_ALL, {"workspace": workspace_id})]

    def update(self, item: Webhook) -> None:
        """Write url, events, note, state, time of change and version; nothing else."""
        where = {"workspace": item.workspace_id, "webhook": item.id}
        self._connection.run(_UPDATE, {**_values(item), **where})

    def delete(self, workspace_id: str, webhook_id: str) -> None:
        """Delete a webhook with its secrets and its log."""
        self._connection.run(_DELETE, {"workspace": workspace_id, "webhook": webhook_id})

    def failing(self, workspace_id: str, since: int) -> list[tuple[Webhook, int, str | None]]:
        """Return webhooks that receive nothing: how many deliveries failed, and why the last did."""
        rows = self._connection.rows(_FAILING, {"workspace": workspace_id, "since": since})
        failed = {webhook_id: (count, seq) for webhook_id, count, seq in rows}
        found: list[tuple[Webhook, int, str | None]] = []
        for each in self.all(workspace_id):
            count, seq = failed.get(each.id, (0, 0))
            if each.state is State.GONE or (count and each.is_enabled):
                why = self._connection.row(_FAILURE, {"seq": seq})
                found.append((each, count, why[0] if why else None))
        return found

    def listeners(self, workspace_id: str, event_type: str) -> list[str]:
        """Return the ids of the enabled webhooks that hear of a kind of event."""
        found = self._connection.rows(_ENABLED, {"workspace": workspace_id})
        return [one for one, events in found if event_type in msgspec.json.decode(events)]

    def set_state(self, workspace_id: str, webhook_id: str, state: State, now: int) -> bool:
        """Change the state alone; tell whether it was another."""
        values = {"workspace": workspace_id, "webhook": webhook_id, "other": state.value, "now": now}
        return self._connection.run(_SET_STATE, values) > 0

    def add_secret(self, secret: KeptSecret) -> None:
        """Add a secret, the present one."""
        values = msgspec.structs.asdict(secret)
        sealed: Sealed = values.pop("sealed")
        self._connection.run(_ADD_SECRET, {**values, "sealed": sealed.text, "made_under": sealed.made_under})

    def retire_secrets(self, workspace_id: str, webhook_id: str, until: int) -> None:
        """Let the present secret sign until a time, and forget those that were retired before."""
        its = {"workspace": workspace_id, "webhook": webhook_id}
        self._connection.run(_FORGET_RETIRED, its)
        self._connection.run(_RETIRE, {**its, "valid_until": until})

    def secrets(self, workspace_id: str, webhook_id: str, now: int) -> list[KeptSecret]:
        """Return the secrets that are valid, the present one first."""
        its = {"workspace": workspace_id, "webhook": webhook_id, "now": now}
        return [_secret(row) for row in self._connection.rows(_VALID, its)]

    def sealed_otherwise(self, newest: str) -> list[KeptSecret]:
        """Return the secrets of all workspaces that are not under the newest server secret."""
        return [_secret(row) for row in self._connection.rows(_OTHERWISE, {"newest": newest})]

    def reseal(self, secret: KeptSecret, old: Sealed) -> None:
        """Write how a secret is sealed, where it still is as before."""
        sealed = secret.sealed
        values = {"secret": secret.id, "old": old.text, "sealed": sealed.text}
        self._connection.run(_RESEAL, {**values, "made_under": sealed.made_under})

    def count_by_secret(self) -> dict[str, int]:
        """Count the signing secrets of all workspaces by the id of the server secret they are under."""
        return dict(self._connection.rows(_COUNT))


def _values(item: Webhook) -> dict[str, Any]:
    values = msgspec.structs.asdict(item)
    del values["created_by"]
    values["state"] = item.state.value
    values["events"] = msgspec.json.encode(item.events).decode()
    return values


def _webhook(row: tuple[Any, ...]) -> Webhook:
    values: dict[str, Any] = dict(zip(_NAMES, row, strict=True))
    creator = Creator(*(values.pop(name) for name in _CREATOR))
    values["state"] = State(values["state"])
    values["events"] = tuple(msgspec.json.decode(values["events"], type=list[str]))
    return Webhook(**values, created_by=creator)


def _secret(row: tuple[Any, ...]) -> KeptSecret:
    values: dict[str, Any] = dict(zip(_SECRET, row, strict=True))
    sealed = Sealed(values.pop("sealed"), values.pop("made_under"))
    return KeptSecret(**values, sealed=sealed)
