"""What was sent to a webhook, and sending more: an event once more, or a test."""

from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.journal import Subject
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.domain.webhooks.webhook import TEST_EVENT, Delivery, Outcome, Webhook
from flowkeys.service.journal import note
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.webhooks.announcing import delivery_of, write
from flowkeys.service.webhooks.changes import UPDATE, VIEW, get_webhook


class DeliveryService:
    """The log of each webhook, and what people send by hand."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def page(
        self, caller: Caller, webhook_id: str, outcome: Outcome | None, limit: int, offset: int
    ) -> tuple[list[Delivery], int]:
        """Return what was sent to a webhook, newest first, and how many there are in all.

        Raises:
            NotFound: the workspace has no such webhook.
        """
        caller.require(VIEW)

        def work(tx: Transaction) -> tuple[list[Delivery], int]:
            get_webhook(tx, caller, webhook_id)
            return tx.deliveries.page(caller.workspace_id, webhook_id, outcome, limit, offset)

        return await self._store.read(work)

    async def resend(self, caller: Caller, webhook_id: str, delivery_id: str) -> Delivery:
        """Send an event once more, as a delivery of its own under the event's own id.

        Raises:
            InvalidInput: the webhook is disabled, or the delivery is still being tried.
            NotFound: the webhook has no such delivery, or none any more.
        """
        caller.require(UPDATE)
        now = self._clock()

        def work(tx: Transaction) -> Delivery:
            _require_enabled(get_webhook(tx, caller, webhook_id))
            found = tx.deliveries.get(caller.workspace_id, webhook_id, delivery_id)
            event = None if found is None else tx.deliveries.event(caller.workspace_id, found.event_id)
            if found is None or event is None:
                raise NotFound("delivery")
            made = delivery_of(event, webhook_id, now)
            tx.deliveries.add_again(made)
            _note(tx, caller, now, "webhook.resend", webhook_id, event.type)
            return made

        return await self._store.write(work)

    async def test(self, caller: Caller, webhook_id: str) -> Delivery:
        """Send a test event to one webhook, whatever it hears of.

        Raises:
            InvalidInput: the webhook is disabled.
            NotFound: the workspace has no such webhook.
        """
        caller.require(UPDATE)
        now = self._clock()
        by = caller.principal
        data = {
            "workspaceId": caller.workspace_id,
            "webhookId": webhook_id,
            "by": {"type": by.kind, "id": by.id, "name": by.name},
        }

        def work(tx: Transaction) -> Delivery:
            _require_enabled(get_webhook(tx, caller, webhook_id))
            _note(tx, caller, now, "webhook.test", webhook_id, TEST_EVENT)
            return write(tx, caller.workspace_id, TEST_EVENT, data, now, [webhook_id])[0]

        return await self._store.write(work)


def _note(tx: Transaction, caller: Caller, now: int, action: str, webhook_id: str, event: str) -> None:
    """Write to the audit log who had something sent."""
    after = {"event": event}
    note(tx, caller, now, action=action, subject=Subject.WEBHOOK, subject_id=webhook_id, after=after)


def _require_enabled(webhook: Webhook) -> None:
    if not webhook.is_enabled:
        raise InvalidInput.of("enabled", "The webhook is disabled, so nothing is sent. Enable it first.")
