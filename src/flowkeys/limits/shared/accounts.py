"""What keys and customers have used, in Valkey: what is asked there, and how it comes there."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final
from weakref import WeakValueDictionary

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.ids import new_id
from flowkeys.domain.limits.gcra import KEY
from flowkeys.domain.limits.quota import Quotas
from flowkeys.domain.limits.spent import QuotaScope
from flowkeys.domain.times import SECOND, Clock
from flowkeys.limits.accounts import Account, Line
from flowkeys.limits.quotas import Load, MemoryQuotas
from flowkeys.limits.shared import used
from flowkeys.limits.shared.away import Away
from flowkeys.limits.shared.valkey import Script, Valkey
from flowkeys.service.ports.quotas import Kind, Whose

TAKEN: Final = 0
REFUSED: Final = 1
NOT_LOADED: Final = -1
_CALL: Final = Script("spend.lua", "rates.lua", "call.lua")
_COUNT: Final = Script("count.lua")
_LOAD: Final = Script("load.lua")
_TRIES: Final = 8

Flush = Callable[[], Awaitable[bool]]


class SharedAccounts(MemoryQuotas):
    """Accounts that hold what Valkey said last of what everybody has used."""

    def __init__(self, valkey: Valkey, load: Load, flush: Flush, clock: Clock, lease_seconds: int) -> None:
        """Read with `load` what is stored, when all is stored that this process counted: `flush` does that.

        A reservation is given back when the process that made it has not been heard of for `lease_seconds`.
        """
        super().__init__(load, clock)
        self._valkey = valkey
        self._flush = flush
        self._lease = lease_seconds * SECOND
        self._generations: dict[str, bytes] = {}
        """By which load what is used came into Valkey, as far as this process has heard."""
        self._apart: set[str] = set()
        """Those of whom this process counted what Valkey does not know."""
        self._loading: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """Held by those who load an account."""
        self._storing = asyncio.Lock()
        self._following: asyncio.Task[bool] | None = None
        """The next to store: it has not begun, so that it has all that is counted by now."""
        self._sent: set[asyncio.Task[None]] = set()

    async def ask(
        self, what: bytes, scopes: tuple[QuotaScope, ...], tokens: int, member: bytes
    ) -> tuple[int, list[Account], int]:
        """Return what the script said, the accounts with what it said of them, and the time."""
        if not self._valkey.is_started:  # a command, not a server
            await self._valkey.start()
        anew = False
        for _ in range(_TRIES):
            now = self._clock()
            accounts = [await self._account(scope, now, anew=anew) for scope in scopes]
            asked = [(account, account.lines) for account in accounts]
            answer = await self.spend(what, asked, tokens, member, b"", now)
            if answer[0] != NOT_LOADED:
                self.see(asked, answer)
                return answer[0], accounts, now
            anew = True
        raise Away("quotas are forgotten faster than they are loaded")

    async def spend(
        self,
        what: bytes,
        asked: Sequence[tuple[Account, Sequence[Line]]],
        tokens: int,
        member: bytes,
        replaced: bytes,
        now: int,
    ) -> Any:
        """Return what the script says of some quotas of accounts; see there.

        Raises:
            Away: it says nothing.
        """
        keys, arguments = self._told(what, asked, tokens, member, replaced, now)
        return await self._valkey.run(_CALL, keys, arguments)

    def command(
        self,
        asked: Sequence[tuple[Account, Sequence[Line]]],
        tokens: int,
        member: bytes,
        now: int,
        limits: tuple[Sequence[bytes], Sequence[bytes]],
    ) -> bytes:
        """Return what takes of quotas and of the rate limits of a call, as it is written."""
        keys, arguments = self._told(b"take", asked, tokens, member, b"", now)
        return _CALL.command([*keys, *limits[0]], [*arguments, *limits[1]])

    def _told(
        self,
        what: bytes,
        asked: Sequence[tuple[Account, Sequence[Line]]],
        tokens: int,
        member: bytes,
        replaced: bytes,
        now: int,
    ) -> tuple[list[bytes], list[bytes | int]]:
        keys: list[bytes] = []
        arguments: list[bytes | int] = [what, tokens, member, replaced, self._lease, 2 * len(asked)]
        for account, lines in asked:
            keys += used.keys(account.whose)
            arguments.append(len(lines))
            for line in lines:
                arguments += used.numbers(line.quota, now)
        return keys, arguments

    def see(self, asked: Sequence[tuple[Account, Sequence[Line]]], answer: Sequence[Any]) -> int:
        """Take over what the script said; return where in its answer all of that was."""
        at = 1
        for account, lines in asked:
            whose = account.whose.id
            generation, others = answer[at], answer[at + 1]
            totals = answer[at + 2 : at + 2 + len(lines)]
            at += 2 + len(lines)
            if any(line.is_tokens for line in lines):
                account.held = others
            known = self._generations.get(whose)
            account.see(lines, totals)
            if known != generation:
                self._generations[whose] = generation
                if known is not None:  # it was lost, and loaded by another without what is not stored yet
                    fields = used.fields(account.unstored)
                    if fields:
                        self.send(self.add(account.whose, b"", fields))
        return at

    # Loading

    def fitting(self, scopes: tuple[QuotaScope, ...], now: int) -> list[Account] | None:
        """Return accounts that Valkey knows, too, as far as this process can tell, or None to load some."""
        found = []
        for _, whose, _, quotas in scopes:
            account = self._fit(whose, quotas, now)
            if account is None:
                return None
            found.append(account)
        return found

    async def _account(self, scope: QuotaScope, now: int, *, anew: bool) -> Account:
        """Return an account that Valkey knows, too, as far as this process can tell."""
        _, whose, _, quotas = scope
        account = self._fit(whose, quotas, now)
        if account is not None and not anew:
            return account
        lock = self._loading.get(whose)
        if lock is None:
            lock = self._loading[whose] = asyncio.Lock()
        async with lock:
            account = self._fit(whose, quotas, now)  # another call may have been faster
            if account is not None and not anew:
                return account
            return await self._loaded(scope, now)

    def _fit(self, whose: str, quotas: Quotas, now: int) -> Account | None:
        account = self._accounts.get(whose)
        if account is None or whose in self._apart or whose not in self._generations:
            return None
        if account.quotas is not quotas:
            if account.quotas.all != quotas.all:
                return None
            account.quotas = quotas
        return account if account.begins_at <= now < account.turns_at else None

    async def _loaded(self, scope: QuotaScope, now: int) -> Account:
        _, whose, _, quotas = scope
        owner = whose_of(scope)
        key, _ = used.keys(owner)
        if whose in self._apart:
            await self._stored()
            await self._valkey.ask("DEL", key)
            self._apart.discard(whose)
        for _ in range(_TRIES):
            state = used.state_of(await self._valkey.ask("HGETALL", key))
            generation = state.get(b"g")
            if generation is None:
                await self._stored()
                uses = await self._load(owner)
            else:
                uses = used.uses(state)
            fresh = Account(owner, quotas, uses, now)
            meters = sorted({used.meter(line.quota) for line in fresh.lines})
            missing = [each for each in meters if b"m:" + each not in state]
            carried = {step: more for step, more in fresh.unstored.items() if used.name(*step) in missing}
            if missing:
                given = generation or new_id().encode()
                put = used.fields(carried) if generation else used.fields(used.summed(uses, carried))
                if not await self._valkey.run(_LOAD, [key], [given, len(meters), *meters, *put]):
                    continue  # another process was faster
                generation = given
            assert generation is not None
            self._generations[whose] = generation
            account = self._accounts.setdefault(whose, fresh)
            if account is fresh:
                fresh.unstored.clear()
            account.learn(quotas, used.summed(uses, carried), carried, now)
            if carried:
                self.note(account)
            return account
        raise Away("quotas are loaded by too many at a time")

    async def _stored(self) -> None:
        """Store what this process has counted, once for all who wait for that: what is loaded then has it.

        Raises:
            Away: it cannot be stored now.
        """
        if self._following is None:
            self._following = asyncio.get_running_loop().create_task(self._store_next())
        if not await asyncio.shield(self._following):
            raise Away("what was used cannot be stored now")

    async def _store_next(self) -> bool:
        async with self._storing:
            self._following = None
            return await self._flush()

    # Adding

    async def add(self, whose: Whose, member: bytes, fields: Sequence[bytes | int]) -> None:
        """Add to what is used; what cannot be added is loaded by and by, from what is stored."""
        try:
            added = await self._valkey.run(_COUNT, used.keys(whose), [member, *fields])
        except Away:
            added = 0
        if fields and not added:
            self._apart.add(whose.id)

    def send(self, work: Any) -> None:
        """Do it without waiting, in the order in which it was asked for."""
        task = asyncio.get_running_loop().create_task(_quietly(work), name="flowkeys-quota")
        self._sent.add(task)
        task.add_done_callback(self._sent.discard)

    async def drain(self) -> None:
        """Wait until all is sent that was counted."""
        await asyncio.gather(*self._sent, return_exceptions=True)

    def forget(self) -> None:
        """Let go of what was not used lately, if there is much."""
        super().forget()
        if len(self._generations) > len(self._accounts):
            self._generations = {
                whose: known for whose, known in self._generations.items() if whose in self._accounts
            }


def whose_of(scope: QuotaScope) -> Whose:
    """Return whose quotas these are."""
    kind, whose, workspace_id, _ = scope
    return Whose(Kind.KEY if kind == KEY else Kind.CUSTOMER, whose, workspace_id)


async def _quietly(work: Awaitable[None]) -> None:
    try:
        await work
    except (Away, Unavailable):
        return
