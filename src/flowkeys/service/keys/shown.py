"""Keys as they are shown: with what is remembered of them and not stored yet."""

from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.service.keys.rotations import Rotations
from flowkeys.service.ports.verification import RecentUses
from flowkeys.service.quotas import QuotaViews


class Shown:
    """Adds to a key its very last use, that of its old token, and what it has used of its quotas."""

    def __init__(self, uses: RecentUses | None, rotations: Rotations, quotas: QuotaViews) -> None:
        self._uses = uses
        self._rotations = rotations
        self._quotas = quotas

    def of(self, key: ApiKey) -> ApiKey:
        """Return the key as it is now. Any thread may ask."""
        key = self._quotas.of(self._rotations.with_uses(key))
        return key if self._uses is None else key.used(self._uses.last_use(key.id))
