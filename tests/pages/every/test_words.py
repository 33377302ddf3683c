"""Values in words."""

import pytest

from flowkeys.domain.permissions import GROUPS
from flowkeys.domain.times import SECOND
from flowkeys.web.pages import words

NOW = 1_795_418_000 * SECOND
DAY = 86_400


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0, "just now"),
        (-59, "just now"),
        (-60, "1 minute ago"),
        (-89, "1 minute ago"),
        (-90, "2 minutes ago"),
        (-3569, "59 minutes ago"),
        (-3599, "1 hour ago"),
        (-3600, "1 hour ago"),
        (-26 * 3600, "1 day ago"),
        (-36 * 3600, "2 days ago"),
        (-29 * DAY, "29 days ago"),
        (-30 * DAY, "1 month ago"),
        (-44 * DAY, "1 month ago"),
        (-45 * DAY, "2 months ago"),
        (-89 * DAY, "3 months ago"),
        (-364 * DAY, "1 year ago"),
        (-365 * DAY, "1 year ago"),
        (-729 * DAY, "2 years ago"),
        (30, "in less than a minute"),
        (59, "in less than a minute"),
        (1800 - 1, "in 30 minutes"),
        (3600 - 1, "in 1 hour"),
        (12 * 3600 - 1, "in 12 hours"),
        (DAY - 1, "in 1 day"),
        (7 * DAY - 1, "in 7 days"),
        (14 * DAY - 1, "in 14 days"),
        (30 * DAY - 1, "in 1 month"),
        (60 * DAY - 1, "in 2 months"),
        (90 * DAY, "in 3 months"),
        (90 * DAY - 1, "in 3 months"),
        (180 * DAY - 1, "in 6 months"),
        (365 * DAY - 1, "in 1 year"),
        (730 * DAY - 1, "in 2 years"),
    ],
)
def test_a_time_is_told_in_its_largest_unit(seconds: int, expected: str) -> None:
    """People see how far a time is away without counting."""
    assert words.relative(NOW + seconds * SECOND, NOW) == expected


def test_the_exact_time_names_its_zone() -> None:
    """Nobody has to guess whose midnight is meant."""
    assert words.exact(NOW) == "23 November 2026, 07:13:20 UTC"


def test_permissions_are_told_by_group() -> None:
    """A group of which everything is held is short; one of a single verb names it."""
    held = {"apikeys:view", "apikeys:create", "logs:view"} | {f"chatflows:{v}" for v in GROUPS["chatflows"]}
    assert words.permissions(held) == ["Chatflows: all", "API keys: view, create", "Logs: view"]


def test_holding_everything_is_one_word_and_nothing_is_none() -> None:
    """The owner's permission is not a list of sixty."""
    assert words.permissions({"*"}) == ["Everything"]
    assert words.permissions(()) == []


def test_every_group_of_permissions_has_a_name() -> None:
    """A new group must not show up as its wire name."""
    assert words.GROUP_NAMES.keys() == GROUPS.keys()
