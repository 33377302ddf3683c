"""When what failed is tried again."""

from flowkeys.domain.times import SECOND
from flowkeys.domain.webhooks.retries import MOST_TRIES, next_try

HOUR = 3600 * SECOND


def test_delays_grow_and_end_after_about_a_day() -> None:
    """Each delay is longer than the one before, up to six hours; together they take about a day."""
    for chance, low, high in ((0.0, 16, 24), (0.5, 22, 30), (1.0, 26, 36)):
        now, delays = 0, []
        for tries in range(1, MOST_TRIES):
            at = next_try(tries, now, chance)
            assert at is not None
            delays.append(at - now)
            now = at
        assert delays == sorted(delays)
        assert delays[0] <= 6 * SECOND
        assert low * HOUR <= now <= high * HOUR
        assert next_try(MOST_TRIES, now, chance) is None


def test_a_receiver_that_asks_for_more_time_gets_it_within_reason() -> None:
    """Retry-After makes a delay longer, never shorter, and never longer than the longest."""
    assert next_try(1, 0, 0.5, 600) == 600 * SECOND
    assert next_try(5, 0, 0.5, 1) == next_try(5, 0, 0.5)
    assert next_try(1, 0, 0.5, 86_400 * 30) == 6 * HOUR
