"""Announcing: an event is written in the transaction of its change, once for each webhook that hears of it.

So none is lost when the process is killed, and none is sent of a change that was rolled back. Where nobody
listens nothing is written.
"""

from collections.abc import Collection
from typing import Any, Final

from flowkeys.domain.ids import new_id
from flowkeys.domain.keys.api_key import ApiKey, Creator
from flowkeys.domain.times import to_iso
from flowkeys.domain.webhooks.webhook import Delivery, Event, Outcome
from flowkeys.service.ports.store import Transaction

OF_ACTIONS: Final = {
    "key.create": "key.created",
    "key.rotate": "key.rotated",
    "key.disable": "key.disabled",
    "key.enable": "key.enabled",
    "key.revoke": "key.revoked",
}
"""The event that a change of a key is announced as, by what the audit log calls it."""


def announce_key(
    tx: Transaction, event_type: str, key: ApiKey, now: int, by: Creator | None = None, **more: Any
) -> None:
    """Announce what became of a key: its id, its name and its state, and who did it."""
    listeners = tx.webhooks.listeners(key.workspace_id, event_type)
    if not listeners:
        return
    data = {
        "workspaceId": key.workspace_id,
        "keyId": key.id,
        "keyName": key.name,
        "status": key.status_at(now).value,
        "expiresAt": None if key.expires_at is None else to_iso(key.expires_at),
        "by": None if by is None else {"type": by.type, "id": by.id, "name": by.name},
        **more,
    }
    write(tx, key.workspace_id, event_type, data, now, listeners)


def write(
    tx: Transaction,
    workspace_id: str,
    event_type: str,
    data: dict[str, Any],
    now: int,
    webhook_ids: Collection[str],
) -> list[Delivery]:
    """Write an event and a delivery to each of the webhooks; return the deliveries."""
    event = Event(id=new_id(), workspace_id=workspace_id, type=event_type, at=now, data=data)
    made = [delivery_of(event, one, now) for one in webhook_ids]
    tx.deliveries.add(event, made)
    return made


def delivery_of(event: Event, webhook_id: str, now: int) -> Delivery:
    """Return a delivery of an event that is due now."""
    return Delivery(
        id=new_id(),
        workspace_id=event.workspace_id,
        webhook_id=webhook_id,
        event_id=event.id,
        event_type=event.type,
        event_at=event.at,
        outcome=Outcome.PENDING,
        tries=0,
        next_at=now,
        tried_at=None,
        answer_code=None,
        failure=None,
        duration_ms=None,
        created_at=now,
    )
