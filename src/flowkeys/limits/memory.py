"""Rate limits in the memory of one process: exact, since no call comes between a decision and what it takes.

Of each key, chatflow or address that has called, one entry is kept, of about 130 bytes with one limit and 30
for each more, until all its limits are refilled: then there is nothing to remember. Its name is a number of
128 bits and the kind, its value a number or, of several limits, a tuple of numbers: objects with fields would
take twice the room.
"""

import secrets
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import blake2b
from heapq import heappop, heappush
from typing import Final

from flowkeys.domain.limits.gcra import ADDRESS, BINDING, KEY, Scope, Taken, debt, moved
from flowkeys.domain.limits.rate import Limits
from flowkeys.domain.times import SECOND

MOST: Final = 1_000_000
"""So many entries are kept; then those are let go whose limits are refilled first."""
_BITS: Final = 128
_MASK: Final = (1 << _BITS) - 1
_SERIAL_BITS: Final = 32
_SERIAL: Final = (1 << _SERIAL_BITS) - 1
_UUID: Final = 36
_LOOKS: Final = 16
"""So many entries are looked at for one call, to see whether they can be forgotten."""
_TICK_BITS: Final = 20
"""Entries are looked at together whose time comes within about a second."""

State = int | tuple[int, ...]
"""The number that is kept above the serial number of the limits; or both apart, for several limits."""


class MemoryLimits:
    """Implements `RateLimiter`."""

    __slots__ = ("_clock", "_due", "_factor", "_known", "_looked", "_states", "_ticks", "_waiting")

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """Take the time from `clock`, in nanoseconds: by default one that nobody sets."""
        self._clock = clock
        self._factor = secrets.randbits(_BITS) | 1
        self._states: dict[int, State] = {}
        self._known: dict[int, Limits] = {}
        """Limits by their serial numbers: those that some entry was made under."""
        self._due: dict[int, list[int]] = {}
        """The entries to look at, by the tick in which they are refilled if nothing more is taken."""
        self._ticks: list[int] = []
        self._waiting: list[int] = []
        self._looked = 1024

    def __len__(self) -> int:
        return len(self._states)

    def at_once(self, scopes: tuple[Scope, ...]) -> Taken:
        """Take one call of every limit, or of none."""
        now = self._clock() // 1000
        if self._waiting or (self._ticks and self._ticks[0] <= now >> _TICK_BITS):
            self._forget(now)
        if len(scopes) == 1:
            taken = self._one(scopes, now)
            if taken is not None:
                return taken
        found = [self._owed(scope, now) for scope in scopes]
        longest = 0
        for _, limits, owed in found:
            for at, (limit, cost, full) in enumerate(limits.steps):
                now_owed = owed[at] + cost
                if now_owed > full:
                    longest = max(longest, -((full - now_owed) // limit))
                else:
                    owed[at] = now_owed
        if longest:
            return self._refused(scopes, now, longest)
        for number, limits, owed in found:
            self._keep(number, limits, owed, now)
        if len(found) == 1:
            return Taken(scopes, tuple(found[0][2]))
        return Taken(scopes, tuple([one for _, _, owed in found for one in owed]))

    def _one(self, scopes: tuple[Scope, ...], now: int) -> Taken | None:
        """Do what `at_once` does for what is most common, a call let in of one known entry; else None.

        It is written out: each function that it called would cost a tenth of it.
        """
        ((kind, whose, limits),) = scopes
        try:
            number = int(whose.replace("-", ""), 16) if kind == KEY and len(whose) == _UUID else 0
        except ValueError:
            return None
        state = self._states.get(number)
        serial = limits.serial
        if isinstance(state, int):
            if state & _SERIAL != serial:
                return None
            limit, cost, full = limits.steps[0]
            start = now * limit
            owed = (state >> _SERIAL_BITS) - start
            owed = cost if owed < 0 else owed + cost
            if owed > full:
                return None
            self._states[number] = (start + owed) << _SERIAL_BITS | serial
            return Taken(scopes, (owed,))
        if state is None or state[0] != serial:
            return None
        kept = [serial]
        debts = []
        at = 1
        for limit, cost, full in limits.steps:
            start = now * limit
            owed = state[at] - start
            owed = cost if owed < 0 else owed + cost
            if owed > full:
                return None
            kept.append(start + owed)
            debts.append(owed)
            at += 1
        self._states[number] = tuple(kept)
        return Taken(scopes, tuple(debts))

    async def take(self, scopes: tuple[Scope, ...]) -> Taken:
        """Do what `at_once` does."""
        return self.at_once(scopes)

    def standing_at_once(self, scopes: tuple[Scope, ...]) -> Taken:
        """Return what is left, and take nothing."""
        return self._standing(scopes, self._clock() // 1000)

    async def standing(self, scopes: tuple[Scope, ...]) -> Taken:
        """Do what `standing_at_once` does."""
        return self.standing_at_once(scopes)

    def _standing(self, scopes: tuple[Scope, ...], now: int, seconds: int = 0) -> Taken:
        owed = tuple([one for scope in scopes for one in self._owed(scope, now)[2]])
        return Taken(scopes, owed, seconds)

    def _refused(self, scopes: tuple[Scope, ...], now: int, longest: int) -> Taken:
        """Note the debts of whoever a clock that was set back would keep waiting; nothing else is written."""
        for scope in scopes:
            number, limits, owed = self._owed(scope, now)
            if number in self._states:
                self._keep(number, limits, owed, now)
        return self._standing(scopes, now, -(-longest // SECOND))

    def _owed(self, scope: Scope, now: int) -> tuple[int, Limits, list[int]]:
        """Return an entry's number and what is still to be refilled of each of its limits."""
        kind, whose, limits = scope
        number = self._number(kind, whose)
        state = self._states.get(number)
        if state is None:
            return number, limits, [0] * len(limits.steps)
        serial, paid = _read(state)
        if serial != limits.serial:
            paid = moved(self._known[serial], paid, limits, now)
        owed = []
        for at, step in enumerate(limits.steps):
            found = paid[at] - now * step[0]
            owed.append(0 if found < 0 else min(found, step[2]))
        return number, limits, owed

    def _keep(self, number: int, limits: Limits, owed: list[int], now: int) -> None:
        serial = limits.serial
        if serial not in self._known:
            self._learn(limits)
        steps = limits.steps
        is_new = number not in self._states
        if len(steps) == 1:
            self._states[number] = (now * steps[0][0] + owed[0]) << _SERIAL_BITS | serial
        else:
            self._states[number] = (serial, *[now * step[0] + owed[at] for at, step in enumerate(steps)])
        if is_new:
            self._wait_for(number, limits, owed, now)

    def _learn(self, limits: Limits) -> None:
        """Note limits, and forget those that no entry has any longer, now and then."""
        if len(self._known) >= self._looked:
            used = {_read(state)[0] for state in self._states.values()}
            self._known = {serial: self._known[serial] for serial in used}
            self._looked = 2 * len(self._known) + 1024
        self._known[limits.serial] = limits

    def _wait_for(self, number: int, limits: Limits, owed: list[int], now: int) -> None:
        """Look at an entry again when all of it is refilled, if nothing more is taken."""
        seconds = max(own // step[0] for step, own in zip(limits.steps, owed, strict=True))
        tick = ((now + seconds) >> _TICK_BITS) + 1
        due = self._due.get(tick)
        if due is None:
            due = self._due[tick] = []
            heappush(self._ticks, tick)
        due.append(number)

    def _forget(self, now: int) -> None:
        """Let go of entries whose limits are refilled: of a few, since a call waits for it."""
        if not self._waiting:
            self._waiting = self._due.pop(heappop(self._ticks))
        for _ in range(min(_LOOKS, len(self._waiting))):
            number = self._waiting.pop()
            state = self._states.get(number)
            if state is None:
                continue
            serial, paid = _read(state)
            limits = self._known[serial]
            owed = [debt(step, at, now) for step, at in zip(limits.steps, paid, strict=True)]
            if any(owed) and len(self._states) <= MOST:
                self._wait_for(number, limits, owed, now)
            else:
                del self._states[number]

    def _number(self, kind: int, whose: str) -> int:
        """Return the number of an entry: of a key or a chatflow that of its UUID, else a hash."""
        if kind == BINDING:
            key_id, _, chatflow_id = whose.partition("\n")
            return (_uuid(key_id) * self._factor + _uuid(chatflow_id)) & _MASK | kind << _BITS
        if kind == KEY:
            return _uuid(whose)
        return (_hashed(whose) if kind == ADDRESS else _uuid(whose)) | kind << _BITS


def _read(state: State) -> tuple[int, tuple[int, ...]]:
    """Return the serial number of an entry's limits, and what is kept of each."""
    if isinstance(state, int):
        return state & _SERIAL, (state >> _SERIAL_BITS,)
    serial, *paid = state
    return serial, tuple(paid)


def _uuid(text: str) -> int:
    if len(text) == _UUID:
        with suppress(ValueError):
            return int(text.replace("-", ""), 16)
    return _hashed(text)


def _hashed(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=_BITS // 8).digest(), "big")
