"""Tokens that are reserved for a run."""

from typing import Final, Protocol

from flowkeys.limits.accounts import Account, Line

HELD_SECONDS: Final = 5
"""After so many seconds a call may come again for which too much is reserved: runs end, and give back."""


class Keeper(Protocol):
    """Who is told what becomes of it."""

    def settled(self, reservation: "Reservation", accounts: tuple[Account, ...], tokens: int) -> None:
        """Count what a run has used."""
        ...

    def short(self, account: Account, line: Line, tokens: int) -> int:
        """Note that a quota has not so many left, and return after how many seconds it may have."""
        ...


class Reservation:
    """Implements `Reserved`."""

    __slots__ = ("_is_held", "_keeper", "_settled", "accounts", "tokens", "until")

    def __init__(self, keeper: Keeper, accounts: tuple[Account, ...], tokens: int, until: int) -> None:
        self._keeper = keeper
        self.accounts = accounts
        self._is_held = True
        self._settled = False
        self.tokens = tokens
        self.until = until

    def settle(self, used: int) -> None:
        """Give the reservation back and count what was used."""
        if self._settled:
            return
        self._settled = True
        self.expire()
        self._keeper.settled(self, self.accounts, used)

    async def reach(self, tokens: int) -> int:
        """Reserve so many in all if the quotas have room beside what others have reserved.

        Else return after how many seconds they may have. So runs that are under way together cannot exceed a
        quota, however long their prompts are.
        """
        more = tokens - self.tokens
        if more <= 0:
            return 0
        own = self.tokens if self._is_held else 0
        for account in self.accounts:
            others = account.held - own
            for line in account.lines:
                if not line.is_tokens:
                    continue
                if line.used + tokens > line.amount:
                    return self._keeper.short(account, line, tokens)
                if line.used + others + tokens > line.amount:
                    return HELD_SECONDS
        self.tokens = tokens
        if self._is_held:
            for account in self.accounts:
                account.held += more
        return 0

    def expire(self) -> None:
        """Give the reservation back; what is used is counted all the same."""
        if self._is_held:
            self._is_held = False
            for account in self.accounts:
                account.held -= self.tokens
