"""Names of limits in a setting."""

from flowkeys.domain.limits.names import nobody_has, unknown


def test_a_name_is_known_when_a_limit_has_it_or_would_have_it_by_itself() -> None:
    """Windows, quotas and the second of two limits with one window; not what is merely like them."""
    always = ["second", "day", "week", "30s", "12h", "day-2", "calls-month", "tokens-30d"]
    assert unknown(always, ()) == []
    wrong = ["dya", "days", "60s", "calls-monthly", "calls-400d", "tokens", "per-day", "day-0"]
    assert unknown([*always, *wrong, "strict"], ["strict"]) == sorted(wrong)


def test_those_that_there_are_are_named() -> None:
    """Whoever mistyped one finds the right one."""
    said = nobody_has(["stritc"], ["strict", "day"])
    assert "stritc" in said
    assert said.endswith("of names of their own there are: strict.")
