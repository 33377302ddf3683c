"""What was used of quotas is stored, and announced at its thresholds."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.limits.quota import HOURLY_DAYS, MAX_DAYS, QuotaUse
from flowkeys.domain.limits.quota_fields import quota_json
from flowkeys.domain.times import DAY, Clock, to_iso
from flowkeys.service.ports.quotas import Crossing, Kind, QuotaBatch, Whose
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.webhooks.announcing import write

THRESHOLD_EVENT: Final = "quota.threshold"
HOURS_OF_QUOTAS: Final = (HOURLY_DAYS + 2) * DAY
DAYS_OF_QUOTAS: Final = (MAX_DAYS + 32) * DAY
"""So long hours and days of use are kept: as long as a quota may count them, and a little more."""


class QuotaStore:
    """Reads and stores what was used."""

    def __init__(self, store: Store, clock: Clock, tell: Callable[[dict[str, Any]], None]) -> None:
        """`tell` is told of each threshold that was reached, once."""
        self._store = store
        self._clock = clock
        self._tell = tell

    async def load(self, whose: Whose) -> tuple[QuotaUse, ...]:
        """Return what a key or customer has used.

        Raises:
            Unavailable: the store cannot be reached.
        """
        found = await self._store.read(lambda tx: tx.quotas.uses(whose.workspace_id, whose.kind, [whose.id]))
        return found.get(whose.id, ())

    async def add(self, batch: QuotaBatch) -> None:
        """Store a batch and announce what is to be announced, unless that is done already.

        Raises:
            Unavailable: the store cannot be reached. Whether the batch is stored is not known then.
        """
        now = self._clock()

        def work(tx: Transaction) -> list[dict[str, Any]]:
            if not tx.usage.begin(batch.recorder, batch.number, now):
                return []
            tx.quotas.add(batch.spendings)
            return [_announced(tx, each, now) for each in batch.crossings if tx.quotas.note(each, now)]

        for facts in await self._store.write(work):
            self._tell(facts)


def _announced(tx: Transaction, crossing: Crossing, now: int) -> dict[str, Any]:
    """Announce a threshold, and return what is said of it."""
    workspace_id, standing = crossing.whose.workspace_id, crossing.standing
    data = {
        "workspaceId": workspace_id,
        **_whose(tx, crossing.whose),
        "threshold": crossing.threshold,
        "quota": quota_json(crossing.quota),
        "used": standing.used,
        "left": max(0, crossing.quota.amount - standing.used),
        "resetsAt": None if standing.resets_at is None else to_iso(standing.resets_at),
    }
    listeners = tx.webhooks.listeners(workspace_id, THRESHOLD_EVENT)
    if listeners:
        write(tx, workspace_id, THRESHOLD_EVENT, data, now, listeners)
    return data


def _whose(tx: Transaction, whose: Whose) -> dict[str, str | None]:
    """Return whose quota it is: without a name when its row is gone or was spoilt by hand.

    What others have used is stored in the same transaction, and must not wait until that is put right.
    """
    if whose.kind is Kind.KEY:
        key = None
        with suppress(Unavailable):
            key = tx.keys.get(whose.workspace_id, whose.id)
        return {"keyId": whose.id, "keyName": None if key is None else key.name}
    customer = None
    with suppress(Unavailable):
        customer = tx.customers.get(whose.workspace_id, whose.id)
    return {
        "customerId": whose.id,
        "customerName": None if customer is None else customer.name,
        "customerExternalId": None if customer is None else customer.external_id,
    }
