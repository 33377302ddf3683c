"""What becomes of the keys of somebody who leaves: they work on until they are revoked.

A key that may make keys outlives whoever made it, and so do the keys that it made: all of them are theirs.
"""

from flowkeys.domain.principal import Caller
from flowkeys.service.keys.keyring import Keyring
from flowkeys.service.ports.keys.makers import KeysMade


class KeysOf:
    """The keys that one person made, also through keys of theirs, those that are revoked left out."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    async def count(self, caller: Caller, person_id: str) -> KeysMade | None:
        """Return how many there are, or None to a caller who may not see keys."""
        if not caller.holds("apikeys:view"):
            return None
        return await self._keyring.made_by(caller, person_id)

    async def revoke(self, caller: Caller, person_id: str) -> int:
        """Revoke all of them, a thousand in a transaction; return how many there were.

        The first made are the first that are revoked: no key makes another behind the back of this.

        Raises:
            Forbidden: the caller may not revoke keys, or some hold more than the caller does.
        """
        caller.require("apikeys:delete")
        revoked = 0
        while ids := await self._keyring.ids_made_by(caller, person_id):
            revoked += (await self._keyring.revoke_many(caller, ids)).affected
        return revoked
