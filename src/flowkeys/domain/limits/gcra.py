"""The generic cell rate algorithm (GCRA, ITU-T I.371 annex A), the leaky bucket as a clock: pure functions.

Of a limit one number is kept: the time at which all calls so far are refilled, in units of the limit
(`Limits.steps`) in which a call costs a whole number, so that nothing is ever rounded. What is still to be
refilled is its *debt*.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from flowkeys.domain.limits.form import Form, Text
from flowkeys.domain.limits.rate import Limits, RateLimit
from flowkeys.domain.limits.spent import Spent
from flowkeys.domain.times import SECOND

KEY: Final = 0
BINDING: Final = 1
CUSTOMER: Final = 2
CHATFLOW: Final = 3
ADDRESS: Final = 4

Scope = tuple[int, str, Limits]
"""Whose limits: one of the kinds above, the id of whom they are kept for, and the limits.

Of a binding the id is the key's and the chatflow's, of an address the chatflow's and the address, each with a
line end between.
"""
Paid = Sequence[int]
"""For each limit of a list, the number that is kept."""


class Taken(msgspec.Struct, frozen=True, gc=False):
    """What became of a call that asked for its share of some limits, and what is left of each."""

    scopes: tuple[Scope, ...]
    owed: tuple[int, ...]
    """For each limit, in the order of the scopes, its debt now."""
    wait_seconds: int = 0
    """0 when the call was let in. Else nothing was taken of any limit, and a call that comes so much later is
    let in, if nobody calls before."""
    spent: Spent | None = None
    """What it took of quotas; None: none applies to it."""
    form: Form | None = None
    """How answers say that, where it was put together before."""

    @property
    def says_something(self) -> bool:
        """Whether any limit or quota applies to the call."""
        return bool(self.scopes) or self.spent is not None


class Kept:
    """What is the same for all calls with one record that limits or quotas apply to."""

    __slots__ = ("form", "head")

    def __init__(self, form: Form) -> None:
        self.form = form
        self.head: object = None
        """What their answers begin with, where whoever answers keeps it here."""


class Passed(msgspec.Struct, frozen=True, gc=False):
    """What `Taken` is, of a call that was let in of what was put together before: what is said of it."""

    kept: Kept
    numbers: tuple[int, ...]
    """Those of `Form.numbers_of_passed`, then of each quota what is left and for how many seconds."""
    text: Text
    """What is said at the time of the call."""
    resets_at: tuple[int, ...] = ()
    """Of each quota, when what is used is given back, the first part at least."""


NOTHING: Final = Taken((), ())
"""Of a call that no limit applies to."""


def debt(step: tuple[int, int, int], paid: int, now: int) -> int:
    """Return what is still to be refilled of a limit: nothing at least, and everything at most.

    More than everything is there only after the clock was set back: that is not waited for.
    """
    found = paid - now * step[0]
    return 0 if found < 0 else min(found, step[2])


def left(step: tuple[int, int, int], owed: int) -> tuple[int, int]:
    """Return how many calls may be made at a debt of `owed`, and in how many seconds, at least 1, one more.

    0 seconds when all may.
    """
    limit, cost, full = step
    if not owed:
        return full // cost, 0
    calls = (full - owed) // cost
    return calls, -((full - owed - (calls + 1) * cost) // (limit * SECOND))


def moved(old: Limits, paid: Paid, new: Limits, now: int) -> tuple[int, ...]:
    """Return what is kept of `new` limits that take the place of `old` ones: calls that were made stay made.

    A limit goes on with the calls of the one that had its name, else of one with its window; one that there
    was none of begins afresh. Nobody owes more than everything.
    """
    before = {rate.name: at for at, rate in enumerate(old.rates)}
    same = {rate.window_seconds: at for at, rate in enumerate(old.rates)}
    found = []
    for rate, step in zip(new.rates, new.steps, strict=True):
        at = before.get(rate.name, same.get(rate.window_seconds))
        owed = 0
        if at is not None:
            calls = debt(old.steps[at], paid[at], now)  # times what one of the old limit costs
            owed = min(calls * step[1] // old.steps[at][1], step[2])
        found.append(now * step[0] + owed)
    return tuple(found)


def rates(taken: Taken) -> list[tuple[int, RateLimit, int, int]]:
    """Return each limit with the kind of its scope, the calls left and the seconds until one more."""
    found = []
    owed = iter(taken.owed)
    for kind, _, limits in taken.scopes:
        for rate, step in zip(limits.rates, limits.steps, strict=True):
            found.append((kind, rate, *left(step, next(owed))))
    return found
