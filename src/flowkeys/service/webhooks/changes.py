"""What every change of a webhook consists of: it is found, and written to the audit log."""

from typing import Any, Final

from flowkeys.domain.errors import NotFound
from flowkeys.domain.journal import Subject
from flowkeys.domain.principal import Caller
from flowkeys.domain.webhooks.webhook import Webhook
from flowkeys.service.journal import note
from flowkeys.service.ports.store import Transaction

VIEW: Final = "webhooks:view"
CREATE: Final = "webhooks:create"
UPDATE: Final = "webhooks:update"
DELETE: Final = "webhooks:delete"


def get_webhook(tx: Transaction, caller: Caller, webhook_id: str) -> Webhook:
    """Return a webhook of the caller's workspace.

    Raises:
        NotFound: it has no such webhook.
    """
    found = tx.webhooks.get(caller.workspace_id, webhook_id)
    if found is None:
        raise NotFound("webhook")
    return found


def note_change(
    tx: Transaction, caller: Caller, now: int, action: str, before: Webhook | None, after: Webhook | None
) -> None:
    """Write a change to the audit log. No cache holds a webhook, so that the feed hears nothing."""
    subject = after or before
    assert subject is not None
    note(
        tx,
        caller,
        now,
        action=action,
        subject=Subject.WEBHOOK,
        subject_id=subject.id,
        before=None if before is None else _for_people(before),
        after=None if after is None else _for_people(after),
    )


def _for_people(webhook: Webhook) -> dict[str, Any]:
    return {
        "url": webhook.url,
        "events": list(webhook.events),
        "note": webhook.note,
        "state": webhook.state.value,
    }
