"""Tokens that are reserved for a run."""

from typing import Protocol

from flowkeys.limits.accounts import Account


class Keeper(Protocol):
    """Who is told what becomes of it."""

    def settled(self, reservation: "Reservation", accounts: tuple[Account, ...], tokens: int) -> None:
        """Count what a run has used."""
        ...

    def note(self, account: Account) -> None:
        """See to it that an account is looked at when it is stored next."""
        ...


class Reservation:
    """Implements `Reserved`."""

    __slots__ = ("_accounts", "_is_held", "_keeper", "_settled", "tokens", "until")

    def __init__(self, keeper: Keeper, accounts: tuple[Account, ...], tokens: int, until: int) -> None:
        self._keeper = keeper
        self._accounts = accounts
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
        self._keeper.settled(self, self._accounts, used)

    def reach(self, tokens: int) -> bool:
        """Reserve so many in all, if the quotas have room for that, whatever others have reserved."""
        more = tokens - self.tokens
        if more <= 0:
            return True
        for account in self._accounts:
            for line in account.lines:
                if line.is_tokens and line.used + tokens > line.amount:
                    line.is_used_up = True
                    self._keeper.note(account)
                    return False
        self.tokens = tokens
        if self._is_held:
            for account in self._accounts:
                account.held += more
        return True

    def expire(self) -> None:
        """Give the reservation back; what is used is counted all the same."""
        if self._is_held:
            self._is_held = False
            for account in self._accounts:
                account.held -= self.tokens
