"""What is handed on of a model server's refusal, and what is kept out of the log."""

import pytest

from flowkeys.flows.models.failures import MOST_SECONDS, loggable, read_retry_after

NOON = "Mon, 30 Nov 2026 12:00:00 GMT"
WAITS = {
    "7": 7, "0": 1, "1.2": 2, " 5 ": 5, "0.0": 1, "999999999999999999999": MOST_SECONDS,
    "-1": None, "": None, "soon": None, "1e3": None,
    "7s": 7, "1.5 seconds": 2, "+7": 7, "2026-11-30T12:00:09Z": 9, "7 days": None,
    "inf": None, "nan": None, "٣": None,
    "Mon, 30 Nov 2026 12:00:09 GMT": 9, "Monday, 30-Nov-26 12:00:09 GMT": 9, "Mon Nov 30 12:00:09 2026": 9,
    "Mon, 30 Nov 2026 13:00:09 +0100": 9, "Mon, 30 Nov 2026 11:00:00 GMT": 1,
    "Fri, 31 Dec 9999 23:59:59 GMT": MOST_SECONDS, "Mon, 99 Nov 2026 12:00:00 GMT": None, "12:00": None,
}  # fmt: skip


def test_a_wait_is_read_as_the_standard_writes_it() -> None:
    """Seconds, or a date in HTTP's three forms, by the answer's own clock; at least 1, at most a day."""
    found = {value: read_retry_after({"Retry-After": value, "Date": NOON}) for value in WAITS}
    assert found == WAITS
    assert read_retry_after({}) is None
    assert read_retry_after({"retry-after-ms": "1500"}) == 2
    assert read_retry_after({"retry-after-ms": "1500", "Retry-After": "7"}) == 7
    assert read_retry_after({"retry-after-ms": "soon"}) is None
    assert read_retry_after({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT", "Date": "?"}) == MOST_SECONDS


@pytest.mark.parametrize(
    ("said", "logged"),
    [
        ("No such model: llama-3", "No such model: llama-3"),
        ("a\nb\r\n\tc\x1b[31m\0", "a b c [31m"),
        ("<html><head><style>p {}</style></head><h1>502 Bad Gateway</h1></html>", "502 Bad Gateway"),
        ("x < 5 &amp; y", "x < 5 & y"),
        ("Bearer abc.def", "…"),
        ("key sk-abc123def456 of AIzaSyA1234567890", "key … of …"),
        ("", ""),
    ],
)
def test_what_a_server_said_is_one_short_line(said: str, logged: str) -> None:
    """Without what steers a terminal, tags, and what looks like a key of anybody."""
    assert loggable(said, None) == logged


def test_a_line_is_short_and_the_key_is_out_of_it_before_it_is_cut() -> None:
    """A key at the cut would leave its half."""
    for at in range(480, 505):
        line = loggable("x " * (at // 2) + "abcdefghijkl", "abcdefghijkl")
        assert len(line) <= 500
        assert "abc" not in line
    assert loggable("it is p4ss", "p4ss") == "it is …"
    assert loggable("İ abcdefgh", "abcdefgh") == "İ …"
