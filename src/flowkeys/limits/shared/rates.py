"""Rate limits that several processes share: one script takes of all limits of a call, or of none."""

import struct
from collections.abc import Sequence
from typing import Final, Literal

from flowkeys.domain.limits.gcra import ADDRESS, Paid, Scope, Taken, debt, moved
from flowkeys.domain.limits.rate import Limits, RateLimit
from flowkeys.domain.times import SECOND
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.shared.away import Away
from flowkeys.limits.shared.chosen import Chosen
from flowkeys.limits.shared.unreadable import unreadable
from flowkeys.limits.shared.valkey import Script, Valkey
from flowkeys.service.ports.verification import PENDING, Pending

_TAKE: Final = Script("rates.lua", "take.lua")
_MOVE: Final = Script("move.lua")
_KINDS: Final = (b"key", b"binding", b"customer", b"chatflow", b"address")
_REMEMBERED: Final = 16_384
OTHER: Final = -1
"""Instead of how long to wait: there are entries of other limits."""
_TRIES: Final = 8
_LONGEST_MS: Final = 315_360_000_000


class SharedLimits:
    """Implements `RateLimiter`."""

    __slots__ = ("_chosen", "_forms", "_valkey", "alone")

    def __init__(self, valkey: Valkey, alone: MemoryLimits, chosen: Chosen) -> None:
        """While `valkey` is away, count with `alone`, or refuse what is `chosen`."""
        self._valkey = valkey
        self._chosen = chosen
        self._forms: dict[int, tuple[bytes, bytes]] = {}
        """How limits are handed to the script, by their serial number."""
        self.alone = alone

    def __len__(self) -> int:
        """Return how many entries this process keeps itself."""
        return len(self.alone)

    def at_once(self, scopes: tuple[Scope, ...]) -> Taken | Literal[Pending.PENDING]:
        """Return `PENDING`, or while Valkey is away what this process decides."""
        return PENDING if self._valkey.is_up or not self._valkey.is_started else self._take_alone(scopes)

    async def take(self, scopes: tuple[Scope, ...]) -> Taken:
        """Take one call of every limit, or of none."""
        try:
            return await self._run(b"take", scopes)
        except Away:
            return self._take_alone(scopes)

    def standing_at_once(self, scopes: tuple[Scope, ...]) -> Taken | Literal[Pending.PENDING]:
        """Return `PENDING`, or while Valkey is away what is left here."""
        if self._valkey.is_up or not self._valkey.is_started:
            return PENDING
        return self._left_alone(scopes)

    async def standing(self, scopes: tuple[Scope, ...]) -> Taken:
        """Return what is left, and take nothing."""
        try:
            return await self._run(b"look", scopes)
        except Away:
            return self._left_alone(scopes)

    def _take_alone(self, scopes: tuple[Scope, ...]) -> Taken:
        self._valkey.without += 1
        self._chosen.check(scopes)
        return self.alone.at_once(scopes)

    def _left_alone(self, scopes: tuple[Scope, ...]) -> Taken:
        self._chosen.check(scopes)
        return self.alone.standing_at_once(scopes)

    async def _run(self, what: bytes, scopes: tuple[Scope, ...]) -> Taken:
        if not self._valkey.is_started:  # a command, not a server
            await self._valkey.start()
        keys, arguments = self.asked(scopes)
        for _ in range(_TRIES):
            answer = await self._valkey.run(_TAKE, keys, [what, *arguments])
            if answer[0] != OTHER:
                return taken(scopes, answer)
            if what == b"look":  # by limits that are not in force: that changes nothing for those that are
                return _seen(scopes, int(answer[1]), answer[2:])
            await self._move(scopes, keys, int(answer[1]), answer[2:])
        raise Away("limits change faster than calls are counted")

    def asked(self, scopes: tuple[Scope, ...]) -> tuple[list[bytes], list[bytes]]:
        """Return where entries are, and what the script is told of their limits."""
        told: list[bytes] = []
        for scope in scopes:
            told += self._form(scope[2])
        return [_key(scope) for scope in scopes], told

    def command(self, scopes: tuple[Scope, ...]) -> bytes:
        """Return what takes of limits that no quota goes with, as it is written."""
        keys, arguments = self.asked(scopes)
        return _TAKE.command(keys, [b"take", *arguments])

    async def _move(
        self, scopes: tuple[Scope, ...], keys: Sequence[bytes], now: int, entries: Sequence[bytes]
    ) -> None:
        """Have limits go on with the calls of those whose place they take (`gcra.moved`)."""
        own: list[bytes] = []
        arguments: list[bytes | int] = []
        for scope, key, entry in zip(scopes, keys, entries, strict=True):
            if not entry:
                continue
            own.append(key)
            put, milliseconds = _moved(scope[2], self._form(scope[2])[0], entry, now)
            arguments += [entry, put, milliseconds]
        await self._valkey.run(_MOVE, own, arguments)

    def _form(self, limits: Limits) -> tuple[bytes, bytes]:
        known = self._forms.get(limits.serial)
        if known is None:
            if len(self._forms) >= _REMEMBERED:
                self._forms.clear()
            known = self._forms[limits.serial] = _written(limits), _numbers(limits)
        return known


def _key(scope: Scope) -> bytes:
    """Return where an entry is kept: all in one slot, and an address unreadably."""
    kind, whose, _ = scope
    name = unreadable(whose) if kind == ADDRESS else whose.encode()
    return b"{flowkeys}:rate:%b:%b" % (_KINDS[kind], name)


def _written(limits: Limits) -> bytes:
    return ";".join(
        f"{rate.name},{rate.limit},{rate.window_seconds},{rate.burst}" for rate in limits.rates
    ).encode()


def _read(written: bytes) -> Limits:
    parts = [part.split(",") for part in written.decode().split(";")]
    return Limits(
        [
            RateLimit(name=name, limit=int(limit), window_seconds=int(window), burst=int(burst))
            for name, limit, window, burst in parts
        ]
    )


def _numbers(limits: Limits) -> bytes:
    found: list[float] = []
    for limit, cost, full in limits.steps:
        apart = max(-(-cost // limit), SECOND * cost // full)
        found += [limit, *divmod(cost, limit), *divmod(full, limit), apart]
    return struct.pack(f"<{len(found)}d", *found)


def taken(scopes: tuple[Scope, ...], answer: Sequence[bytes | int], at: int = 0) -> Taken:
    """Return what the script said, from a place of its answer on."""
    owed = []
    wait = int(answer[at])
    at += 1
    for _, _, limits in scopes:
        for limit, _, _ in limits.steps:
            owed.append(int(answer[at]) * limit + int(answer[at + 1]))
            at += 2
    return Taken(scopes, tuple(owed), -(-wait // SECOND))


def _seen(scopes: tuple[Scope, ...], now: int, entries: Sequence[bytes]) -> Taken:
    """Return what is left under limits of entries that were made under others."""
    owed = []
    for (_, _, limits), entry in zip(scopes, entries, strict=True):
        paid = _paid(limits, entry, now)[1] if entry else [0] * len(limits.steps)
        owed += [debt(step, own, now) for step, own in zip(limits.steps, paid, strict=True)]
    return Taken(scopes, tuple(owed))


def _paid(limits: Limits, entry: bytes, now: int) -> tuple[int, Paid]:
    """Return the last turn of an entry, and what is kept of it under limits that it was not made under."""
    before, _, packed = entry.partition(b"\n")
    old = _read(before)
    turn, *numbers = [int(one) for one in struct.unpack(f"<{len(packed) // 8}d", packed)]
    paid: Paid = [numbers[2 * n] * limit + numbers[2 * n + 1] for n, (limit, _, _) in enumerate(old.steps)]
    return turn, moved(old, paid, limits, now)


def _moved(limits: Limits, written: bytes, entry: bytes, now: int) -> tuple[bytes, int]:
    """Return an entry as it is under other limits, and for how many milliseconds it is kept."""
    turn, paid = _paid(limits, entry, now)
    found: list[float] = [turn]
    longest = turn - now
    for (limit, _, _), new in zip(limits.steps, paid, strict=True):
        refilled, rest = divmod(new, limit)
        found += [refilled, rest]
        longest = max(longest, refilled + 1 - now)
    milliseconds = min(max(1, -(-longest // 1000)), _LONGEST_MS)
    return written + b"\n" + struct.pack(f"<{len(found)}d", *found), milliseconds
