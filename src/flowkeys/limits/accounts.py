"""What one key or customer has used of its quotas, in the memory of a process.

Calls are counted in one number and put into their step when that ends, or when they are stored: so that a
call costs an addition for each quota.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from flowkeys.domain.limits.quota import (
    LENGTHS,
    THRESHOLDS,
    Quota,
    Quotas,
    QuotaUse,
    Standing,
    Step,
    Unit,
    carried,
)
from flowkeys.domain.times import SECOND
from flowkeys.service.ports.quotas import Crossing, Spending, Whose

_CALLS: Final = Unit.CALLS
_TOKENS: Final = Unit.TOKENS
_LAST: Final = THRESHOLDS[-1]
_STEPS: Final[tuple[Step, ...]] = ("day", "hour")

Meter = tuple[Unit, Step]
Amounts = Mapping[tuple[Unit, Step, int], int]
"""How much of what was used in which step."""


class Line:
    """One quota, and what is used of it in its period."""

    __slots__ = ("amount", "is_tokens", "is_used_up", "quota", "resets_at", "told", "used")

    def __init__(self, quota: Quota) -> None:
        self.quota = quota
        self.amount = quota.amount
        self.is_tokens = quota.unit is _TOKENS
        self.used = 0
        self.resets_at = 0
        self.told = 0
        """The highest threshold that was handed on to be announced."""
        self.is_used_up = False
        """A call was refused for which too little is left."""

    def turn(self, steps: dict[int, int], now: int) -> None:
        """Find out what counts from now on."""
        quota = self.quota
        begins, ends = quota.begins_at(now), quota.ends_at(now)
        counted = [time for time, used in steps.items() if used and begins <= time < ends]
        self.used = sum([steps[time] for time in counted])
        length = LENGTHS[quota.step]
        # What is used next is in the present step, if nothing is used yet.
        oldest = begins if quota.days is None else min(counted, default=now - now % length)
        self.resets_at = quota.given_back_at(oldest)
        self.is_used_up = False
        if self.used * 100 < THRESHOLDS[0] * self.amount:
            self.told = 0

    def wait_seconds(self, steps: dict[int, int], needed: int, now: int) -> int:
        """Return after how many seconds so much is left, or all that there ever is."""
        quota = self.quota
        begins, ends = quota.begins_at(now), quota.ends_at(now)
        excess = self.used + needed - self.amount
        at = self.resets_at
        if quota.days is not None:
            for time in sorted(time for time, used in steps.items() if used and begins <= time < ends):
                at = quota.given_back_at(time)
                excess -= steps[time]
                if excess <= 0:
                    break
        return max(1, -((now - at) // SECOND))

    def crossed(self) -> Iterator[int]:
        """Yield the thresholds that were reached and not handed on, and take them for handed on."""
        for threshold in THRESHOLDS:
            reached = self.used * 100 >= threshold * self.amount or (threshold == _LAST and self.is_used_up)
            if reached and threshold > self.told:
                self.told = threshold
                yield threshold


class Account:
    """A key's or a customer's."""

    __slots__ = (
        *("_meters", "_present", "_tokens", "begins_at", "call_lines", "calls", "held"),
        *(
            "is_dirty",
            "is_stale",
            "lines",
            "only",
            "quotas",
            "resets",
            "turns_at",
            "unstored",
            "was_used",
            "whose",
        ),
    )

    def __init__(self, whose: Whose, quotas: Quotas, uses: Sequence[QuotaUse], now: int) -> None:
        """Begin with what is stored."""
        self.whose = whose
        self._meters: dict[Meter, dict[int, int]] = {}
        for use in uses:
            self._meters.setdefault((use.unit, use.step), {})[use.time] = use.used
        self.unstored: dict[tuple[Unit, Step, int], int] = {}
        """What was counted here and not handed over to be stored."""
        self.calls = 0
        """Since they were put into a step last."""
        self._tokens = 0
        self.held = 0  # tokens that are reserved
        self.is_dirty = False
        self.is_stale = False  # whether other processes may have stored something since
        self.was_used = True
        self.quotas = quotas
        self.lines: tuple[Line, ...] = ()
        self.begins_at = now
        self.fit(quotas, now)

    def grow_old(self) -> None:
        """Have what is stored read before anything is decided again."""
        self.is_stale = True
        self.turns_at = 0
        self.quotas = Quotas(self.quotas.all)  # by that `ReadyInMemory` sees it, too

    def renew(self, uses: Sequence[QuotaUse], now: int) -> None:
        """Go on from what is stored by now, and from what was counted here since."""
        self._put()
        self.is_stale = False
        self._meters = {meter: {} for meter in self._meters}
        stored = {(use.unit, use.step, use.time): use.used for use in uses}
        for (unit, step, time), used in (*stored.items(), *self.unstored.items()):
            steps = self._meters.setdefault((unit, step), {})
            steps[time] = steps.get(time, 0) + used
        self.turn(now)

    def fit(self, quotas: Quotas, now: int) -> None:
        """Have these quotas from now on: what was used stays used."""
        if self.lines and self.quotas.all == quotas.all:
            self.quotas = quotas
            return
        self._put()
        told = {line.quota: line.told for line in self.lines}
        self.quotas = quotas
        self.lines = tuple(Line(quota) for quota in quotas.all)
        for line in self.lines:
            line.told = told.get(line.quota, 0)
            self._meters.setdefault((line.quota.unit, line.quota.step), {})
        self._carry(now)
        self._begin(now)

    def _begin(self, now: int) -> None:
        self.call_lines = tuple(line for line in self.lines if not line.is_tokens)
        self.only = self.lines[0] if len(self.lines) == len(self.call_lines) == 1 else None
        """The one quota that there is, if it is of calls: what is most common."""
        self.turn(now)

    def _carry(self, now: int) -> None:
        """Have every quota begin with what is known, in whichever steps it was counted."""
        for unit, step in {(line.quota.unit, line.quota.step) for line in self.lines}:
            days, hours = (self._meters.get((unit, length), {}) for length in _STEPS)
            for time, more in carried(step, days, hours, now).items():
                steps = self._meters[unit, step]
                steps[time] = steps.get(time, 0) + more
                key = unit, step, time
                self.unstored[key] = self.unstored.get(key, 0) + more

    def turn(self, now: int) -> None:
        """Begin another step, and find out what counts in it."""
        self._put()
        steps: set[Step] = {line.quota.step for line in self.lines}
        length = min(LENGTHS[step] for step in steps)
        self.begins_at = now - now % length
        self.turns_at = 0 if self.is_stale else self.begins_at + length
        self._present = {step: now - now % LENGTHS[step] for step in steps}
        for line in self.lines:
            line.turn(self.steps(line), now)
        self.resets = tuple(line.resets_at for line in self.lines)

    def steps(self, line: Line) -> dict[int, int]:
        """Return what was used, by step, but for what was counted since the last flush."""
        return self._meters[line.quota.unit, line.quota.step]

    def wait_seconds(self, line: Line, needed: int, now: int) -> int:
        """Return after how many seconds so much is left of a quota."""
        self._put()
        return line.wait_seconds(self.steps(line), needed, now)

    def left(self, quotas: Quotas | None, now: int) -> int:
        """Return how many calls are left behind another one of the one quota that there is.

        -1 if there is none for it, or if it cannot be told at once.
        """
        line = self.only
        if line is None or self.quotas is not quotas or not self.begins_at <= now < self.turns_at:
            return -1
        return line.amount - line.used - 1

    def count_call(self, number: int = 1) -> None:
        """Count a call, or take one back."""
        self.calls += number
        for line in self.call_lines:
            line.used += number

    def count_tokens(self, tokens: int) -> None:
        """Count what a run has used."""
        self._tokens += tokens
        for line in self.lines:
            if line.is_tokens:
                line.used += tokens

    def stored(self) -> tuple[list[Spending], list[Crossing]]:
        """Return what was used since the last time, and what is to be announced."""
        self._put()
        self.is_dirty = False
        unstored, self.unstored = self.unstored, {}
        spendings = [
            Spending(self.whose, QuotaUse(unit, step, time, used))
            for (unit, step, time), used in unstored.items()
            if used
        ]
        crossings = [
            Crossing(
                self.whose,
                line.quota,
                threshold,
                Standing(line.quota, line.used, self.held if line.is_tokens else 0, line.resets_at),
            )
            for line in self.lines
            for threshold in line.crossed()
        ]
        return spendings, crossings

    def present(self, step: Step) -> int:
        """Return when the present step began, of a length in which something is counted."""
        return self._present[step]

    def see(self, lines: Sequence[Line], totals: Sequence[int]) -> None:
        """Take over how much is used of some of the quotas, which other processes count, too."""
        self._put()
        seen = set()
        for line, total in zip(lines, totals, strict=True):
            meter = line.quota.unit, line.quota.step
            if total != line.used and meter not in seen:
                steps, time = self._meters[meter], self._present[meter[1]]
                steps[time] = steps.get(time, 0) + total - line.used
            seen.add(meter)
            line.used = total

    def learn(self, quotas: Quotas, uses: Amounts, more: Amounts, now: int) -> None:
        """Have these quotas, and go on with what all processes have used; `more` of it is stored here."""
        self._put()
        told = {line.quota: line.told for line in self.lines}
        self.quotas = quotas
        self.lines = tuple(Line(quota) for quota in quotas.all)
        self._meters = {}
        for (unit, step, time), used in uses.items():
            self._meters.setdefault((unit, step), {})[time] = used
        for line in self.lines:
            line.told = told.get(line.quota, 0)
            self._meters.setdefault((line.quota.unit, line.quota.step), {})
        for key, used in more.items():
            self.unstored[key] = self.unstored.get(key, 0) + used
        self._begin(now)

    def uses(self) -> tuple[QuotaUse, ...]:
        """Return all that is known, what is not stored included. Any thread may ask."""
        found = {
            (unit, step, time): used
            for (unit, step), steps in list(self._meters.items())
            for time, used in list(steps.items())
        }
        present = self._present
        for line in self.lines:
            quota = line.quota
            more = self._tokens if line.is_tokens else self.calls
            if more:
                key = quota.unit, quota.step, present[quota.step]
                steps = self._meters[quota.unit, quota.step]
                found[key] = steps.get(present[quota.step], 0) + more
        return tuple(QuotaUse(*key, used) for key, used in found.items())

    def _put(self) -> None:
        """Put what was counted into the steps that it belongs to."""
        if not (self.calls or self._tokens):
            return
        for unit, used in ((_CALLS, self.calls), (_TOKENS, self._tokens)):
            for step in {line.quota.step for line in self.lines if line.quota.unit is unit} if used else ():
                time = self._present[step]
                steps = self._meters[unit, step]
                steps[time] = steps.get(time, 0) + used
                key = unit, step, time
                self.unstored[key] = self.unstored.get(key, 0) + used
        self.calls = self._tokens = 0
