"""What is due is claimed, made into a message, and settled by what came of it.

A claim is a lease: whoever dies with it loses it to the next, so that each event arrives at least once.
"""

from collections.abc import Callable, Mapping
from typing import Final

import msgspec

from flowkeys.domain.journal import AuditEntry, Subject
from flowkeys.domain.times import SECOND, Clock, to_iso
from flowkeys.domain.webhooks.retries import next_try
from flowkeys.domain.webhooks.signing import SigningSecret, headers
from flowkeys.domain.webhooks.webhook import LOG_DAYS, LOG_DELIVERIES, Outcome, State
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.ports.webhooks import Answer, CannotOpen, Seal, Sending

LEASE_SECONDS: Final = 60
"""More than a try may take (`Sender`)."""
AT_ONCE: Final = 20
"""Deliveries that are under way together."""
AT_ONCE_EACH: Final = 2
"""To one webhook, so that a slow receiver leaves room for the others."""
GONE: Final = 410
"""The status by which a receiver says that it wants nothing more."""

Headers = tuple[tuple[str, str], ...]


class Outbox:
    """Events on their way out, of all workspaces."""

    def __init__(self, store: Store, seal: Seal, clock: Clock, chance: Callable[[], float]) -> None:
        """`chance` returns a number from 0 to 1: how far within its spread a delay is."""
        self._store = store
        self._seal = seal
        self._clock = clock
        self._chance = chance

    async def claim(self, under_way: Mapping[str, int]) -> list[Sending]:
        """Take deliveries that are due; `under_way` counts those of each webhook.

        Raises:
            Unavailable: the store cannot be reached.
        """
        room = AT_ONCE - sum(under_way.values())
        busy = [name for name, count in under_way.items() if count >= AT_ONCE_EACH]
        if room <= 0 or not await self._waiting(room, busy):
            return []
        now = self._clock()

        def work(tx: Transaction) -> list[Sending]:
            taken: list[Sending] = []
            for workspace_id, webhook_id in tx.deliveries.waiting(now, room, busy):
                webhook = tx.webhooks.get(workspace_id, webhook_id)
                assert webhook is not None
                most = min(AT_ONCE_EACH - under_way.get(webhook_id, 0), room - len(taken))
                secrets = tuple(tx.webhooks.secrets(workspace_id, webhook_id, now))
                until = now + LEASE_SECONDS * SECOND
                for one in tx.deliveries.claim(workspace_id, webhook_id, now, until, max(most, 0)):
                    event = tx.deliveries.event(workspace_id, one.event_id)
                    assert event is not None
                    taken.append(Sending(delivery=one, event=event, webhook=webhook, secrets=secrets))
            return taken

        return await self._store.write(work)

    def message(self, sending: Sending) -> tuple[Headers, bytes] | str:
        """Return the headers and the body of a message, signed at this moment; or why it cannot be signed."""
        event = sending.event
        body = msgspec.json.encode({"type": event.type, "timestamp": to_iso(event.at), "data": event.data})
        valid = []
        for kept in sending.secrets:
            try:
                secret = SigningSecret.parse(self._seal.open(kept.sealed, kept.id))
            except CannotOpen:
                secret = None
            if secret is None and kept.valid_until is None:
                return (
                    "its secret cannot be read: it was kept under the server secret "
                    f"{kept.sealed.made_under}. Bring that back, or give the webhook another secret."
                )
            if secret is not None:
                valid.append(secret)
        return headers(valid, event.id, self._clock() // SECOND, body), body

    async def settle(self, sending: Sending, answer: Answer) -> None:
        """Write what came of a try: delivered, to be tried again, or given up.

        Raises:
            Unavailable: the store cannot be reached; the claim ends by itself.
        """
        now = self._clock()
        tried = sending.delivery
        next_at = None
        outcome = Outcome.DELIVERED
        if answer.failure is not None:
            is_over = answer.code == GONE
            next_at = (
                None if is_over else next_try(tried.tries, now, self._chance(), answer.retry_after_seconds)
            )
            outcome = Outcome.FAILED if next_at is None else Outcome.PENDING
        settled = msgspec.structs.replace(
            tried,
            outcome=outcome,
            next_at=next_at,
            answer_code=answer.code,
            failure=answer.failure,
            duration_ms=answer.duration_ms,
        )

        def work(tx: Transaction) -> None:
            if tx.deliveries.settle(settled) and answer.code == GONE:
                _end(tx, sending, now)

        await self._store.write(work)

    async def forget(self) -> None:
        """Delete what the log keeps no longer."""
        before = self._clock() - LOG_DAYS * 86_400 * SECOND
        await self._store.write(lambda tx: tx.deliveries.forget(before, LOG_DELIVERIES))

    async def _waiting(self, room: int, busy: list[str]) -> bool:
        """Tell whether anything is due, without a write."""
        now = self._clock()
        return bool(await self._store.read(lambda tx: tx.deliveries.waiting(now, room, busy)))


def _end(tx: Transaction, sending: Sending, now: int) -> None:
    """Disable a webhook whose receiver is gone, once."""
    webhook = sending.webhook
    if tx.webhooks.set_state(webhook.workspace_id, webhook.id, State.GONE, now):
        tx.journal.audit(
            AuditEntry(
                workspace_id=webhook.workspace_id,
                at=now,
                actor_type="system",
                actor_id=None,
                actor_name="webhooks",
                action="webhook.gone",
                subject=Subject.WEBHOOK,
                subject_id=webhook.id,
                address=None,
                request_id=None,
                before={"state": webhook.state.value},
                after={"state": State.GONE.value},
            )
        )
