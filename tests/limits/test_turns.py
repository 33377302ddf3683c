"""Calls that are refused together come again one after the other, as they were told, and are let in."""

import heapq
import random
import uuid

import pytest

from flowkeys.domain.limits.gcra import ADDRESS, KEY
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.domain.times import SECOND
from flowkeys.limits import turns
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.turns import Turns
from tests.limits.test_memory import made

HERDS = [
    (["10/second"], 100),
    (["10/second burst 1"], 50),
    (["10/second burst 20"], 300),
    (["100/minute"], 150),
    (["100/minute burst 5"], 60),
    (["1000/second"], 3000),
    (["10/second", "300/minute"], 150),
    (["7/3s"], 60),
]


def tries(texts: list[str], callers: int, spread: int, delay: int) -> list[int]:
    """Return how often each caller had to call that waits as it is told, and comes a little late.

    All begin within `spread` microseconds, and come up to `delay` late.
    """
    limited, clock = made()
    chance = random.Random(7)
    scopes = tuple((kind, str(uuid.uuid4()), Limits(parse_limits([text]))) for kind, text in enumerate(texts))
    coming = [(clock.now + chance.randrange(spread), n, 1) for n in range(callers)]
    heapq.heapify(coming)
    found = []
    while coming:
        clock.now, n, calls = heapq.heappop(coming)
        wait = limited.at_once(scopes).wait_seconds
        if wait:
            again = clock.now + wait * SECOND + chance.randrange(delay)
            heapq.heappush(coming, (again, n, calls + 1))
        else:
            found.append(calls)
    return found


@pytest.mark.parametrize(("texts", "callers"), HERDS)
@pytest.mark.parametrize("delay", [1, 5000, 100_000])
def test_who_waits_as_told_is_let_in(texts: list[str], callers: int, delay: int) -> None:
    """However many come at one time, and however late each is: the second call of everybody is let in."""
    assert max(tries(texts, callers, 1000, delay)) == 2


@pytest.mark.parametrize(("texts", "callers"), HERDS)
def test_who_comes_while_others_wait_may_have_to_wait_twice(texts: list[str], callers: int) -> None:
    """Callers that begin within a second take turns of those before; nearly all need three calls at most."""
    found = tries(texts, callers, 900_000, 5000)
    assert max(found) <= 4
    assert sum(calls > 2 for calls in found) <= callers // 4
    assert sum(calls > 3 for calls in found) <= callers // 50


def test_turns_are_as_far_apart_as_the_limit_refills() -> None:
    """Of thirty that are refused at one moment, ten are told each second; nothing was taken by it."""
    limited, clock = made()
    scopes = ((KEY, str(uuid.uuid4()), Limits(parse_limits(["10/second"]))),)
    for _ in range(10):
        assert not limited.at_once(scopes).wait_seconds
    assert [limited.at_once(scopes).wait_seconds for _ in range(30)] == [1] * 10 + [2] * 10 + [3] * 10
    clock.now += SECOND
    assert [not limited.at_once(scopes).wait_seconds for _ in range(11)] == [True] * 10 + [False]


def test_what_was_told_before_is_forgotten_when_it_is_over() -> None:
    """A quiet minute later the first that is refused is told the first turn again."""
    limited, clock = made()
    scopes = ((KEY, str(uuid.uuid4()), Limits(parse_limits(["1/second"]))),)
    assert [limited.at_once(scopes).wait_seconds for _ in range(6)] == [0, 1, 2, 3, 4, 5]
    clock.now += 60 * SECOND
    assert [limited.at_once(scopes).wait_seconds for _ in range(3)] == [0, 1, 2]


@pytest.mark.parametrize(
    ("text", "own"), [("10/second", 1), ("10/minute", 6), ("1/minute", 60), ("4/hour", 900)]
)
def test_nobody_waits_more_than_a_minute_for_others(text: str, own: int) -> None:
    """A program that calls again and again without waiting keeps nobody away for longer than that."""
    limited, clock = made()
    scopes = ((KEY, str(uuid.uuid4()), Limits(parse_limits([text]))),)
    while not limited.at_once(scopes).wait_seconds:
        pass
    found = [limited.at_once(scopes).wait_seconds for _ in range(3000)]
    assert min(found) == own
    assert max(found) <= max(own, 60)
    clock.now += max(own, 60) * SECOND
    assert not limited.at_once(scopes).wait_seconds


def test_a_turn_is_right_for_every_limit_that_refuses() -> None:
    """Of two of them it is behind the last turn of either, and is the last one of both."""
    shared = Turns()
    slow, fast = 1, 2
    assert shared.next_of([(fast, SECOND, SECOND // 10)], 0) == SECOND
    assert shared.next_of([(slow, 2 * SECOND, SECOND), (fast, SECOND, SECOND // 10)], 0) == 2 * SECOND
    assert shared.next_of([(fast, SECOND, SECOND // 10)], 0) == 2 * SECOND + SECOND // 10
    assert shared.next_of([(slow, 2 * SECOND, SECOND)], 0) == 3 * SECOND


def test_there_is_a_most_of_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever can have many addresses fills no memory with turns."""
    monkeypatch.setattr(turns, "MOST", 100)
    limited, _ = made()
    one = Limits(parse_limits(["1/hour"]))
    for n in range(1000):
        for _ in range(2):
            limited.at_once(((ADDRESS, f"x\n{n}", one),))
    assert isinstance(limited, MemoryLimits)
    assert len(limited._turns) == 100
