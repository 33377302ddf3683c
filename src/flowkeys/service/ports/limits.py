"""What counts: failures by address, and the calls that are let in."""

from collections.abc import Callable
from typing import Literal, Protocol

from flowkeys.domain.limits.gcra import Kept, Passed, Scope, Taken
from flowkeys.domain.limits.spent import QuotaScope, Spent
from flowkeys.service.ports.verification import Pending


class FailureLimit(Protocol):
    """Counts credentials that failed, by the address that they came from. Never asked about a good one."""

    @property
    def burst(self) -> int:
        """How many failures may come at once."""
        ...

    @property
    def window_seconds(self) -> int:
        """After how many quiet seconds so many may come again."""
        ...

    def failed(self, address: str | None, now: int) -> int:
        """Count a failure and return 0, or return for how many seconds there have been too many.

        `now` is the time of the call, in microseconds.
        """
        ...


LetIn = Callable[[int], Passed | None]
"""Lets in a call with a record at a time (microseconds, UTC), and takes of all that applies to it.

Or returns None and takes nothing: then whoever counts is to be asked, as for a call that is refused.
"""


class Ready(Protocol):
    """Puts together what lets in calls with a record, where limits and quotas are counted in this process."""

    def __call__(self, kept: Kept, scopes: tuple[Scope, ...], quotas: tuple[QuotaScope, ...]) -> LetIn | None:
        """Return what lets calls in that take of these, as `RateLimiter` and `QuotaKeeper` do, or None."""
        ...


Told = Callable[[Taken | None, Spent | None], None]
"""Is called with what became of a call: what it took of rate limits, and of quotas if it has any.

With None and None when nothing is known of it: then it is to be asked for by those who await, who know what
is to be done about it.
"""
Ask = Callable[[int | None, Told], bool]
"""Asks for a call, of which so many tokens are to be reserved. True: `Told` is called later, never at once.

False: nothing was asked, and nobody is told anything.
"""


class Together(Protocol):
    """Puts together what asks for calls where several processes count: limits and quotas by one question."""

    def __call__(self, limits: tuple[Scope, ...], quotas: tuple[QuotaScope, ...]) -> Ask:
        """Return what asks for calls that these apply to. It takes of all of them, or of none.

        When a quota is short, its `wait_seconds` say so, and of rate limits nothing is taken.
        """
        ...


class RateLimiter(Protocol):
    """Counts accepted calls. What a call takes of several limits it takes of all, or of none."""

    def at_once(self, scopes: tuple[Scope, ...]) -> Taken | Literal[Pending.PENDING]:
        """Return what `take` returns, or `PENDING` where that takes long; then nothing is taken.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        ...

    async def take(self, scopes: tuple[Scope, ...]) -> Taken:
        """Take one call of every limit of the scopes, or of none when one of them has none left.

        However many ask at a time, no more are let in than the limits say. Limits that take the place of
        others go on with the calls that were made under those (`gcra.moved`).

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        ...

    def standing_at_once(self, scopes: tuple[Scope, ...]) -> Taken | Literal[Pending.PENDING]:
        """Return what `standing` returns, or `PENDING` where that takes long.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        ...

    async def standing(self, scopes: tuple[Scope, ...]) -> Taken:
        """Return what is left of the limits of the scopes, and take nothing.

        Raises:
            Unavailable: whoever counts cannot be reached.
        """
        ...
