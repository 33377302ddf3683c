"""The fields that say what is left of limits, but for the numbers: put together once for many calls."""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

from flowkeys.domain.limits.quota import Quota, Unit
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.limits.spent import Spent
from flowkeys.domain.times import DAY, SECOND, month_of

_LINES: Final = "ratelimit-policy: {}\r\nratelimit: {}\r\n"


class Text(msgspec.Struct, frozen=True, gc=False):
    """What is said of some limits and quotas in one month, which is how long one of a month lasts."""

    begins_at: int
    ends_at: int
    policy: bytes
    """The value of ``RateLimit-Policy``."""
    left: bytes
    """That of ``RateLimit``, with places for two numbers of each limit and quota."""
    lines: bytes
    """Both as lines of HTTP/1.1."""
    left_of_passed: bytes
    """The value of ``RateLimit`` of a call that was let in, with places for what differs then."""
    lines_of_passed: bytes


class Form:
    """What answers say of calls that the same limits and quotas apply to, whoever makes them."""

    __slots__ = ("quotas", "rates", "steps", "text")

    def __init__(
        self,
        rates: Sequence[tuple[str, RateLimit]],
        steps: Sequence[tuple[int, int, int]],
        quotas: Sequence[tuple[str, Quota]],
    ) -> None:
        """Take limits and quotas with their names, and the steps of the limits."""
        self.rates = rates
        self.quotas = quotas
        self.steps = tuple(
            (cost, full, limit * SECOND, cost <= limit * SECOND) for limit, cost, full in steps
        )
        """Of each limit what one call costs, what all at once do, what is refilled in a second, and whether
        that is a call: then there is one more within a second, and a division less is to be made."""
        self.text = self._text(0)
        """What was said last."""

    def lines(self, debts: Sequence[int], spent: Spent | None) -> bytes:
        """Return what is said of a call, as lines of HTTP/1.1."""
        text = self.text
        if spent is not None and not text.begins_at <= spent.now < text.ends_at:
            text = self.text_at(spent.now)
        return text.lines % self.numbers(debts, spent)

    def numbers(self, debts: Sequence[int], spent: Spent | None) -> tuple[int, ...]:
        """Return of each limit and quota what is left, and in how many seconds there is more."""
        numbers: list[int] = []
        at = 0
        for cost, full, refilled, soon in self.steps:
            owed = debts[at]
            if soon:
                numbers.append((full - owed) // cost)
                numbers.append(1 if owed else 0)
            else:
                calls, rest = divmod(full - owed, cost)
                numbers.append(calls)
                numbers.append(-((rest - cost) // refilled) if owed else 0)
            at += 1  # noqa: SIM113 - `enumerate` takes longer
        if spent is not None:
            now = spent.now
            resets_at = spent.resets_at
            at = 0
            for left in spent.left:
                numbers.append(left if left > 0 else 0)  # noqa: FURB136 - `max` takes longer
                numbers.append(-((now - resets_at[at]) // SECOND))
                at += 1  # noqa: SIM113
        return tuple(numbers)

    def numbers_of_passed(self, debts: Sequence[int]) -> tuple[int, ...]:
        """Return what differs of each limit for a call that was let in.

        That is how many calls are left, and in how many seconds there is more, unless that is one.
        """
        numbers: list[int] = []
        at = 0
        for cost, full, refilled, soon in self.steps:
            room = full - debts[at]
            calls = room // cost
            numbers.append(calls)
            if not soon:
                numbers.append(-((room - (calls + 1) * cost) // refilled))
            at += 1  # noqa: SIM113 - `enumerate` takes longer
        return tuple(numbers)

    def limits_left(self, numbers: Iterator[int]) -> Iterator[tuple[str, RateLimit, int, int]]:
        """Yield each limit with its name, what is left of it, and in how many seconds there is more."""
        for (name, rate), (_, _, _, soon) in zip(self.rates, self.steps, strict=True):
            yield name, rate, next(numbers), 1 if soon else next(numbers)

    def text_at(self, now: int) -> Text:
        """Return the text of the month of `now`."""
        text = self.text
        if not text.begins_at <= now < text.ends_at:
            text = self.text = self._text(now)
        return text

    def _text(self, now: int) -> Text:
        begins_at, ends_at = month_of(now)
        month = (ends_at - begins_at) // SECOND
        policy = [f'"{name}";q={rate.limit};w={rate.window_seconds}' for name, rate in self.rates]
        for name, quota in self.quotas:
            seconds = month if quota.days is None else quota.days * DAY // SECOND
            unit = ';qu="tokens"' if quota.unit is Unit.TOKENS else ""
            policy.append(f'"{name}";q={quota.amount};w={seconds}{unit}')
        left = [f'"{name}";r=%d;t=%d' for name, _ in (*self.rates, *self.quotas)]
        passed = [
            text.replace("t=%d", "t=1") if step[3] else text
            for text, step in zip(left, self.steps, strict=False)
        ]
        passed += left[len(self.steps) :]
        lines = [_LINES.format(", ".join(policy), ", ".join(each)) for each in (left, passed)]
        texts = ", ".join(policy), ", ".join(left), lines[0], ", ".join(passed), lines[1]
        return Text(begins_at, ends_at, *[text.encode("ascii") for text in texts])
