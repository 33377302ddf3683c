"""Times and durations are exact."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkeys.domain.times import MAXIMUM, SECOND, end_of_day, from_iso, parse_duration, to_iso


@given(st.integers(0, MAXIMUM))
def test_what_is_written_is_read_back_to_the_millisecond(time: int) -> None:
    """ISO 8601 with Z, and no drift."""
    text = to_iso(time)
    assert text.endswith("Z")
    assert from_iso(text) == time // 1000 * 1000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2027-01-31T00:00:00Z", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T01:00:00+01:00", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31", datetime(2027, 1, 31, tzinfo=UTC)),
        ("2027-01-31T00:00:00", datetime(2027, 1, 31, tzinfo=UTC)),
    ],
)
def test_times_with_and_without_offset(text: str, expected: datetime) -> None:
    """Without an offset a time is UTC."""
    assert from_iso(text) == int(expected.timestamp()) * SECOND


@pytest.mark.parametrize("text", ["", "soon", "2027-13-01", "9d", "9999999999999"])
def test_what_is_no_time_is_none(text: str) -> None:
    """No guessing."""
    assert from_iso(text) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90d", timedelta(days=90)),
        ("12h", timedelta(hours=12)),
        ("2w", timedelta(weeks=2)),
        ("30m", timedelta(minutes=30)),
        ("1s", timedelta(seconds=1)),
    ],
)
def test_durations_are_exact(text: str, expected: timedelta) -> None:
    """A day is 86,400 seconds, over leap days and month ends too."""
    assert parse_duration(text) == expected // timedelta(microseconds=1)


@pytest.mark.parametrize("text", ["", "d", "0d", "-1d", "1.5h", "1month", "1y", "1" * 12 + "d", "٣d"])
def test_what_is_no_duration_is_none(text: str) -> None:
    """There are no months: their length depends on the date."""
    assert parse_duration(text) is None


@pytest.mark.parametrize("day", ["2027-01-31", "2028-02-29", "2027-12-31"])
def test_a_day_ends_with_its_last_millisecond(day: str) -> None:
    """What ends with a day is over at the next midnight, UTC, and is shown with the date that was chosen."""
    found = end_of_day(day)
    assert found is not None
    assert to_iso(found) == f"{day}T23:59:59.999Z"


@pytest.mark.parametrize(
    "text", ["", "31.01.2027", "2027-02-29", "2027-01-31T00:00:00Z", "20270131", "99999-01-01"]
)
def test_what_is_no_date_has_no_end(text: str) -> None:
    """A date is year, month and day; anything more is something else."""
    assert end_of_day(text) is None
