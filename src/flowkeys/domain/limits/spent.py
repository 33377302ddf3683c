"""What a call took of quotas, and what is left of them."""

from typing import Protocol

import msgspec

from flowkeys.domain.limits.quota import Quotas

QuotaScope = tuple[int, str, str, Quotas]
"""Whose quotas: `gcra.KEY` or `gcra.CUSTOMER`, the id of that one, its workspace, and the quotas."""


class Reserved(Protocol):
    """Tokens that a run may use. What is settled is settled once: what comes later changes nothing."""

    @property
    def tokens(self) -> int:
        """How many there are."""
        ...

    def settle(self, used: int) -> None:
        """Give the reservation back and count what was used, which may be more."""
        ...

    async def reach(self, tokens: int) -> int:
        """Reserve so many in all, if the quotas have room for that beside what others have reserved.

        Return 0, or after how many seconds they may have, and then nothing more is reserved.
        """
        ...


class Spent(msgspec.Struct, frozen=True, gc=False):
    """What became of a call that asked for its share of some quotas, and what is left of each."""

    scopes: tuple[QuotaScope, ...]
    left: tuple[int, ...]
    """Of each quota, in the order of the scopes: how much may be used yet, by this call's run, too."""
    resets_at: tuple[int, ...]
    """Of each, when what is used is given back, the first part at least."""
    now: int
    wait_seconds: int = 0
    """0 when the call was let in. Else nothing was taken of any quota, and a call that comes so much later is
    let in, if nobody calls before."""
    short: int | None = None
    """Which quota has too little left for the call, by its place."""
    wanted: int = 1
    """How much of that the call needed."""
    is_held: bool = False
    """What it lacks is reserved by runs that are under way."""
    reserved: Reserved | None = None
