"""Rate limits in the memory of one process: exact, since no call comes between a decision and what it takes.

Of each key, customer, chatflow or address that has called, one entry is kept, of about 130 bytes with one
limit and 30 for each more, until all its limits are refilled: then there is nothing to remember. Its name is
a hash of whose it is, its value a number or, of several limits, a tuple of numbers: texts and objects with
fields would take twice the room. That two of a million that call share a hash of 64 bits happens on one
server in thirty million, and nobody can look for such: Python's hash is made under a secret of the process.
"""

import time
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Final

from flowkeys.domain.limits.gcra import KEY, Scope, Taken, debt, moved
from flowkeys.domain.limits.rate import Limits
from flowkeys.domain.times import SECOND
from flowkeys.limits.turns import Turns

MOST: Final = 1_000_000
"""So many entries are kept; then those are let go whose limits are refilled first."""
_SERIAL_BITS: Final = 32
_SERIAL: Final = (1 << _SERIAL_BITS) - 1
_LOOKS: Final = 16
"""So many entries are looked at for one call, to see whether they can be forgotten."""
_TICK_BITS: Final = 20
"""Entries are looked at together whose time comes within about a second."""
_NEVER: Final = 1 << 63
_TWO: Final = 3
"""So many numbers are the state of two limits."""

State = int | tuple[int, ...]
"""The number that is kept above the serial number of the limits; or both apart, for several limits."""


class MemoryLimits:
    """Implements `RateLimiter`."""

    __slots__ = ("_clock", "_due", "_known", "_look_at", "_looked", "_states", "_ticks", "_turns", "_waiting")

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """Take the time from `clock`, in nanoseconds: by default one that nobody sets."""
        self._clock = clock
        self._states: dict[int, State] = {}
        self._known: dict[int, Limits] = {}
        """Limits by their serial numbers: those that some entry was made under."""
        self._due: dict[int, list[int]] = {}
        """The entries to look at, by the tick in which they are refilled if nothing more is taken."""
        self._ticks: list[int] = []
        self._waiting: list[int] = []
        self._look_at = _NEVER
        """When there are entries to look at: the tick that comes next, or 0 while some are waiting."""
        self._turns = Turns()
        self._looked = 1024

    def __len__(self) -> int:
        return len(self._states)

    def at_once(self, scopes: tuple[Scope, ...]) -> Taken:
        """Take one call of every limit, or of none."""
        now = self._clock() // 1000
        if now >= self._look_at:
            self._forget(now)
        if len(scopes) == 1:
            # What is most common, a call let in of one known entry with a limit or two, is written out: each
            # function that it called would cost a tenth of it, and a loop over two limits a quarter.
            ((kind, whose, limits),) = scopes
            number = hash(whose) if kind == KEY else hash((kind, whose))
            state = self._states.get(number)
            if type(state) is int:
                serial = limits.serial
                if state & _SERIAL == serial:
                    ((limit, cost, full),) = limits.steps
                    start = now * limit
                    owed = (state >> _SERIAL_BITS) - start
                    owed = cost if owed < 0 else owed + cost
                    if owed <= full:
                        self._states[number] = (start + owed) << _SERIAL_BITS | serial
                        return Taken(scopes, (owed,))
            elif type(state) is tuple and len(state) == _TWO and state[0] == limits.serial:
                serial, paid, also_paid = state
                (limit, cost, full), (other, other_cost, other_full) = limits.steps
                start = now * limit
                owed = paid - start
                owed = cost if owed < 0 else owed + cost
                also = now * other
                also_owed = also_paid - also
                also_owed = other_cost if also_owed < 0 else also_owed + other_cost
                if owed <= full and also_owed <= other_full:
                    self._states[number] = (serial, start + owed, also + also_owed)
                    return Taken(scopes, (owed, also_owed))
        return self._again(scopes, now) or self._take(scopes, now)

    def _again(self, scopes: tuple[Scope, ...], now: int) -> Taken | None:
        """Let in a call of which every entry is known and has room; else return None and take nothing."""
        states = self._states
        kept: list[tuple[int, State]] = []
        debts = []
        for kind, whose, limits in scopes:
            number = hash(whose) if kind == KEY else hash((kind, whose))
            state = states.get(number)
            if state is None:
                return None
            serial = limits.serial
            steps = limits.steps
            if type(state) is int:
                if state & _SERIAL != serial:
                    return None
                ((limit, cost, full),) = steps
                start = now * limit
                owed = (state >> _SERIAL_BITS) - start
                owed = cost if owed < 0 else owed + cost
                if owed > full:
                    return None
                kept.append((number, (start + owed) << _SERIAL_BITS | serial))
                debts.append(owed)
                continue
            if state[0] != serial:  # type: ignore[index]
                return None
            own = [serial]
            at = 1
            for limit, cost, full in steps:
                start = now * limit
                owed = state[at] - start  # type: ignore[index]
                owed = cost if owed < 0 else owed + cost
                if owed > full:
                    return None
                own.append(start + owed)
                debts.append(owed)
                at += 1
            kept.append((number, tuple(own)))
        states.update(kept)
        return Taken(scopes, tuple(debts))

    def _take(self, scopes: tuple[Scope, ...], now: int) -> Taken:
        found = [self._owed(scope, now) for scope in scopes]
        late = []
        for number, limits, owed in found:
            wait = apart = 0
            for at, (limit, cost, full) in enumerate(limits.steps):
                now_owed = owed[at] + cost
                if now_owed > full:
                    wait = max(wait, -((full - now_owed) // limit))
                    apart = max(apart, -(-cost // limit), SECOND * cost // full)
                else:
                    owed[at] = now_owed
            if wait:
                late.append((number, wait, apart))
        if late:
            return self._refused(scopes, now, late)
        for number, limits, owed in found:
            self._keep(number, limits, owed, now)
        if len(found) == 1:
            return Taken(scopes, tuple(found[0][2]))
        return Taken(scopes, tuple([one for _, _, owed in found for one in owed]))

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

    def _refused(self, scopes: tuple[Scope, ...], now: int, late: list[tuple[int, int, int]]) -> Taken:
        """Tell when to come again, and take nothing.

        Of whoever a clock that was set back would keep waiting, the debts are noted anew.
        """
        for scope in scopes:
            number, limits, owed = self._owed(scope, now)
            if number in self._states:
                self._keep(number, limits, owed, now)
        return self._standing(scopes, now, -(-self._turns.next_of(late, now) // SECOND))

    def _owed(self, scope: Scope, now: int) -> tuple[int, Limits, list[int]]:
        """Return an entry's number and what is still to be refilled of each of its limits."""
        kind, whose, limits = scope
        number = hash(whose) if kind == KEY else hash((kind, whose))
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
            self._look_at = min(self._look_at, tick << _TICK_BITS)
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
        if self._waiting:
            self._look_at = 0
        else:
            self._look_at = self._ticks[0] << _TICK_BITS if self._ticks else _NEVER


def _read(state: State) -> tuple[int, tuple[int, ...]]:
    """Return the serial number of an entry's limits, and what is kept of each."""
    if isinstance(state, int):
        return state & _SERIAL, (state >> _SERIAL_BITS,)
    serial, *paid = state
    return serial, tuple(paid)
