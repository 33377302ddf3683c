"""The life of keys against a simple model: whatever is done in whatever order, there is no difference."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conformance.going_away.life import Life
from tests.conformance.going_away.life_model import SECOND

pytestmark = pytest.mark.of_sqlite("its clock is turned by hand, and programs beside it verify from the file")


def test_a_life_at_random_is_what_the_model_says() -> None:
    """Some hundred steps; see the slow one."""
    Life.steps = 0
    Life.beside = False
    run_state_machine_as_test(Life, settings=settings(max_examples=3, stateful_step_count=40))
    assert Life.steps > 100


@pytest.mark.parametrize("waiting", [True, False], ids=["awaited", "at once"])
@pytest.mark.parametrize("at", [5, 3, 2], ids=["5/day", "1/minute", "2/second"])
def test_limits_go_by_the_clock_that_is_turned(at: int, waiting: bool) -> None:
    """However quick or slow the machine is: a life would be told what depends on it otherwise."""
    life = Life()
    life.start(1000, False)
    try:
        life.house.now += SECOND
        life.update(at=1, what=4, value=at)
        text, ask = next(each for each in life.good() if each[1].chatflow is None)
        for pause in (0, 0, SECOND, 61 * SECOND, 3600 * SECOND, SECOND // 2):
            life.house.now += pause
            life._call(text, ask, 6, waiting)
    finally:
        life.teardown()


@pytest.mark.slow
def test_ten_thousand_steps_of_life_are_what_the_model_says() -> None:
    """Programs that verify beside the server are asked at each step as well."""
    Life.steps = 0
    Life.beside = True
    run_state_machine_as_test(Life, settings=settings(max_examples=120, stateful_step_count=100))
    assert Life.steps >= 10_000
