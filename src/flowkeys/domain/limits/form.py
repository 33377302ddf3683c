"""The fields that say what is left of limits, but for the numbers: put together once for many calls."""

from collections.abc import Sequence
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


class Form:
    """What answers say of calls that the same limits and quotas apply to, whoever makes them."""

    __slots__ = ("_quotas", "_rates", "_steps", "text")

    def __init__(
        self,
        rates: Sequence[tuple[str, RateLimit]],
        steps: Sequence[tuple[int, int, int]],
        quotas: Sequence[tuple[str, Quota]],
    ) -> None:
        """Take limits and quotas with their names, and the steps of the limits."""
        self._rates = rates
        self._quotas = quotas
        self._steps = tuple(
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
        for cost, full, refilled, soon in self._steps:
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

    def text_at(self, now: int) -> Text:
        """Return the text of the month of `now`."""
        text = self.text
        if not text.begins_at <= now < text.ends_at:
            text = self.text = self._text(now)
        return text

    def _text(self, now: int) -> Text:
        begins_at, ends_at = month_of(now)
        month = (ends_at - begins_at) // SECOND
        policy = [f'"{name}";q={rate.limit};w={rate.window_seconds}' for name, rate in self._rates]
        for name, quota in self._quotas:
            seconds = month if quota.days is None else quota.days * DAY // SECOND
            unit = ';qu="tokens"' if quota.unit is Unit.TOKENS else ""
            policy.append(f'"{name}";q={quota.amount};w={seconds}{unit}')
        left = [f'"{name}";r=%d;t=%d' for name, _ in (*self._rates, *self._quotas)]
        one, two = ", ".join(policy), ", ".join(left)
        lines = _LINES.format(one, two).encode("ascii")
        return Text(begins_at, ends_at, one.encode("ascii"), two.encode("ascii"), lines)
