"""What holding some permissions means for others."""

import pytest

from flowkeys.domain.permissions import ALL, GROUPS, KNOWN, with_implied_views

OWNER = frozenset({ALL})


@pytest.mark.parametrize("group", [group for group, verbs in GROUPS.items() if "view" in verbs])
def test_every_verb_of_a_group_implies_seeing_it(group: str) -> None:
    """A key that may change keys and not see them is a mistake in a form, not a wish."""
    for verb in GROUPS[group]:
        assert with_implied_views([f"{group}:{verb}"], OWNER) == {f"{group}:{verb}", f"{group}:view"}


@pytest.mark.parametrize("name", ["templates:custom", "users:manage", ALL])
def test_where_there_is_nothing_to_view_nothing_is_added(name: str) -> None:
    """No name is made up: some groups have no ``view``, and ``*`` belongs to none."""
    assert with_implied_views([name], OWNER) == {name}


def test_nothing_is_added_that_the_giver_lacks() -> None:
    """Whoever may create keys and not see them gives just that."""
    assert with_implied_views(["apikeys:create"], frozenset({"apikeys:create"})) == {"apikeys:create"}


def test_no_permission_is_lost_or_made_up() -> None:
    """Everything that was there is there, and everything that is there is a permission."""
    assert with_implied_views(KNOWN, OWNER) == KNOWN
    assert with_implied_views(["no:such"], OWNER) == {"no:such"}
