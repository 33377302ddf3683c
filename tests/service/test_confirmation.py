"""What was in use a few days ago is ended by whoever types its name."""

import unicodedata

import pytest

from flowkeys.domain.errors import InvalidInput
from flowkeys.service.forms.confirmation import RECENT, require_count, require_name, used_recently

NOW = 10 * RECENT
NAME = "Café 😀 backend"


@pytest.mark.parametrize("typed", [NAME, f"  {NAME}\n", unicodedata.normalize("NFD", NAME)])
def test_the_name_is_the_name_however_it_is_typed(typed: str) -> None:
    """Keyboards put accents together in two ways, and copying brings spaces along."""
    require_name(NAME, typed, NOW - 1, NOW)


@pytest.mark.parametrize("typed", ["", "cafe", NAME.lower(), NAME[:-1]])
def test_anything_else_is_refused_beside_the_field(typed: str) -> None:
    """One letter off is another key."""
    with pytest.raises(InvalidInput) as refused:
        require_name(NAME, typed, NOW - RECENT, NOW)
    assert [error.field for error in refused.value.errors] == ["confirm"]


@pytest.mark.parametrize("last_used_at", [None, NOW - RECENT - 1])
def test_what_nobody_used_for_a_week_needs_no_name(last_used_at: int | None) -> None:
    """A question that is asked each time is answered without reading it."""
    require_name(NAME, "", last_used_at, NOW)
    assert not used_recently(last_used_at, NOW)


def test_a_week_is_seven_days_exactly() -> None:
    """To the microsecond, the last moment included."""
    assert used_recently(NOW - RECENT, NOW)


@pytest.mark.parametrize("typed", ["", "2", "03", "three"])
def test_several_things_end_by_their_number_when_one_of_them_was_used(typed: str) -> None:
    """Whoever types it has seen how many they are."""
    last_used = [None, NOW - 1, NOW - RECENT - 1]
    require_count(3, " 3\n", last_used, NOW)
    with pytest.raises(InvalidInput) as refused:
        require_count(3, typed, last_used, NOW)
    assert [error.field for error in refused.value.errors] == ["confirm"]


def test_several_things_that_nobody_used_for_a_week_need_no_number() -> None:
    """As with the name of one."""
    require_count(2, "", [None, NOW - RECENT - 1], NOW)
