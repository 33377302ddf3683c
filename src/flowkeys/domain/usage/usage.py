"""What is counted of calls, and how it is summed up."""

from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from operator import add
from typing import Final, Literal

import msgspec

from flowkeys.domain.times import SECOND
from flowkeys.domain.usage.latency import BUCKETS, Percentiles, percentiles

HOUR: Final = 3600 * SECOND
DAY: Final = 24 * HOUR
HOURS_KEPT: Final = 90 * DAY
"""So long hours are told apart; then they become days."""
DAYS_KEPT: Final = 3 * 365 * DAY
"""So long days are kept."""

OK: Final = "ok"
CLIENT_GONE: Final = "client_gone"
"""The outcome of a call whose client left before its answer; others are the `code` of the answer."""

Step = Literal["hour", "day"]
LENGTHS: Final[dict[Step, int]] = {"hour": HOUR, "day": DAY}

TOKENS_IN: Final = BUCKETS
TOKENS_OUT: Final = BUCKETS + 1
BYTES_IN: Final = BUCKETS + 2
BYTES_OUT: Final = BUCKETS + 3
TOKENS_ESTIMATED: Final = BUCKETS + 4
"""How many of the tokens in and out were estimated, since the model did not say."""
NUMBERS: Final = BUCKETS + 5
"""How many numbers are counted: calls by how long they took, then these five."""


class Door(StrEnum):
    """Where a call came in."""

    PREDICTION = "prediction"
    FORWARD_AUTH = "forward-auth"


REFUSED: Final = frozenset(
    {
        *("missing_credentials", "invalid_request", "unknown_key", "expired_key", "revoked_key"),
        *("disabled_key", "ip_not_allowed", "chatflow_not_allowed", "permission_missing"),
        *("rate_limited", "quota_exceeded", "headers_too_large"),
    }
)
"""Outcomes of calls that were not let in: how long that took says nothing of the others."""


class Counted(msgspec.Struct, frozen=True, gc=False):
    """Calls of one kind within one hour or day, and their numbers."""

    time: int
    """When the hour or day began, in microseconds, UTC."""
    workspace_id: str
    key_id: str
    """Empty: calls without a key, of public chatflows."""
    chatflow_id: str
    """Empty: calls of none, or of one that is not known to the key."""
    customer_id: str
    """Whose the key was at that time; empty: nobody's."""
    door: str
    outcome: str
    numbers: Sequence[int]


class Sums(msgspec.Struct):
    """What calls add up to."""

    outcomes: dict[str, int] = msgspec.field(default_factory=dict)
    latency: list[int] = msgspec.field(default_factory=lambda: [0] * BUCKETS)
    """Of the calls that were let in."""
    tokens_in: int = 0
    tokens_out: int = 0
    tokens_estimated: int = 0
    bytes_in: int = 0
    bytes_out: int = 0

    @property
    def calls(self) -> int:
        """How many there were, however they ended."""
        return sum(self.outcomes.values())

    @property
    def percentiles(self) -> Percentiles | None:
        """How long those took that were let in; None when there were none."""
        return percentiles(self.latency)

    def add(self, outcome: str, numbers: Sequence[int]) -> None:
        """Add calls that ended in the same way."""
        buckets = numbers[:BUCKETS]
        self.outcomes[outcome] = self.outcomes.get(outcome, 0) + sum(buckets)
        if outcome not in REFUSED:
            self.latency = list(map(add, self.latency, buckets))
        self.tokens_in += numbers[TOKENS_IN]
        self.tokens_out += numbers[TOKENS_OUT]
        self.tokens_estimated += numbers[TOKENS_ESTIMATED]
        self.bytes_in += numbers[BYTES_IN]
        self.bytes_out += numbers[BYTES_OUT]


class Period(msgspec.Struct, frozen=True):
    """A stretch of time in steps: whole hours or days, UTC."""

    first: int
    """When the first step begins."""
    end: int
    """When the last one ends."""
    step: Step

    def times(self) -> Iterator[int]:
        """Return when each step begins."""
        return iter(range(self.first, self.end, LENGTHS[self.step]))

    def step_of(self, time: int) -> int:
        """Return when the step began that `time` lies in."""
        return time - time % LENGTHS[self.step]


class Series(msgspec.Struct, frozen=True):
    """What was counted in a period: step by step, those without a call included, and in all."""

    period: Period
    steps: list[tuple[int, Sums]]
    total: Sums
    name: str | None = None
    """Of the key, the chatflow or the customer whose usage it is, for people."""


class Top(msgspec.Struct, frozen=True):
    """Of a key, a chatflow or a customer: how often it was called."""

    id: str
    name: str | None
    """None: it is not there any more."""
    calls: int
    ok: int


class Failing(msgspec.Struct, frozen=True):
    """Of a key: how many calls did not end well, and in which way most of them ended."""

    id: str
    name: str | None
    """None: it is not there any more."""
    calls: int
    outcome: str


def series_of(period: Period, counted: Iterable[tuple[int, str, Sequence[int]]]) -> Series:
    """Sum up (time, outcome, numbers) by the steps of a period; what lies outside is left out."""
    steps = {time: Sums() for time in period.times()}
    total = Sums()
    for time, outcome, numbers in counted:
        sums = steps.get(period.step_of(time))
        if sums is not None:
            sums.add(outcome, numbers)
            total.add(outcome, numbers)
    return Series(period, list(steps.items()), total)
