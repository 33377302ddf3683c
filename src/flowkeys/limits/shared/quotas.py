"""Quotas that several processes share: one script takes of all quotas of a call, or of none.

What everybody has used is in Valkey; each process adds up what it has counted itself, and stores that, as
without Valkey. What Valkey has lost is read from the store before it decides again. `MemoryQuotas`, of which
this is a kind, knows what Valkey said last: how long to wait, and how to count alone while Valkey is away.
"""

import asyncio
from typing import Final, Literal

from flowkeys.domain.ids import new_id
from flowkeys.domain.limits.spent import QuotaScope, Spent
from flowkeys.domain.times import SECOND, Clock
from flowkeys.limits.accounts import Account
from flowkeys.limits.quotas import RESERVED_SECONDS, Load
from flowkeys.limits.reservation import Reservation
from flowkeys.limits.shared import used
from flowkeys.limits.shared.accounts import NOT_LOADED, REFUSED, TAKEN, Flush, SharedAccounts, whose_of
from flowkeys.limits.shared.away import Away
from flowkeys.limits.shared.chosen import Chosen
from flowkeys.limits.shared.reservation import SharedReservation
from flowkeys.limits.shared.valkey import Script, Valkey
from flowkeys.service.ports.verification import PENDING, Pending

_HOLD: Final = Script("hold.lua")


class SharedQuotas(SharedAccounts):
    """Implements the ports `QuotaKeeper` and `LiveQuotas`."""

    def __init__(
        self, valkey: Valkey, load: Load, flush: Flush, clock: Clock, *, chosen: Chosen, lease_seconds: int
    ) -> None:
        """Count alone while `valkey` is away, or refuse what is `chosen`. The rest is that of accounts."""
        super().__init__(valkey, load, flush, clock, lease_seconds)
        self._chosen = chosen
        self._held_at = 0

    # Taking

    def at_once(self, scopes: tuple[QuotaScope, ...], tokens: int | None) -> Spent | Literal[Pending.PENDING]:
        """Return `PENDING`, or while Valkey is away what this process decides."""
        if self._valkey.is_up or not self._valkey.is_started:
            return PENDING
        self._valkey.without += 1
        self._chosen.check_quotas(scopes)
        spent = super().at_once(scopes, tokens)
        if spent is not PENDING:
            self._counted_apart(scopes)
        return spent

    async def take(self, scopes: tuple[QuotaScope, ...], tokens: int | None) -> Spent:
        """Take of every quota, or of none."""
        try:
            return await self._take_together(scopes, tokens)
        except Away:
            pass
        self._valkey.without += 1
        self._chosen.check_quotas(scopes)
        while (spent := super().at_once(scopes, tokens)) is PENDING:
            await self._load_all(scopes)
        self._counted_apart(scopes)
        return spent

    async def standing(self, scopes: tuple[QuotaScope, ...]) -> Spent:
        """Return what is left, and take nothing."""
        try:
            _, accounts, now = await self.ask(b"look", scopes, 0, b"")
        except Away:
            return await super().standing(scopes)
        return self._standing(scopes, accounts, now)

    def give_back(self, spent: Spent) -> Spent:
        """Give back a call and its reservation; return what is left then."""
        left = super().give_back(spent)
        for _, whose, _, _ in spent.scopes:
            account = self._accounts[whose]
            if account.call_lines and whose not in self._apart:
                fields = used.present(account, account.call_lines, -1)
                self.send(self.add(account.whose, b"", fields))
        return left

    async def _take_together(self, scopes: tuple[QuotaScope, ...], tokens: int | None) -> Spent:
        name = new_id() if reserves(scopes, tokens) else ""
        member = member_of(name, tokens)
        try:
            answer, accounts, now = await self.ask(b"take", scopes, tokens or 0, member)
        except asyncio.CancelledError:  # what was reserved by then nobody else would give back
            if name:
                for scope in scopes:
                    self.send(self.add(whose_of(scope), member, []))
            raise
        if answer == REFUSED:
            return self.refused(scopes, accounts, tokens, now)
        return self.took(scopes, accounts, tokens, name, now)

    def refused(
        self, scopes: tuple[QuotaScope, ...], accounts: list[Account], tokens: int | None, now: int
    ) -> Spent:
        """Return why a call was refused, of which accounts have what Valkey said."""
        return self._refused(scopes, accounts, tokens or 0, now)

    def left(self, scopes: tuple[QuotaScope, ...], accounts: list[Account], now: int) -> Spent:
        """Return what is left, by what Valkey said."""
        return self._standing(scopes, accounts, now)

    def took(
        self,
        scopes: tuple[QuotaScope, ...],
        accounts: list[Account],
        tokens: int | None,
        name: str,
        now: int,
    ) -> Spent:
        """Return what a call took in Valkey: what is left, and what is reserved by a name, if it has one."""
        left = []
        resets_at: tuple[int, ...] = ()
        for account in accounts:
            resets_at += account.resets
            for line in account.lines:
                rest = line.amount - line.used
                left.append(rest - account.held if line.is_tokens else rest - 1)
            if account.call_lines:
                account.count_call()
            self.note(account)
        reserved = None
        if name:
            assert tokens is not None
            metered = tuple(account for account in accounts if account.quotas.has_tokens)
            for account in metered:
                account.held += tokens
            until = now + RESERVED_SECONDS * SECOND
            reserved = SharedReservation(self, metered, tokens, until, name)
            self._reserved[reserved] = None
        return Spent(scopes, tuple(left), resets_at, now, reserved=reserved)

    # What runs use

    async def reach(self, reservation: SharedReservation, tokens: int) -> bool:
        """Reserve so many in all beside what others have reserved; tell whether they have room.

        Raises:
            Away: Valkey does not say.
        """
        accounts = reservation.accounts
        asked = [(account, [line for line in account.lines if line.is_tokens]) for account in accounts]
        for account, _ in asked:
            if account.whose.id in self._apart:
                raise Away("this process counts alone")
        member = reservation.member(tokens)
        answer = await self.spend(b"take", asked, tokens, member, reservation.member(), self._clock())
        if answer[0] == NOT_LOADED:
            raise Away("what is used is not loaded")
        self.see(asked, answer)
        return bool(answer[0] == TAKEN)

    def ended(self, reservation: SharedReservation, tokens: int) -> None:
        """Give a reservation back, and count what was used."""
        for account in reservation.accounts:
            lines = [line for line in account.lines if line.is_tokens]
            fields = used.present(account, lines, tokens) if tokens > 0 else []
            first, *others = reservation.members
            self.send(self.add(account.whose, first, fields))
            for other in others:
                self.send(self.add(account.whose, other, []))

    def settled(self, reservation: Reservation, accounts: tuple[Account, ...], tokens: int) -> None:
        """Count what a run has used."""
        super().settled(reservation, accounts, tokens)
        if tokens > 0 and not isinstance(reservation, SharedReservation):  # it began while Valkey was away
            self._apart.update(account.whose.id for account in accounts)

    def expire(self) -> None:
        """Give back reservations that nobody settled; have the others last."""
        now = self._clock()
        before = list(self._reserved)
        super().expire()
        for reservation in before:
            if reservation not in self._reserved and isinstance(reservation, SharedReservation):
                self.ended(reservation, 0)
        if self._reserved and self._valkey.is_up and not 0 <= now - self._held_at < self._lease // 3:
            self._held_at = now
            self.send(self._hold())

    async def _hold(self) -> None:
        keys: list[bytes] = []
        members: list[bytes | int] = [self._lease]
        for reservation in list(self._reserved):
            # One that is replaced just now would come back, and stay; the other has a lease of its own.
            if isinstance(reservation, SharedReservation) and not reservation.is_asking:
                for account in reservation.accounts:
                    keys.append(used.keys(account.whose)[1])
                    members.append(reservation.member())
        if keys:
            await self._valkey.run(_HOLD, keys, members)

    def _counted_apart(self, scopes: tuple[QuotaScope, ...]) -> None:
        for _, whose, _, _ in scopes:
            if whose not in self._apart:
                self._apart.add(whose)
                self._accounts[whose].held = self.reserved(whose)

    # What others ask

    def reserved(self, subject_id: str) -> int:
        """Return how many tokens of its runs are reserved, of those that are under way here."""
        return sum(
            reservation.tokens
            for reservation in list(self._reserved)
            if any(account.whose.id == subject_id for account in reservation.accounts)
        )


def reserves(scopes: tuple[QuotaScope, ...], tokens: int | None) -> bool:
    """Tell whether a call reserves tokens."""
    return tokens is not None and any(quotas.has_tokens for _, _, _, quotas in scopes)


def member_of(name: str, tokens: int | None) -> bytes:
    """Return how a reservation is written, or nothing for one without a name."""
    return f"{name}:{tokens}".encode() if name else b""
