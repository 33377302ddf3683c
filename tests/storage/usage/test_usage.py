"""Usage in the database."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from flowkeys.domain.people.workspace import Workspace
from flowkeys.domain.usage.latency import BUCKETS
from flowkeys.domain.usage.usage import DAY, HOUR, NUMBERS, Counted, Period
from flowkeys.service.ports.usage import Batch, UsageQuery
from flowkeys.storage.sqlite import migrate
from flowkeys.storage.sqlite.connection import connect
from flowkeys.storage.statement import Connection
from flowkeys.storage.transaction import Tables
from flowkeys.storage.usage.usage import _FAILING, UsageTable, _sums, _values

Row = Callable[..., Counted]


@pytest.fixture
def usage(tmp_path: Path) -> Iterator[UsageTable]:
    """Return the table in a new database."""
    path = tmp_path / "flowkeys.db"
    migrate.upgrade(path)
    raw = connect(path)
    tables = Tables(Connection(raw))
    fill(tables)
    yield tables.usage
    raw.close()


def fill(tables: Tables) -> None:
    """Add two workspaces."""
    for name in ("w", "v"):
        tables.workspaces.insert(Workspace(name, name, 0))


def row(
    time: int = 0, *, workspace: str = "w", key: str = "k", flow: str = "f", outcome: str = "ok"
) -> Counted:
    """Return something that was counted, with another number in each place."""
    return Counted(time, workspace, key, flow, "", "prediction", outcome, tuple(range(1, NUMBERS + 1)))


def asked(step: str = "hour", end: int = 10 * DAY, **whose: str) -> UsageQuery:
    """Return a question about one workspace."""
    return UsageQuery(workspace_id="w", period=Period(0, end, step), **whose)  # type: ignore[arg-type]


def total(usage: UsageTable, query: UsageQuery) -> int:
    """Return the sum of all numbers."""
    return sum(sum(numbers) for _, _, numbers in usage.sums(query))


ONE = sum(range(1, NUMBERS + 1))


def test_rows_add_up(usage: UsageTable) -> None:
    """Within a batch, and from batch to batch; no number is lost, and none gets into another's place."""
    usage.add(Batch("r", 1, [row(), row()]), 0)
    usage.add(Batch("r", 2, [row(), row(outcome="unknown_key")]), 0)
    found = {outcome: list(numbers) for _, outcome, numbers in usage.sums(asked())}
    assert found["ok"] == [3 * number for number in range(1, NUMBERS + 1)]
    assert found["unknown_key"] == list(range(1, NUMBERS + 1))


def test_a_batch_is_added_once(usage: UsageTable) -> None:
    """However often it is tried; another process has numbers of its own."""
    batch = Batch("r", 1, [row()])
    for _ in range(3):
        usage.add(batch, 0)
    assert total(usage, asked()) == ONE
    usage.add(Batch("other", 1, [row()]), 0)
    assert total(usage, asked()) == 2 * ONE
    assert (usage.added("r"), usage.added("nobody")) == (1, 0)


def test_each_question_has_its_rows(usage: UsageTable) -> None:
    """By key, by chatflow, by time; never another workspace's."""
    rows = [row(), row(key="k2"), row(flow="f2"), row(HOUR), row(workspace="v")]
    usage.add(Batch("r", 1, rows), 0)
    assert total(usage, asked()) == 4 * ONE
    assert total(usage, asked(key_id="k")) == 3 * ONE
    assert total(usage, asked(chatflow_id="f2")) == ONE
    assert total(usage, asked(key_id="k2", chatflow_id="f2")) == 0
    assert total(usage, asked(end=HOUR)) == 3 * ONE
    calls = sum(range(1, BUCKETS + 1))
    assert usage.by_key(asked(), 9, ()) == {"k": (3 * calls, 3 * calls), "k2": (calls, calls)}
    assert usage.by_chatflow(asked()) == {"f": (3 * calls, 3 * calls), "f2": (calls, calls)}


def test_calls_that_failed_are_told_apart(usage: UsageTable) -> None:
    """A key that is refused is called, too."""
    usage.add(Batch("r", 1, [row(), row(outcome="unknown_key"), row(key="", flow="")]), 0)
    calls = sum(range(1, BUCKETS + 1))
    assert usage.by_key(asked(), 9, ()) == {"k": (2 * calls, calls)}


def test_few_of_many_keys_are_read(usage: UsageTable) -> None:
    """Those that made most, of several hours and days, and those asked for; of equals the first by name."""
    keys = {f"key{number}": 1 + number % 3 for number in range(30)}
    rows = [row(hour * HOUR, key=key) for key, times in keys.items() for hour in range(20, 20 + times)]
    usage.add(Batch("r", 1, rows), 0)
    usage.roll(22 * HOUR - HOUR, 1000)  # some of what is counted is a day's by now
    calls = sum(range(1, BUCKETS + 1))
    best = sorted((key for key, times in keys.items() if times == 3))[:4]
    assert list(usage.by_key(asked("day"), 4, ())) == best
    found = usage.by_key(asked("day"), 4, [best[0], "key0", "stranger"])
    assert {key: of[0] // calls for key, of in found.items()} == {**dict.fromkeys(best, 3), "key0": 1}
    everybody = usage.by_key(asked("day"), 4, [f"live{number}" for number in range(2000)])
    assert {key: of[0] // calls for key, of in everybody.items()} == keys


def test_hours_become_days_and_no_call_is_lost(usage: UsageTable) -> None:
    """In pieces; a question by the day has the same answer before, in the middle and afterwards."""
    rows = [row(hour * HOUR, workspace=name) for hour in range(72) for name in ("w", "v")]
    usage.add(Batch("r", 1, rows), 0)
    before = sorted(usage.sums(asked("day")))
    rolled = []
    while some := usage.roll(2 * DAY, 20):
        rolled.append(some)
        assert sorted(merged(usage.sums(asked("day")))) == before
    assert sum(rolled) == 96
    assert max(rolled) == 20
    assert {time for time, _, _ in usage.sums(asked("hour"))} >= {2 * DAY, 2 * DAY + HOUR}
    assert total(usage, UsageQuery(workspace_id="v", period=Period(0, 10 * DAY, "day"))) == 72 * ONE


def merged(rows: list[Any]) -> list[Any]:
    """Return rows of a step once."""
    found: dict[Any, Any] = {}
    for time, outcome, numbers in rows:
        sums = found.setdefault((time, outcome), [0] * NUMBERS)
        found[time, outcome] = [a + b for a, b in zip(sums, numbers, strict=True)]
    return [(time, outcome, tuple(numbers)) for (time, outcome), numbers in found.items()]


def test_old_days_go(usage: UsageTable) -> None:
    """What is younger stays; processes that are long gone are forgotten."""
    usage.add(Batch("r", 1, [row(), row(DAY)]), 5)
    assert usage.roll(2 * DAY, 10) == 2
    assert usage.prune(DAY, 10) == 1
    assert usage.prune(DAY, 10) == 0
    assert total(usage, asked("day")) == ONE
    usage.forget_recorders(5)
    assert usage.added("r") == 1
    usage.forget_recorders(6)
    assert usage.added("r") == 0


def test_questions_go_along_indexes(usage: UsageTable) -> None:
    """A key's usage is found without a look at others', and a workspace's by its time."""
    for whose, index in (({"key_id": "k"}, "_key"), ({"chatflow_id": "f"}, "_chatflow")):
        query = asked(**whose)
        statement = _sums(query.key_id is not None, query.chatflow_id is not None, False)
        plan = usage._connection.raw.execute(
            f"EXPLAIN QUERY PLAN {statement.sql}", {**_values(query), "length": HOUR, **statement._constants}
        ).fetchall()
        said = " ".join(str(line[-1]) for line in plan)
        assert f"ix_usage_hour{index}" in said, said
        assert f"ix_usage_day{index}" in said, said


def test_what_a_workspaces_calls_add_up_to_is_kept_beside_them(usage: UsageTable) -> None:
    """It is the sum of the rows at any time: added, added again, made into days, and dropped with them."""

    def of_rows() -> list[Any]:
        query = asked("day")
        statement = _sums(False, False, False)
        rows = usage._connection.rows(statement, {**_values(query), "length": DAY})
        return sorted(merged([(row[0], row[1], row[2:]) for row in rows]))

    def of_totals() -> list[Any]:
        return sorted(merged(usage.sums(asked("day"))))

    rows = [
        row(hour * HOUR, key=key, outcome=how) for hour in range(72) for key, how in (("a", "ok"), ("b", "x"))
    ]
    usage.add(Batch("r", 1, rows), 0)
    usage.add(Batch("r", 2, [*rows, row(5 * HOUR, workspace="v")]), 0)
    usage.add(Batch("r", 2, rows), 0)
    assert of_totals() == of_rows() != []
    while usage.roll(2 * DAY, 50):
        assert of_totals() == of_rows()
    while usage.prune(DAY - 1, 1000):
        pass
    assert of_totals() == of_rows()
    assert {time for time, _, _ in of_totals()} == {DAY, 2 * DAY}
    assert (usage.any("w"), usage.any("nobody")) == (True, False)


def test_keys_that_fail_are_found_without_a_look_at_those_that_do_not(usage: UsageTable) -> None:
    """By key and outcome, within the period and the workspace; calls without a key are nobody's."""
    rows = [
        row(),
        row(outcome="x"),
        row(HOUR, outcome="x"),
        row(key="k2", outcome="y"),
        row(key="", outcome="x"),
    ]
    outside = [row(20 * DAY, outcome="x"), row(workspace="v", outcome="x")]
    usage.add(Batch("r", 1, [*rows, *outside]), 0)
    calls = sum(range(1, BUCKETS + 1))
    assert sorted(usage.failing(asked())) == [("k", "x", 2 * calls), ("k2", "y", calls)]
    plan = usage._connection.raw.execute(
        f"EXPLAIN QUERY PLAN {_FAILING.sql}", {**_values(asked()), **_FAILING._constants}
    ).fetchall()
    assert "ix_usage_hour_failed (workspace_id=? AND time>?" in " ".join(str(line[-1]) for line in plan)
