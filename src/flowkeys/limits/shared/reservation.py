"""Tokens that are reserved for a run, where all processes see it."""

from typing import Protocol

from flowkeys.limits.accounts import Account
from flowkeys.limits.reservation import Keeper, Reservation
from flowkeys.limits.shared.away import Away


class SharedKeeper(Keeper, Protocol):
    """Who is told what becomes of it."""

    async def reach(self, reservation: "SharedReservation", tokens: int) -> bool:
        """Reserve so many in all; tell whether there is room."""
        ...

    def ended(self, reservation: "SharedReservation", tokens: int) -> None:
        """Give it back and count what was used."""
        ...


class SharedReservation(Reservation):
    """Implements `Reserved`."""

    __slots__ = ("_asked", "_name", "_shared", "is_asking")

    def __init__(
        self, keeper: SharedKeeper, accounts: tuple[Account, ...], tokens: int, until: int, name: str
    ) -> None:
        super().__init__(keeper, accounts, tokens, until)
        self._shared = keeper
        self._name = name
        self._asked: set[bytes] = set()
        """How else it may be written: whoever asked for more has no answer."""
        self.is_asking = False
        """Whether it is asked for more just now: how it is written then nobody knows."""

    @property
    def members(self) -> set[bytes]:
        """Return every way in which it may be written."""
        return {self.member(), *self._asked}

    def member(self, tokens: int | None = None) -> bytes:
        """Return how it is written, with as many tokens as it has unless given."""
        return f"{self._name}:{self.tokens if tokens is None else tokens}".encode()

    async def reach(self, tokens: int) -> int:
        """Reserve so many in all, beside what runs of all processes have reserved."""
        more = tokens - self.tokens
        if more <= 0 or not self._is_held:
            return await super().reach(tokens)
        own = self.tokens
        written = {self.member(), self.member(tokens)}
        self._asked |= written
        self.is_asking = True
        try:
            has_room = await self._shared.reach(self, tokens)
        except Away:
            return await super().reach(tokens)
        finally:
            self.is_asking = False
        self._asked -= written
        for account in self.accounts:
            account.held += tokens if has_room else own
        if has_room:
            self.tokens = tokens
            return 0
        return await super().reach(tokens)

    def settle(self, used: int) -> None:
        """Give it back and count what was used."""
        if not self._settled:
            super().settle(used)
            self._shared.ended(self, used)
