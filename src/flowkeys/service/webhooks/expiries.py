"""Announcing what time does: a key expires soon, a key has expired.

Each once. Up to when that was done is written together with what is announced, so that a restart repeats
nothing, and what came due while the server was down is announced when it is up again. A moment that has
passed when a key is made, 14 days before the end of a key that lasts a week, is announced to nobody.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.times import SECOND, Clock
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.webhooks.announcing import announce_key

NOTICE_DAYS: Final = (1, 14)
"""So many days before its end a key is announced to expire."""
_DAY: Final = 86_400 * SECOND
_REMEMBERED_EVERY: Final = 3600 * SECOND
"""How often it is written how far this came where nothing had to be announced."""


class Expiries:
    """Looks what came due since it looked last, in every workspace that has webhooks."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._seen: dict[str, int] = {}

    async def announce(self) -> None:
        """Write the events of what came due.

        Raises:
            Unavailable: the store cannot be reached; the next call makes up for it.
        """
        now = self._clock()

        def look(tx: Transaction) -> tuple[list[str], list[str]]:
            found = [one.id for one in tx.workspaces.all()]
            return found, [one for one in found if tx.webhooks.all(one) and self._has_work(tx, one, now)]

        seen, needed = await self._store.read(look)
        if needed:
            await self._store.write(lambda tx: self._write(tx, needed, now))
        self._seen = dict.fromkeys(seen, now)

    def _since(self, tx: Transaction, workspace_id: str, now: int) -> int:
        """Return up to when this process or another has announced; of a clock that ran ahead, now."""
        found = max(tx.expiries.announced_up_to(workspace_id) or 0, self._seen.get(workspace_id, 0)) or now
        return now if found > now + _DAY else found

    def _has_work(self, tx: Transaction, workspace_id: str, now: int) -> bool:
        written = tx.expiries.announced_up_to(workspace_id)
        if written is None or now - written >= _REMEMBERED_EVERY or written > now + _DAY:
            return True
        return any(_due(tx, workspace_id, self._since(tx, workspace_id, now), now))

    def _write(self, tx: Transaction, workspace_ids: list[str], now: int) -> None:
        for workspace_id in workspace_ids:
            since = self._since(tx, workspace_id, now)
            for days, key_ids in _due(tx, workspace_id, since, now):
                for key in _readable(tx, workspace_id, key_ids):
                    if not days:
                        announce_key(tx, "key.expired", key, now)
                    elif key.expires_at is not None and key.created_at < key.expires_at - days * _DAY:
                        announce_key(tx, "key.expiring", key, now, daysLeft=days)
            tx.expiries.set_announced(workspace_id, max(since, now))


def _readable(tx: Transaction, workspace_id: str, key_ids: list[str]) -> list[ApiKey]:
    """Return keys without those whose rows were spoilt by hand: all others are announced."""
    try:
        return tx.keys.some(workspace_id, key_ids)
    except Unavailable:
        found = []
        for key_id in key_ids:
            with suppress(Unavailable):
                found += tx.keys.some(workspace_id, [key_id])
        return found


def _due(tx: Transaction, workspace_id: str, since: int, now: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the keys whose moment came, by the days that are left: of a key the last moment alone."""
    told: set[str] = set()
    for days in (0, *NOTICE_DAYS):
        found = tx.expiries.ending(workspace_id, since + days * _DAY, now + days * _DAY)
        new = [key_id for key_id in found if key_id not in told]
        told.update(new)
        if new:
            yield days, new
