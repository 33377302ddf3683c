"""Times and durations are exact."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowkeys.domain.times import (
    MAXIMUM,
    end_from_iso,
    end_of_day,
    from_iso,
    lacks_zone,
    parse_duration,
    to_iso,
)


@given(st.integers(0, MAXIMUM))
def test_what_is_written_is_read_back_to_the_millisecond(time: int) -> None:
    """ISO 8601 with Z, and no drift."""
    text = to_iso(time)
    assert text.endswith("Z")
    assert from_iso(text) == time // 1000 * 1000


TIMES = [
    ("2027-01-31T00:00:00Z", "2027-01-31T00:00:00.000Z"),
    ("2027-01-31t00:00:00z", "2027-01-31T00:00:00.000Z"),  # RFC 3339, section 5.6: the letters may be small
    ("2027-01-31 00:00:00Z", "2027-01-31T00:00:00.000Z"),
    ("2027-01-31 00:00:00 +00:00", "2027-01-31T00:00:00.000Z"),
    (" 2027-01-31T00:00Z\n", "2027-01-31T00:00:00.000Z"),
    ("2027-01-31T01:00:00+01:00", "2027-01-31T00:00:00.000Z"),
    ("2027-01-31T01:00:00+0100", "2027-01-31T00:00:00.000Z"),
    ("2027-01-31T01:00:00+01", "2027-01-31T00:00:00.000Z"),
    ("2027-01-30T18:15:00-05:45", "2027-01-31T00:00:00.000Z"),
    ("2027-01-31T00:00:00-00:00", "2027-01-31T00:00:00.000Z"),
    ("2027-01-31T00:00:00.1Z", "2027-01-31T00:00:00.100Z"),
    ("2027-01-31T00:00:00,25Z", "2027-01-31T00:00:00.250Z"),
    ("2027-01-31T00:00:00.123456789Z", "2027-01-31T00:00:00.123Z"),
    ("2026-12-31T23:59:60Z", "2027-01-01T00:00:00.000Z"),  # a leap second, section 5.7
    ("2027-01-01T00:59:60.5+01:00", "2027-01-01T00:00:00.000Z"),
    ("2028-02-29T12:00:00Z", "2028-02-29T12:00:00.000Z"),
]


def test_times_are_those_of_rfc_3339() -> None:
    """With a zone, and the same on every version of Python."""
    assert [(text, to_iso(from_iso(text) or 0)) for text, _ in TIMES] == TIMES
    assert [(text, to_iso(end_from_iso(text) or 0)) for text, _ in TIMES] == TIMES


NO_TIMES = [
    "", "soon", "2027-13-01T00:00:00Z", "2027-02-29T00:00:00Z", "9d", "9999999999999", "1795418000",
    "2027-W05", "2027-W05-1", "2027-W05-1T09:00:00Z", "2027-031", "2027-031T09:00:00Z", "20270131",
    "20270131T090000Z", "2027-1-31", "31.01.2027", "01/31/2027", "2027-01", "2027", "2027-01-31Z",
    "2027-01-31T", "2027-01-31T09Z", "2027-01-31T24:00:00Z", "2027-01-31T23:60:00Z", "2027-01-31T12:00:60Z",
    "2027-01-31T23:59:61Z", "2027-01-31T00:00:00+24:00", "2027-01-31T00:00:00+01:60", "2027-01-31T00:00:00+1",
    "2027-01-31T00:00:00.Z", "2027-01-31T00:00:00 UTC", "2027-01-31T00:00:00[Europe/Berlin]", "10000-01-01",
    "10000-01-01T00:00:00Z", "0000-01-01", "0000-01-01T00:00:00Z", "+2027-01-31", "-2027-01-31",
    "\uff12027-01-31",
    "2027-01-31T09:00", "2027-01-31T09:00:00", "2027-01-31 09:00:00.5",
]  # fmt: skip


def test_what_is_no_time_is_none() -> None:
    """No guessing: weeks, days of the year, dates without hyphens, hours that there are not, and no zone."""
    assert [text for text in NO_TIMES if end_from_iso(text) is not None] == []
    assert [text for text in NO_TIMES if lacks_zone(text)] == NO_TIMES[-3:]


def test_a_date_is_its_end_where_an_end_is_meant() -> None:
    """Who is told "until the 31st" has all of that day; a moment it is not."""
    assert to_iso(end_from_iso(" 2027-01-31 ") or 0) == "2027-01-31T23:59:59.999Z"
    assert from_iso("2027-01-31") is None


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
