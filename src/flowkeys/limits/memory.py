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
_LOOKS: Final = 16
"""So many entries are looked at for one call, to see whether they can be forgotten."""
_TICK_BITS: Final = 20
"""Entries are looked at together whose time comes within about a second."""
_NEVER: Final = 1 << 63
SERIAL_BITS: Final = 32
SERIAL: Final = (1 << SERIAL_BITS) - 1

State = int | tuple[int, ...]
"""Of one limit the number that is kept, above the serial number of the limits. Of several the serial number,
the time of the last call that was let in, and the debt of each limit then: so the numbers stay small."""


class MemoryLimits:
    """Implements `RateLimiter`."""

    __slots__ = ("_due", "_known", "_looked", "_ticks", "_turns", "_waiting", "clock", "look_at", "states")

    def __init__(self, clock: Callable[[], int] = time.monotonic_ns) -> None:
        """Take the time from `clock`, in nanoseconds: by default one that nobody sets."""
        self.clock = clock
        self.states: dict[int, State] = {}
        self._known: dict[int, Limits] = {}
        """Limits by their serial numbers: those that some entry was made under."""
        self._due: dict[int, list[int]] = {}
        """The entries to look at, by the tick in which they are refilled if nothing more is taken."""
        self._ticks: list[int] = []
        self._waiting: list[int] = []
        self.look_at = _NEVER
        """When there are entries to look at: the tick that comes next, or 0 while some are waiting."""
        self._turns = Turns()
        self._looked = 1024

    def __len__(self) -> int:
        return len(self.states)

    def at_once(self, scopes: tuple[Scope, ...]) -> Taken:
        """Take one call of every limit, or of none."""
        now = self.clock() // 1000
        if now >= self.look_at:
            self.forget(now)
        if len(scopes) == 1:
            # What is most common is written out: each function that it called would cost a tenth of it.
            ((kind, whose, limits),) = scopes
            number = hash(whose) if kind == KEY else hash((kind, whose))
            state = self.states.get(number)
            if type(state) is int:
                serial = limits.serial
                if state & SERIAL == serial:
                    ((limit, cost, full),) = limits.steps
                    start = now * limit
                    owed = (state >> SERIAL_BITS) - start
                    owed = cost if owed < 0 else owed + cost
                    if owed <= full:
                        self.states[number] = (start + owed) << SERIAL_BITS | serial
                        return Taken(scopes, (owed,))
        return self.again(scopes, now) or self._take(scopes, now)

    def again(self, scopes: tuple[Scope, ...], now: int) -> Taken | None:
        """Let in a call of which every entry is known and has room; else return None and take nothing."""
        states = self.states
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
                if state & SERIAL != serial:
                    return None
                ((limit, cost, full),) = steps
                start = now * limit
                owed = (state >> SERIAL_BITS) - start
                owed = cost if owed < 0 else owed + cost
                if owed > full:
                    return None
                kept.append((number, (start + owed) << SERIAL_BITS | serial))
                debts.append(owed)
                continue
            if state[0] != serial:  # type: ignore[index]
                return None
            own = [serial, now]
            passed = now - state[1]  # type: ignore[index]
            at = 2
            for limit, cost, full in steps:
                owed = state[at] - passed * limit  # type: ignore[index]
                owed = cost if owed < 0 else owed + cost
                if owed > full:
                    return None
                own.append(owed)
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
        return self._standing(scopes, self.clock() // 1000)

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
            if number in self.states:
                self._keep(number, limits, owed, now)
        return self._standing(scopes, now, -(-self._turns.next_of(late, now) // SECOND))

    def _owed(self, scope: Scope, now: int) -> tuple[int, Limits, list[int]]:
        """Return an entry's number and what is still to be refilled of each of its limits."""
        limits = scope[2]
        number = number_of(scope)
        state = self.states.get(number)
        if state is None:
            return number, limits, [0] * len(limits.steps)
        old, owed = self._read(state, now)
        if old.serial != limits.serial:
            before = [now * step[0] + own for step, own in zip(old.steps, owed, strict=True)]
            paid = moved(old, before, limits, now)
            owed = [own - now * step[0] for step, own in zip(limits.steps, paid, strict=True)]
        return number, limits, owed

    def _read(self, state: State, now: int) -> tuple[Limits, list[int]]:
        """Return the limits that an entry was made under, and what is still to be refilled of each."""
        if isinstance(state, int):
            limits = self._known[state & SERIAL]
            return limits, [debt(limits.steps[0], state >> SERIAL_BITS, now)]
        serial, then, *owed = state
        limits = self._known[serial]
        passed = now - then
        return limits, [debt(step, own, passed) for step, own in zip(limits.steps, owed, strict=True)]

    def _keep(self, number: int, limits: Limits, owed: list[int], now: int) -> None:
        serial = limits.serial
        if serial not in self._known:
            self._learn(limits)
        steps = limits.steps
        is_new = number not in self.states
        if len(steps) == 1:
            self.states[number] = (now * steps[0][0] + owed[0]) << SERIAL_BITS | serial
        else:
            self.states[number] = (serial, now, *owed)
        if is_new:
            self._wait_for(number, limits, owed, now)

    def _learn(self, limits: Limits) -> None:
        """Note limits, and forget those that no entry has any longer, now and then."""
        if len(self._known) >= self._looked:
            states = self.states.values()
            used = {state & SERIAL if isinstance(state, int) else state[0] for state in states}
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
            self.look_at = min(self.look_at, tick << _TICK_BITS)
        due.append(number)

    def forget(self, now: int) -> None:
        """Let go of entries whose limits are refilled: of a few, since a call waits for it."""
        if not self._waiting:
            self._waiting = self._due.pop(heappop(self._ticks))
        for _ in range(min(_LOOKS, len(self._waiting))):
            number = self._waiting.pop()
            state = self.states.get(number)
            if state is None:
                continue
            limits, owed = self._read(state, now)
            if any(owed) and len(self.states) <= MOST:
                self._wait_for(number, limits, owed, now)
            else:
                del self.states[number]
        if self._waiting:
            self.look_at = 0
        else:
            self.look_at = self._ticks[0] << _TICK_BITS if self._ticks else _NEVER


def number_of(scope: Scope) -> int:
    """Return what an entry is kept by."""
    kind, whose, _ = scope
    return hash(whose) if kind == KEY else hash((kind, whose))
