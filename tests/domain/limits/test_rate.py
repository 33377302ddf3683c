"""Rate limits as people write them."""

import pytest

from flowkeys.domain.limits.quota import parse_quotas
from flowkeys.domain.limits.rate import MAX_LIMITS, clean_limits, parse_limit, parse_limits

WRITTEN = {
    "10/second": (10, 1, 10, "second"),
    "10 / s": (10, 1, 10, "second"),
    "10 per second": (10, 1, 10, "second"),
    "1000/day": (1000, 86_400, 1000, "day"),
    "5/30s": (5, 30, 5, "30s"),
    "7/30 seconds": (7, 30, 7, "30s"),
    "60/min": (60, 60, 60, "minute"),
    "60/minutes": (60, 60, 60, "minute"),
    "1/2h": (1, 7200, 1, "2h"),
    "1/90m": (1, 5400, 1, "90m"),
    "3/week": (3, 604_800, 3, "week"),
    "3/30d": (3, 2_592_000, 3, "30d"),
    "10/second burst 20": (10, 1, 20, "second"),
    "10/SECOND BURST 2": (10, 1, 2, "second"),
}
WRONG = (
    *("", "10", "10/", "/second", "ten/second", "10/month", "10/0s", "0/second", "-1/second", "1.5/second"),
    *(
        "10/second burst 0",
        "10/second burst",
        "10/367d",
        "9999999999/second",
        "\u0661\u0660/second",
        "10/second 20",
    ),
    "10//second",
)


@pytest.mark.parametrize(("text", "expected"), WRITTEN.items())
def test_a_text_is_a_limit(text, expected):
    """What people write is read, and what is shown can be written again."""
    found = parse_limit(text)
    assert (found.limit, found.window_seconds, found.burst, found.name) == expected
    assert parse_limit(str(found)) == found


@pytest.mark.parametrize("text", WRONG)
def test_another_text_is_none(text):
    """A limit is never guessed at, and the message says what to do."""
    with pytest.raises(ValueError, match=r"Write a limit as|whole number from 1"):
        parse_limit(text)


@pytest.mark.parametrize("parse", [parse_limits, parse_quotas])
@pytest.mark.parametrize("text", [",", " , ", "9/30d,", ",9/30d", "9/30d,,8/7d"])
def test_a_comma_with_nothing_beside_it_is_no_limit_left_out(parse, text):
    """A script that writes ``"$A,$B"`` of empty variables would make an unlimited key."""
    with pytest.raises(ValueError, match=r"^'.*' is no"):
        parse([text])
    assert parse([" "]) == parse([]) == ()


def test_several_have_names_of_their_own():
    """Answers name each limit: no two have one name."""
    found = parse_limits(["10/second, 100/second", "1000/day"])
    assert [rate.name for rate in found] == ["second", "second-2", "day"]
    assert [str(rate) for rate in found] == ["10/second", "100/second", "1000/day"]


def test_names_are_of_ascii_and_differ():
    """A name stands in a header: what cannot is refused by its reason."""
    found = clean_limits([(10, 1, None, None), (5, 60, 7, "second"), (1, 1, None, "A-b_1")])
    assert [rate.name for rate in found] == ["second-2", "second", "A-b_1"]
    assert clean_limits([(r.limit, r.window_seconds, r.burst, r.name) for r in found]) == found
    for name in ("größe", "", " a", "a b", 'a"b', "-a", "a-", "a" * 33, "a\n"):
        with pytest.raises(ValueError, match="no name of a limit"):
            clean_limits([(1, 1, None, name)])
    with pytest.raises(ValueError, match="Two limits are named a"):
        clean_limits([(1, 1, None, "a"), (2, 60, None, "a")])


def test_there_is_a_most():
    """Each limit costs every call something."""
    many = [(1, n + 1, None, None) for n in range(MAX_LIMITS)]
    assert len(clean_limits(many)) == MAX_LIMITS
    with pytest.raises(ValueError, match="at most"):
        clean_limits([*many, (1, 100, None, None)])
    with pytest.raises(ValueError, match="at most"):
        parse_limits([f"1/{n + 1}s" for n in range(MAX_LIMITS + 1)])
    for wrong in ((0, 1, None, None), (1, 0, None, None), (1, 1, 0, None), (True, 1, None, None)):
        with pytest.raises(ValueError, match="whole number"):
            clean_limits([wrong])
