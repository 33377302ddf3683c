"""What becomes of the keys of somebody who leaves: they work on until they are revoked."""

import msgspec

from flowkeys.domain.listing import UNPAGED_LIMIT, KeyQuery
from flowkeys.domain.principal import Caller
from flowkeys.service.key_bulk import MAX_KEYS
from flowkeys.service.keyring import Keyring

_PART = min(MAX_KEYS, UNPAGED_LIMIT)


class KeysOf:
    """The keys that one person made, those that are revoked left out."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def count(self, caller: Caller, person_id: str) -> int | None:
        """Return how many there are, or None to a caller who may not see keys."""
        if not caller.holds("apikeys:view"):
            return None
        return (await self._keyring.page(caller, _made_by(caller, person_id, 1))).total

    async def revoke(self, caller: Caller, person_id: str) -> int:
        """Revoke all of them, a thousand in a transaction; return how many there were.

        Raises:
            Forbidden: the caller may not revoke keys, or some hold more than the caller does.
        """
        caller.require("apikeys:delete")
        revoked = 0
        while True:
            page = await self._keyring.page(caller, _made_by(caller, person_id, _PART))
            if not page.items:
                return revoked
            result = await self._keyring.revoke_many(caller, [key.id for key in page.items])
            revoked += result.affected


def _made_by(caller: Caller, person_id: str, limit: int) -> KeyQuery:
    query = KeyQuery(workspace_id=caller.workspace_id, created_by_id=person_id)
    return msgspec.structs.replace(query, limit=limit)
