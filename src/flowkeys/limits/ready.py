"""Calls that are let in of limits and quotas in memory, where everything about them is at hand.

Nearly all calls are: their entries are known and have room. What is the same for all calls with one record is
looked up once and bound to a function, and what is most common, a limit or two and a quota, is written out:
each more function, object or look-up would cost a tenth of the decision. A call of which anything is not as
expected is not decided here, and nothing is taken of it.
"""

from typing import Final

from flowkeys.domain.limits.form import Form
from flowkeys.domain.limits.gcra import Kept, Passed, Scope
from flowkeys.domain.limits.quota import MONTH, Quota, Quotas, Unit
from flowkeys.domain.limits.spent import QuotaScope
from flowkeys.domain.times import SECOND
from flowkeys.limits.accounts import Account, Line
from flowkeys.limits.memory import SERIAL, SERIAL_BITS, MemoryLimits, number_of
from flowkeys.limits.quotas import MemoryQuotas
from flowkeys.service.ports.limits import LetIn

_TWO: Final = 2
Sole = tuple[str, Quotas] | None
"""Whose the one quota of calls is, and that quota; None: there is none."""
_NOBODYS: Final = (None, None)


class ReadyInMemory:
    """Implements `Ready`."""

    __slots__ = ("_limits", "_quotas")

    def __init__(self, limits: MemoryLimits, quotas: MemoryQuotas) -> None:
        """Take of what these two keep."""
        self._limits = limits
        self._quotas = quotas

    def __call__(self, kept: Kept, scopes: tuple[Scope, ...], quotas: tuple[QuotaScope, ...]) -> LetIn | None:
        """Return what lets calls in of any limits, and of one quota of calls at most; None: of others."""
        sole: Sole = None
        if quotas:
            _, whose, _, own = quotas[0]
            if len(quotas) > 1 or len(own.all) > 1 or own.all[0].unit is not Unit.CALLS:
                return None
            sole = whose, own
        windows = len(scopes[0][2].steps) if len(scopes) == 1 else 0
        make = _of_one if windows == 1 else _of_two if windows == _TWO else _of_many
        return make(self._limits, self._quotas, kept, scopes, sole)


class _Period:
    """A time in which all that is said of a quota is the same but for what is left: a second at most."""

    __slots__ = ("account", "begins_at", "ends_at", "line", "resets", "seconds", "text")

    account: Account | None
    line: Line

    def __init__(self, account: Account | None, own: Quotas | None, form: Form, now: int) -> None:
        """Begin now; if nothing can be told of the quota at once, nothing is left of it."""
        self.text = form.text_at(now)
        line = None if account is None else account.only
        if (
            account is None
            or line is None
            or account.quotas is not own
            or not account.begins_at <= now < account.turns_at
        ):
            self.account, self.line = None, _NOTHING_LEFT
            return
        self.account, self.line, self.resets = account, line, account.resets
        resets_at = account.resets[0]
        self.seconds = -((now - resets_at) // SECOND)
        self.begins_at = now
        self.ends_at = min(account.turns_at, self.text.ends_at, resets_at - (self.seconds - 1) * SECOND)


_NOTHING_LEFT: Final = Line(Quota(Unit.CALLS, 0, MONTH))


def _of_one(
    limits: MemoryLimits, quotas: MemoryQuotas, kept: Kept, scopes: tuple[Scope, ...], sole: Sole
) -> LetIn:
    form = kept.form
    clock, states, number = limits.clock, limits.states, number_of(scopes[0])
    serial = scopes[0][2].serial
    ((limit, cost, full),) = scopes[0][2].steps
    ((_, _, refilled, soon),) = form.steps
    accounts, note = quotas.accounts, quotas.note
    whose, own = sole or _NOBODYS
    period = _Period(None, None, form, 0)

    def let_in(now: int) -> Passed | None:
        nonlocal period
        account = None
        if whose is not None:
            account = accounts.get(whose)
            if (
                account is None
                or account is not period.account
                or account.quotas is not own
                or not period.begins_at <= now < period.ends_at
            ):
                period = _Period(account, own, form, now)
            left = period.line.amount - period.line.used - 1
            if left < 0:
                return None
        at = clock() // 1000
        if at >= limits.look_at:
            limits.forget(at)
        state = states.get(number)
        if type(state) is not int or state & SERIAL != serial:
            return None
        start = at * limit
        owed = (state >> SERIAL_BITS) - start
        owed = cost if owed < 0 else owed + cost
        room = full - owed
        if room < 0:
            return None
        states[number] = (start + owed) << SERIAL_BITS | serial
        calls = room // cost
        numbers = (calls,) if soon else (calls, -((room - (calls + 1) * cost) // refilled))
        if account is None:
            return Passed(kept, numbers, period.text)
        period.line.used += 1
        account.calls += 1
        if not account.is_dirty:
            note(account)
        return Passed(kept, (*numbers, left, period.seconds), period.text, period.resets)

    return let_in


def _of_two(
    limits: MemoryLimits, quotas: MemoryQuotas, kept: Kept, scopes: tuple[Scope, ...], sole: Sole
) -> LetIn:
    form = kept.form
    clock, states, number = limits.clock, limits.states, number_of(scopes[0])
    serial = scopes[0][2].serial
    (limit, cost, full), (also_limit, also_cost, also_full) = scopes[0][2].steps
    soon = form.steps[0][3] and form.steps[1][3]
    accounts, note = quotas.accounts, quotas.note
    whose, own = sole or _NOBODYS
    period = _Period(None, None, form, 0)

    def let_in(now: int) -> Passed | None:
        nonlocal period
        account = None
        if whose is not None:
            account = accounts.get(whose)
            if (
                account is None
                or account is not period.account
                or account.quotas is not own
                or not period.begins_at <= now < period.ends_at
            ):
                period = _Period(account, own, form, now)
            left = period.line.amount - period.line.used - 1
            if left < 0:
                return None
        at = clock() // 1000
        if at >= limits.look_at:
            limits.forget(at)
        state = states.get(number)
        if type(state) is not tuple or state[0] != serial:
            return None
        _, then, owed, also_owed = state
        passed = at - then
        owed -= passed * limit
        owed = cost if owed < 0 else owed + cost
        room = full - owed
        also_owed -= passed * also_limit
        also_owed = also_cost if also_owed < 0 else also_owed + also_cost
        also_room = also_full - also_owed
        if room < 0 or also_room < 0:
            return None
        states[number] = serial, at, owed, also_owed
        if account is None:
            both = room // cost, also_room // also_cost
            return Passed(kept, both if soon else form.numbers_of_passed((owed, also_owed)), period.text)
        period.line.used += 1
        account.calls += 1
        if not account.is_dirty:
            note(account)
        numbers: tuple[int, ...] = (
            (room // cost, also_room // also_cost, left, period.seconds)
            if soon
            else (*form.numbers_of_passed((owed, also_owed)), left, period.seconds)
        )
        return Passed(kept, numbers, period.text, period.resets)

    return let_in


def _of_many(
    limits: MemoryLimits, quotas: MemoryQuotas, kept: Kept, scopes: tuple[Scope, ...], sole: Sole
) -> LetIn:
    form = kept.form
    accounts, note = quotas.accounts, quotas.note
    whose, own = sole or _NOBODYS
    nothing = _Period(None, None, form, 0)

    def let_in(now: int) -> Passed | None:
        account, period, left = None, nothing, 0
        if whose is not None:
            account = accounts.get(whose)
            period = _Period(account, own, form, now)
            left = period.line.amount - period.line.used - 1
            if left < 0:
                return None
        numbers: tuple[int, ...] = ()
        if scopes:
            at = limits.clock() // 1000
            if at >= limits.look_at:
                limits.forget(at)
            taken = limits.again(scopes, at)
            if taken is None:
                return None
            numbers = form.numbers_of_passed(taken.owed)
        if account is None:
            return Passed(kept, numbers, period.text)
        account.count_call()
        note(account)
        return Passed(kept, (*numbers, left, period.seconds), period.text, period.resets)

    return let_in
