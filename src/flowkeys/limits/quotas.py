"""Quotas in the memory of one process: exact, since no call comes between a decision and what it takes.

What a key or customer has used is read from the store when it is first needed, and handed on to it by
`QuotaFlush`.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Final, Literal

from flowkeys.domain.limits.gcra import KEY
from flowkeys.domain.limits.quota import QuotaUse
from flowkeys.domain.limits.spent import QuotaScope, Spent
from flowkeys.domain.times import SECOND, Clock
from flowkeys.limits.accounts import Account, Line
from flowkeys.limits.reservation import HELD_SECONDS, Reservation
from flowkeys.service.ports.quotas import Crossing, Kind, Spending, Whose
from flowkeys.service.ports.verification import PENDING, Pending

RESERVED_SECONDS: Final = 3600
"""So long tokens are reserved for a run. One that takes longer is charged all the same when it ends."""
MOST: Final = 100_000
"""So many keys and customers are kept, of about a kilobyte each; of more, those go that are not used."""
_AT_ONCE: Final = 500
"""As many of them are stored in one transaction."""

Load = Callable[[Whose], Awaitable[tuple[QuotaUse, ...]]]


class MemoryQuotas:
    """Implements the ports `QuotaKeeper` and `LiveQuotas`. Everything happens in the event loop's thread."""

    def __init__(
        self,
        load: Load,
        clock: Clock,
        *,
        beside_others: bool = False,
    ) -> None:
        """Ask `load` what is stored of a key or customer, when that is first needed.

        `beside_others`: ask again after each flush, since other processes store what they have counted, too.
        """
        self._beside_others = beside_others
        self._fresh: list[Account] = []
        """Those of which was asked since the last flush, beside others."""
        self._load = load
        self._clock = clock
        self._accounts: dict[str, Account] = {}
        self._dirty: list[Account] = []
        self._reserved: dict[Reservation, None] = {}
        """Those that are not settled, in the order in which they end."""

    def __len__(self) -> int:
        return len(self._accounts)

    @property
    def accounts(self) -> dict[str, Account]:
        """Those that are known, by whose they are."""
        return self._accounts

    @property
    def reservations(self) -> int:
        """How many runs have tokens reserved."""
        return len(self._reserved)

    # Taking

    def at_once(self, scopes: tuple[QuotaScope, ...], tokens: int | None) -> Spent | Literal[Pending.PENDING]:
        """Take of every quota, or of none; `PENDING` while something is not loaded."""
        now = self._clock()
        if len(scopes) == 1:
            _, whose, _, quotas = scopes[0]
            known = self._accounts.get(whose)
            if known is not None and (left := known.left(quotas, now)) >= 0:
                known.count_call()
                self.note(known)
                return Spent(scopes, (left,), known.resets, now)
        return self._take(scopes, tokens, now)

    def _take(
        self, scopes: tuple[QuotaScope, ...], tokens: int | None, now: int
    ) -> Spent | Literal[Pending.PENDING]:
        accounts = self._ready(scopes, now)
        if accounts is None:
            return PENDING
        needed = tokens or 0
        left = []
        resets_at: tuple[int, ...] = ()
        for account in accounts:
            resets_at += account.resets
            for line in account.lines:
                rest = line.amount - line.used
                if line.is_tokens:
                    rest -= account.held
                    if needed and rest < needed:
                        return self._refused(scopes, accounts, needed, now)
                else:
                    rest -= 1
                    if rest < 0:
                        return self._refused(scopes, accounts, needed, now)
                left.append(rest)
        for account in accounts:
            if account.call_lines:
                account.count_call()
            if not account.is_dirty:
                account.is_dirty = True
                self._dirty.append(account)
        reserved = None if tokens is None else self._reserve(accounts, tokens, now)
        return Spent(scopes, tuple(left), resets_at, now, reserved=reserved)

    def _ready(self, scopes: tuple[QuotaScope, ...], now: int) -> list[Account] | None:
        accounts = []
        for _, whose, _, quotas in scopes:
            account = self._accounts.get(whose)
            if account is None or account.is_stale:
                return None
            if account.quotas is not quotas:
                account.fit(quotas, now)
            if not account.begins_at <= now < account.turns_at:
                account.turn(now)
            accounts.append(account)
        return accounts

    async def take(self, scopes: tuple[QuotaScope, ...], tokens: int | None) -> Spent:
        """Do what `at_once` does, once everything is loaded."""
        while (spent := self.at_once(scopes, tokens)) is PENDING:
            await self._load_all(scopes)
        return spent

    def give_back(self, spent: Spent) -> Spent:
        """Give back a call and its reservation; return what is left then."""
        if spent.reserved is not None:
            spent.reserved.settle(0)
        accounts = [self._accounts[whose] for _, whose, _, _ in spent.scopes]
        for account in accounts:
            if account.call_lines:
                account.count_call(-1)
                self.note(account)
        return self._standing(spent.scopes, accounts, spent.now)

    async def standing(self, scopes: tuple[QuotaScope, ...]) -> Spent:
        """Return what is left, and take nothing."""
        await self._load_all(scopes)
        now = self._clock()
        accounts = self._ready(scopes, now)
        assert accounts is not None
        return self._standing(scopes, accounts, now)

    def settled(self, reservation: Reservation, accounts: tuple[Account, ...], tokens: int) -> None:
        """Count what a run has used."""
        self._reserved.pop(reservation, None)
        if tokens <= 0:
            return
        now = self._clock()
        for account in accounts:
            if not account.begins_at <= now < account.turns_at:
                account.turn(now)
            account.count_tokens(tokens)
            self.note(account)

    def short(self, account: Account, line: Line, needed: int, now: int | None = None) -> int:
        """Note that a quota has not so much left, and return after how many seconds it may have."""
        if not line.is_used_up and needed <= line.amount:  # one that never fits says nothing of what is left
            line.is_used_up = True
            self.note(account)
        return account.wait_seconds(line, needed, self._clock() if now is None else now)

    def note(self, account: Account) -> None:
        """See to it that an account is looked at when it is stored next."""
        if not account.is_dirty:
            account.is_dirty = True
            self._dirty.append(account)

    def _reserve(self, accounts: list[Account], tokens: int, now: int) -> Reservation | None:
        metered = tuple(account for account in accounts if account.quotas.has_tokens)
        if not metered:
            return None
        for account in metered:
            account.held += tokens
        found = Reservation(self, metered, tokens, now + RESERVED_SECONDS * SECOND)
        self._reserved[found] = None
        return found

    def expire(self) -> None:
        """Give back reservations that nobody settled, also those that a clock set back would keep."""
        now = self._clock()
        latest = now + 2 * RESERVED_SECONDS * SECOND
        while self._reserved and not now < (first := next(iter(self._reserved))).until <= latest:
            del self._reserved[first]
            first.expire()

    def _refused(
        self, scopes: tuple[QuotaScope, ...], accounts: list[Account], tokens: int, now: int
    ) -> Spent:
        """Return why and for how long; the quota that is short for the longest time is named."""
        longest, short, wanted, is_held = 0, 0, 1, False
        place = 0
        for account in accounts:
            for line in account.lines:
                needed = tokens if line.is_tokens else 1
                seconds, held = self._wait(account, line, needed, now)
                if seconds > longest:
                    longest, short, wanted, is_held = seconds, place, needed, held
                place += 1
        standing = self._standing(scopes, accounts, now)
        return Spent(
            scopes,
            standing.left,
            standing.resets_at,
            now,
            wait_seconds=longest,
            short=short,
            wanted=wanted,
            is_held=is_held,
        )

    def _wait(self, account: Account, line: Line, needed: int, now: int) -> tuple[int, bool]:
        """Return for how long a quota keeps a call waiting, and whether for what is reserved alone."""
        if not needed:
            return 0, False
        if line.used + needed > line.amount:
            return self.short(account, line, needed, now), False
        if line.is_tokens and line.used + account.held + needed > line.amount:
            return HELD_SECONDS, True
        return 0, False

    @staticmethod
    def _standing(scopes: tuple[QuotaScope, ...], accounts: list[Account], now: int) -> Spent:
        left, resets_at = [], []
        for account in accounts:
            for line in account.lines:
                rest = line.amount - line.used - (account.held if line.is_tokens else 0)
                left.append(max(rest, 0))
                resets_at.append(line.resets_at)
        return Spent(scopes, tuple(left), tuple(resets_at), now)

    async def _load_all(self, scopes: tuple[QuotaScope, ...]) -> None:
        for kind, whose, workspace_id, quotas in scopes:
            known = self._accounts.get(whose)
            if known is None or known.is_stale:
                owner = Whose(Kind.KEY if kind == KEY else Kind.CUSTOMER, whose, workspace_id)
                uses = await self._load(owner)
                known = self._accounts.get(whose)
                if known is None:  # else somebody else was faster, and counts already
                    known = self._accounts[whose] = Account(owner, quotas, uses, self._clock())
                elif known.is_stale:
                    known.renew(uses, self._clock())
                if self._beside_others:
                    self._fresh.append(known)

    # What others ask

    def uses(self, subject_id: str) -> tuple[QuotaUse, ...] | None:
        """Return what a key or customer has used, if it is known here."""
        account = self._accounts.get(subject_id)
        return None if account is None or account.is_stale else account.uses()

    def reserved(self, subject_id: str) -> int:
        """Return how many tokens of its runs are reserved."""
        account = self._accounts.get(subject_id)
        return 0 if account is None else account.held

    # What is stored

    def unstored(self) -> Iterator[tuple[Sequence[Spending], Sequence[Crossing]]]:
        """Hand over what was used since the last time and what is to be announced, some at a time."""
        dirty, self._dirty = self._dirty, []
        for start in range(0, len(dirty), _AT_ONCE):
            spendings: list[Spending] = []
            crossings: list[Crossing] = []
            for account in dirty[start : start + _AT_ONCE]:
                account.was_used = True
                spent, crossed = account.stored()
                spendings += spent
                crossings += crossed
            if spendings or crossings:
                yield spendings, crossings

    async def drain(self) -> None:
        """Wait until others know what was counted: here nobody else has to."""

    def forget(self) -> None:
        """Let go of what was not used lately, if there is much; all that was handed over is stored."""
        fresh, self._fresh = self._fresh, []
        for account in fresh:
            account.grow_old()
        if len(self._accounts) <= MOST:
            return
        for whose, account in list(self._accounts.items()):
            if account.was_used or account.is_dirty or account.held:
                account.was_used = False
            else:
                del self._accounts[whose]
