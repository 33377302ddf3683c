"""From what was measured to installations that nobody measured: every number is one multiplication away."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from bench.capacity import rows, shared
from bench.report import Cells

DAY_SECONDS: Final = 86_400
HOURS_KEPT_DAYS: Final = 90
DAYS_KEPT: Final = 3 * 365
FLUSH_SECONDS: Final = 2.0
LAST_USES: Final = 2_000
"""So many last uses are stored of a process at each flush, at most."""
CONNECTIONS: Final = 9
"""Of a process to PostgreSQL: one writes, one stores messages, four read, two look up, one hears the feed."""
BEATS_A_SECOND: Final = 2.0
CACHED: Final = 4_000_000
"""Keys in a process's memory at most: twice those that call within an hour where there are most."""
SHARE: Final = 0.5
"""So much of a core is used on purpose: the rest is for peaks, and for a machine that is away."""
WRITER_SHARE: Final = 0.8
KIND_BYTES: Final = 500
"""Of a kind of calls that is counted and waits (ADR 35: a hundred thousand take 50 MB)."""
MB: Final = 1024 * 1024


@dataclass(frozen=True)
class Installation:
    """Who calls, and what is there."""

    name: str
    machines: int
    keys: int
    in_use: int
    """Keys that call within an hour."""
    checks: int
    """A second: forward-auth, verify, and those before predictions."""
    predictions: int
    """A second."""
    limited: float
    """The share of calls whose key has limits; two windows."""
    changes: int
    """Of keys, a day: made, changed, rotated, revoked."""
    months: int
    """For which messages are kept."""
    on_postgres: bool


EXAMPLES: Final = (
    Installation("one process", 1, 10_000, 1_000, 100, 2, 0.5, 200, 12, on_postgres=False),
    Installation("two machines", 2, 1_000_000, 50_000, 5_000, 100, 0.5, 20_000, 12, on_postgres=True),
    Installation(
        "ten machines", 10, 100_000_000, 2_000_000, 100_000, 500, 0.5, 1_000_000, 3, on_postgres=True
    ),
)


@dataclass(frozen=True)
class Costs:
    """What was measured, of docs/benchmarks.md and of the tables above in docs/scaling.md."""

    check_us: float
    limited_us: float
    prediction_ms: float
    ready_mb: float
    key_bytes: float
    window_bytes: float
    bytes_of: Mapping[str, tuple[float, float]]
    """Of a row: on SQLite, on PostgreSQL."""
    usage_us: tuple[float, float, float]
    last_use_us: tuple[float, float, float]
    """In the process on SQLite, in the process on PostgreSQL, in the server."""
    valkey_us: float
    valkey_bytes: float


def read(bench: Cells, own: Cells) -> Costs:
    """Return the costs."""
    kinds = own.rows(rows.SIZES)

    def written(what: str) -> tuple[float, float, float]:
        names = ("SQLite, in the process", "PostgreSQL, in the process", "PostgreSQL, in the server")
        one, two, three = (own.number(rows.COSTS, what, name) for name in names)
        return one, two, three

    keys = "Keys with two rate limits, a quota, a customer and usage, against keys without"
    return Costs(
        check_us=bench.number("Verification, one process on one core", "protocol path, GET", "CPU µs each"),
        limited_us=1e6 / bench.number(keys, "forward-auth", "with all"),  # for a CPU second
        prediction_ms=bench.number("One process on one core", "predictions", "CPU ms each"),
        ready_mb=bench.number("Start and memory with more keys", "1,000", "MB after the load"),
        key_bytes=bench.number("Start and memory with more keys", "1,000,000", "bytes a key"),
        window_bytes=bench.number("What is kept of an active key", "two windows", "bytes a window"),
        bytes_of={
            kind: (own.number(rows.SIZES, kind, "SQLite"), own.number(rows.SIZES, kind, "PostgreSQL"))
            for kind in kinds
        },
        usage_us=written("usage row, added to"),
        last_use_us=written("time of last use"),
        valkey_us=own.number(shared.TITLE, "two windows", "µs of its processor"),
        valkey_bytes=own.number(shared.TITLE, "two windows", "bytes a key"),
    )


class Sized:
    """An installation with what it takes."""

    def __init__(self, one: Installation, costs: Costs) -> None:
        self.one = one
        self.costs = costs
        limited = one.limited * costs.limited_us + (1 - one.limited) * costs.check_us
        self.check_cores = one.checks * limited / 1e6
        self.prediction_cores = one.predictions * costs.prediction_ms / 1e3
        self.processes = one.machines
        while True:
            self.distinct = distinct(one.in_use, one.checks / self.processes * FLUSH_SECONDS)
            self.usage_rows_a_second = self.distinct * self.processes / FLUSH_SECONDS
            self.last_uses_a_second = min(self.distinct, LAST_USES) * self.processes / FLUSH_SECONDS
            each = math.ceil(self.cores / SHARE / one.machines)
            if each * one.machines <= self.processes:
                break
            self.processes += one.machines

    @property
    def cores(self) -> float:
        """Of the processes: for checks, predictions, and writing what was counted."""
        return self.check_cores + self.prediction_cores + self.counting_cores

    @property
    def in_memory(self) -> float:
        """Bytes of a process: itself, all keys, windows of those in use, what was counted."""
        windows = (
            0.0 if self.one.on_postgres else self.one.in_use * self.one.limited * 2 * self.costs.window_bytes
        )
        counted = min(self.distinct, 100_000) * KIND_BYTES
        return (
            self.costs.ready_mb * MB + min(self.one.keys, CACHED) * self.costs.key_bytes + windows + counted
        )

    def stored(self, kind: str) -> float:
        """Bytes of all rows of a kind."""
        each = self.costs.bytes_of[kind][1 if self.one.on_postgres else 0]
        return self.count(kind) * each

    def count(self, kind: str) -> float:
        """How many rows of a kind there are, when it has run for three years."""
        one = self.one
        changes = one.keys + one.changes * DAYS_KEPT
        messages = 2 * one.predictions * DAY_SECONDS * 30 * one.months
        counts: dict[str, float] = {
            "key, with its token": one.keys,
            "key, to be found by its name": one.keys,
            "binding": one.keys,
            "row of the audit log": changes,
            "row of the feed": changes,
            "hour of usage": one.in_use * 24 * HOURS_KEPT_DAYS,
            "day of usage": min(one.keys, 5 * one.in_use) * (DAYS_KEPT - HOURS_KEPT_DAYS),
            "message": messages,
            "conversation": messages / 4,
        }
        return counts[kind]

    @property
    def changes_told(self) -> float:
        """A second, to all processes together."""
        return self.one.changes / DAY_SECONDS * self.processes

    @property
    def counting_cores(self) -> float:
        """Of the processes, for writing usage and last uses."""
        return self._writing(1 if self.one.on_postgres else 0)

    @property
    def database_cores(self) -> float:
        """Of the database's processors, for the same; a file has none of its own."""
        return self._writing(2) if self.one.on_postgres else 0.0

    def _writing(self, at: int) -> float:
        usage, last = self.costs.usage_us[at], self.costs.last_use_us[at]
        return (self.usage_rows_a_second * usage + self.last_uses_a_second * last) / 1e6

    @property
    def valkey_cores(self) -> float:
        """Of the one that it has."""
        return (
            self.one.checks * self.one.limited * self.costs.valkey_us / 1e6 if self.one.on_postgres else 0.0
        )


def distinct(keys: int, calls: float) -> float:
    """Return how many of so many keys make so many calls, where each is as likely as any other."""
    return keys * (1 - math.exp(-calls / keys))
