"""What a row takes, and what it costs to write: a few thousand of each, on both databases."""

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bench.capacity import filling, servers, sizes
from bench.capacity.sizes import Sizes
from bench.report import Table
from bench.target import opened
from flowkeys.bootstrap import clock

KEYS: Final = 1_000
USAGE: Final = 5_000
MESSAGES: Final = 2_000
SIZES: Final = "What a row takes, in bytes"
COSTS: Final = "What a row costs to write, in µs of processor time"
BOUND_MS: Final = 60_000
"""Of the feed: on a machine that is busy with filling it may be late."""
_LAST_USES: Final = 1_000

Costs = dict[str, tuple[float, float]]
"""What was written → µs of this process and of the database's for each row."""


def measure(folder: Path) -> list[Table]:
    """Return the tables."""
    file = folder / "file" / "flowkeys.db"
    count, in_file, file_costs = _filled(file.parent, lambda: 0.0, lambda: sizes.of_file(file))
    with servers.postgres(folder) as (url, pid):
        _, in_postgres, costs = _filled(
            folder / "data",
            lambda: servers.cpu_seconds(pid),
            lambda: sizes.of_postgres(url),
            database=url,
            revocation_bound_ms=BOUND_MS,
        )
    return [_sizes(in_file, in_postgres, count), _costs(file_costs, costs)]


def _filled(
    data_dir: Path, theirs: Callable[[], float], sized: Callable[[], Sizes], **settings: object
) -> tuple[dict[str, int], Sizes, Costs]:
    chance = random.Random(7)
    costs: Costs = {}
    with opened(data_dir, **settings) as target:
        flows = filling.chatflows(target)
        ids = filling.keys(target, flows, KEYS, chance)
        began = _now(theirs)
        hours = filling.usage(target, flows, USAGE, random.Random(8))
        costs["usage row, new"] = _each(began, _now(theirs), hours)
        began = _now(theirs)
        filling.usage(target, flows, USAGE, random.Random(8), recorder="again")
        costs["usage row, added to"] = _each(began, _now(theirs), hours)
        filling.days(target, hours // 2)
        conversations = filling.messages(target, flows, MESSAGES, chance)
        found = sized()
        began = _now(theirs)
        target.run(target.runtime.keyring.flush(dict.fromkeys(ids[:_LAST_USES], clock()), {}))
        costs["time of last use"] = _each(began, _now(theirs), _LAST_USES)
    count = {
        "key, with its token": KEYS,
        "key, to be found by its name": KEYS,
        "binding": KEYS,
        "row of the audit log": KEYS,
        "row of the feed": KEYS,
        "hour of usage": hours - hours // 2,
        "day of usage": hours // 10,
        "message": 2 * filling.TURNS * conversations,
        "conversation": conversations,
    }
    return count, found, costs


def _now(theirs: Callable[[], float]) -> tuple[float, float]:
    return time.process_time(), theirs()


def _each(began: tuple[float, float], ended: tuple[float, float], rows: int) -> tuple[float, float]:
    ours, theirs = ((after - before) / rows * 1e6 for before, after in zip(began, ended, strict=True))
    return ours, theirs


def _sizes(in_file: Sizes, in_postgres: Sizes, count: dict[str, int]) -> Table:
    table = Table(
        SIZES,
        ("", "SQLite", "of it indexes", "PostgreSQL", "of it indexes"),
        note=f"{KEYS:,} keys with a name of {filling.NAME_CHARACTERS} characters or so, bound to one "
        f"chatflow each; {USAGE:,} rows of usage; {MESSAGES:,} messages, a question of "
        f"{filling.QUESTION_CHARACTERS} characters and an answer of {filling.ANSWER_CHARACTERS} in turn, "
        f"{2 * filling.TURNS} to a conversation. All written by the statements of the server. Of the feed it "
        "is what the making and the binding of a key leave there.",
    )
    for kind, rows in count.items():
        cells = []
        for found in (in_file[kind], in_postgres[kind]):
            cells += [f"{found.both / rows:,.0f}", f"{found.indexes / rows:,.0f}"]
        table.add(kind, *cells)
    return table


def _costs(in_file: Costs, in_postgres: Costs) -> Table:
    table = Table(
        COSTS,
        ("", "SQLite, in the process", "PostgreSQL, in the process", "PostgreSQL, in the server"),
        note="Without what the disk takes: `fsync` is off on PostgreSQL here, and processor time is what "
        "counts.",
    )
    for what, (ours, _) in in_file.items():
        mine, theirs = in_postgres[what]
        table.add(what, f"{ours:,.0f}", f"{mine:,.0f}", f"{theirs:,.0f}")
    return table
