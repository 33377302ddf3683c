"""The life of keys against a simple model: whatever is done in whatever order, there is no difference."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test

from tests.conformance.going_away.life import Life

pytestmark = pytest.mark.of_sqlite("its clock is turned by hand, and programs beside it verify from the file")


def test_a_life_at_random_is_what_the_model_says() -> None:
    """Some hundred steps; see the slow one."""
    Life.steps = 0
    Life.beside = False
    run_state_machine_as_test(Life, settings=settings(max_examples=3, stateful_step_count=40))
    assert Life.steps > 100


@pytest.mark.slow
def test_ten_thousand_steps_of_life_are_what_the_model_says() -> None:
    """Programs that verify beside the server are asked at each step as well."""
    Life.steps = 0
    Life.beside = True
    run_state_machine_as_test(Life, settings=settings(max_examples=120, stateful_step_count=100))
    assert Life.steps >= 10_000
