"""Calls, counted in memory and handed over."""

import asyncio
from typing import Any

import pytest

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.usage.latency import BUCKETS, bucket_of
from flowkeys.domain.usage.tokens import ModelTokens
from flowkeys.domain.usage.usage import (
    BYTES_IN,
    BYTES_OUT,
    HOUR,
    NUMBERS,
    TOKENS_ESTIMATED,
    TOKENS_IN,
    TOKENS_OUT,
    Door,
)
from flowkeys.service import recurring
from flowkeys.service.ports.usage import Batch
from flowkeys.usage import calls as calls_module
from flowkeys.usage.calls import AT_ONCE, CallCounter
from flowkeys.usage.hour import TOOK_SECONDS

KEY = KeyRecord.of(key_id="k1", workspace_id="w", name="One")


class Kept:
    """A store that may be away, and whose answer may be lost on its way back."""

    def __init__(self) -> None:
        self.batches: list[Batch] = []
        self.away = False
        self.loses_answers = False

    async def __call__(self, batch: Batch) -> None:
        """Take a batch."""
        if self.away:
            raise Unavailable
        self.batches.append(batch)
        if self.loses_answers:
            raise Unavailable

    @property
    def rows(self) -> list[Any]:
        """All that was taken."""
        return [one for batch in self.batches for one in batch.counted]


class Times:
    """A clock and what calls are timed by, set by hand."""

    def __init__(self) -> None:
        self.ticks = 0.0

    def clock(self) -> int:
        """Return the time."""
        return 1000 * HOUR + int(self.ticks * 1_000_000)


@pytest.fixture
def kept() -> Kept:
    """Return a store."""
    return Kept()


@pytest.fixture
def times() -> Times:
    """Return the times."""
    return Times()


@pytest.fixture
def calls(kept: Kept, times: Times) -> CallCounter:
    """Return a counter."""
    return CallCounter(kept, times.clock, 3600, lambda _: None, ticks=lambda: times.ticks)


async def test_calls_of_a_kind_are_one_row(calls: CallCounter, kept: Kept, times: Times) -> None:
    """By key, chatflow, door and outcome, with how long they took, tokens and bytes added up."""
    times.ticks = 3.0
    calls.count(Door.FORWARD_AUTH, "ok", KEY, "f", 3.0)
    calls.count(Door.FORWARD_AUTH, "ok", KEY, "f", 2.7)
    calls.count(Door.FORWARD_AUTH, "disabled_key", KEY, "f", 3.0)
    for _ in range(2):
        calls.count_run("ok", KEY, "w", "f", 1.0, tokens=ModelTokens(5, 7, 2), sizes=(11, 13))
    assert await calls.flush()
    by_kind = {(row.door, row.outcome): row for row in kept.rows}
    assert len(by_kind) == len(kept.rows) == 3
    passed = by_kind["forward-auth", "ok"]
    assert (passed.time, passed.workspace_id, passed.key_id) == (1000 * HOUR, "w", "k1")
    assert passed.chatflow_id == "f"
    assert passed.numbers[bucket_of(0.0)] == passed.numbers[bucket_of(0.3)] == 1
    run = by_kind["prediction", "ok"].numbers
    assert run[bucket_of(2.0)] == 2
    assert [run[i] for i in (TOKENS_IN, TOKENS_OUT, TOKENS_ESTIMATED)] == [10, 14, 4]
    assert [run[i] for i in (BYTES_IN, BYTES_OUT)] == [22, 26]


async def test_nothing_is_handed_over_twice(calls: CallCounter, kept: Kept) -> None:
    """What was stored is forgotten, and with nothing counted nothing is stored."""
    calls.count(Door.FORWARD_AUTH, "ok", KEY)
    assert await calls.flush()
    assert await calls.flush()
    assert len(kept.batches) == 1


async def test_a_call_belongs_to_the_hour_in_which_it_ends(
    calls: CallCounter, kept: Kept, times: Times
) -> None:
    """Though nothing was stored between the two."""
    times.ticks = 3599.9
    calls.count(Door.FORWARD_AUTH, "ok", KEY, "", 3599.0)
    times.ticks = 3600.1
    calls.count(Door.FORWARD_AUTH, "ok", KEY, "", 3599.0)
    await calls.flush()
    assert [row.time for row in kept.rows] == [1000 * HOUR, 1001 * HOUR]


async def test_a_failed_flush_is_the_same_batch_again(calls: CallCounter, kept: Kept) -> None:
    """Its number and what is in it do not change, whatever is counted meanwhile: so it can be told apart."""
    kept.loses_answers = True
    calls.count(Door.FORWARD_AUTH, "ok", KEY)
    assert not await calls.flush()
    calls.count(Door.FORWARD_AUTH, "ok", KEY)
    kept.loses_answers = False
    assert await calls.flush()
    first, again, other = kept.batches
    assert first == again
    assert other.number == first.number + 1
    assert sum(sum(row.numbers) for row in other.counted) == 1


async def test_what_is_nobodys_is_a_total_only(calls: CallCounter, kept: Kept) -> None:
    """Garbage is counted for the server's own numbers and stored nowhere."""
    for _ in range(3):
        calls.count(Door.FORWARD_AUTH, "unknown_key", None)
    assert sum(calls.totals_now()["forward-auth", "unknown_key"][:BUCKETS]) == 3
    assert await calls.flush()
    assert kept.batches == []
    assert sum(calls.totals_now()["forward-auth", "unknown_key"][:BUCKETS]) == 3


async def test_many_keys_are_stored_piece_by_piece(calls: CallCounter, kept: Kept) -> None:
    """No transaction holds the writer for long."""
    for number in range(AT_ONCE + 1):
        record = KeyRecord.of(key_id=f"k{number}", workspace_id="w", name="")
        calls.count(Door.FORWARD_AUTH, "ok", record)
    assert calls.waiting_rows == AT_ONCE + 1
    await calls.flush()
    assert [len(batch.counted) for batch in kept.batches] == [AT_ONCE, 1]
    assert calls.waiting_rows == 0


async def test_memory_is_bounded_and_no_call_is_lost(
    calls: CallCounter, kept: Kept, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the store away for hours, and more keys than are told apart, the workspace's sum is right."""
    most = 100
    monkeypatch.setattr(calls_module, "MOST", most)
    kept.away = True
    hours = 5
    for hour in range(hours):
        times.ticks = hour * 3600.0 + 1
        for number in range(most * 2):
            record = KeyRecord.of(key_id=f"k{number}", workspace_id="w", name="")
            calls.count(Door.FORWARD_AUTH, "ok", record, "", times.ticks)
            if number == most // 2:
                await calls.flush()
        await calls.flush()
    assert calls.waiting_rows <= 2 * most + AT_ONCE + hours
    kept.away = False
    await calls.flush()
    await calls.flush()
    assert sum(sum(row.numbers) for row in kept.rows) == hours * most * 2
    assert {row.workspace_id for row in kept.rows} == {"w"}


async def test_stopping_stores_all_that_is_left(calls: CallCounter, kept: Kept) -> None:
    """A clean stop loses nothing, though a flush is under way."""
    calls.start()
    calls.count(Door.FORWARD_AUTH, "ok", KEY)
    flush = asyncio.ensure_future(calls.flush())
    await asyncio.sleep(0)
    calls.count(Door.FORWARD_AUTH, "ok", KEY)
    await calls.stop()
    await flush
    assert sum(sum(row.numbers) for row in kept.rows) == 2


@pytest.mark.parametrize("outages", [1, 9])
async def test_a_stop_during_an_outage_tries_again_and_says_what_is_lost(
    outages: int, kept: Kept, times: Times, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store is back soon, and each call is stored once; or it is not, and the log says so."""
    monkeypatch.setattr(recurring, "PAUSES", (0.0, 0.0))
    told: list[str] = []

    async def store(batch: Batch) -> None:
        kept.away = len(told) < outages
        await kept(batch)

    calls = CallCounter(store, times.clock, 3600, told.append, ticks=lambda: times.ticks)
    calls.count(Door.FORWARD_AUTH, "ok", KEY)
    await calls.stop()
    assert sum(sum(row.numbers) for row in kept.rows) == (1 if outages == 1 else 0)
    assert sum("is lost" in one for one in told) == (0 if outages == 1 else 1)


async def test_what_waits_is_told_by_workspace(calls: CallCounter, kept: Kept) -> None:
    """What is in a batch, and what is in none."""
    other = KeyRecord.of(key_id="k2", workspace_id="other", name="")
    kept.away = True
    calls.count(Door.FORWARD_AUTH, "ok", KEY)
    await calls.flush()
    calls.count(Door.FORWARD_AUTH, "ok", KEY)
    calls.count(Door.FORWARD_AUTH, "ok", other)
    waiting = calls.waiting("w")
    assert [row.key_id for row in waiting.counted()] == ["k1"]
    assert [batch.number for batch in waiting.batches] == [1] == [waiting.last_number]


async def test_how_long_calls_took_is_summed_and_not_stored(
    calls: CallCounter, kept: Kept, times: Times
) -> None:
    """Of both ways in, and told as before when all is stored."""
    times.ticks = 10.0
    calls.count(Door.PREDICTION, "ok", KEY, started=9.5)
    calls.count_run("ok", KEY, "w", "", 9.75)
    for _ in range(2):
        assert calls.totals_now()["prediction", "ok"][TOOK_SECONDS] == 0.75
        assert (await calls.summed())["prediction", "ok"][TOOK_SECONDS] == 0.75
        await calls.flush()
    (row,) = kept.rows
    assert len(row.numbers) == NUMBERS
    assert sum(row.numbers) == 2


async def test_calls_go_on_while_many_keys_are_taken(calls: CallCounter, kept: Kept) -> None:
    """Piece by piece; whoever asks at any moment of it is told of each call once, and so are totals."""
    keys = [KeyRecord.of(key_id=f"k{number}", workspace_id="w", name="") for number in range(4 * AT_ONCE)]
    for key in keys:
        calls.count(Door.FORWARD_AUTH, "ok", key)
    flushing = asyncio.create_task(calls.flush())
    told: list[int] = []
    while not flushing.done():
        waiting = calls.waiting("w")
        in_batches = [row for batch in waiting.batches for row in batch.counted]
        told.append(len(in_batches) if in_batches else 0)
        found = [row.key_id for row in (*kept.rows, *in_batches, *waiting.counted())]
        assert sorted({*found}) == sorted(key.key_id for key in keys)
        assert len(found) == len(keys) or waiting.batches[0] in kept.batches  # it is being stored now
        (total,) = calls.totals_now().values()
        assert sum(total[:BUCKETS]) == len(keys)
        await asyncio.sleep(0)
    assert any(0 < rows < len(keys) for rows in told)  # it was asked in the middle
    assert len({row.key_id for row in kept.rows}) == len(keys) == len(kept.rows)


async def test_what_waits_is_as_it_was_when_it_is_read_later(calls: CallCounter, kept: Kept) -> None:
    """A flush in between takes nothing of it away."""
    calls.count(Door.FORWARD_AUTH, "ok", KEY)
    waiting = calls.waiting("w")
    await calls.flush()
    assert [row.key_id for row in waiting.counted()] == ["k1"] == [row.key_id for row in kept.rows]
