"""Quotas as keys and customers are shown with them: what this process has counted, stored or not."""

from collections.abc import Iterable, Sequence
from typing import TypeVar

import msgspec

from flowkeys.domain.customers.customer import Customer
from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.limits.quota import QuotaUse
from flowkeys.service.ports.quotas import LiveQuotas

T = TypeVar("T", ApiKey, Customer)


class QuotaViews:
    """Shows with keys and customers what they have used."""

    def __init__(self, live: LiveQuotas | None = None) -> None:
        """None: this process counts nothing, and what is stored is all there is."""
        self._live = live

    def of(self, item: T) -> T:
        """Return a key or a customer with what it has used up to now. Any thread may ask."""
        if self._live is None or not item.quotas:
            return item
        uses = self._live.uses(item.id)
        if uses is None:
            return item
        uses = _most(item.quota_uses, uses)
        held = self._live.reserved(item.id)
        return msgspec.structs.replace(item, quota_uses=uses, tokens_reserved=held)

    def of_all(self, items: Sequence[T]) -> list[T]:
        """Do that for several."""
        return [self.of(item) for item in items]


def _most(stored: Iterable[QuotaUse], live: Iterable[QuotaUse]) -> tuple[QuotaUse, ...]:
    """Return the larger number of each step: others may have stored what was not heard of here."""
    found = {(use.unit, use.step, use.time): use for use in stored}
    for use in live:
        key = use.unit, use.step, use.time
        known = found.get(key)
        if known is None or known.used < use.used:
            found[key] = use
    return tuple(found.values())
