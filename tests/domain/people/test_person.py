"""Addresses of people, what roles hold, and secrets that do not show themselves."""

import pytest

from flowkeys.domain.people.person import MEMBER_PERMISSIONS, VIEWER_PERMISSIONS, Role, clean_email, held_by
from flowkeys.domain.people.random_secret import RandomSecret
from flowkeys.domain.permissions import KNOWN


@pytest.mark.parametrize(
    ("typed", "email"),
    [
        ("ada@example.com", "ada@example.com"),
        ("  Ada@EXAMPLE.com\n", "ada@example.com"),
        ("ada+keys@localhost", "ada+keys@localhost"),
        ("zoe\u0308@example.com", "zo\u00eb@example.com"),
        ("a" * 248 + "@x.org", "a" * 248 + "@x.org"),
    ],
)
def test_an_address_is_trimmed_and_folded(typed: str, email: str) -> None:
    """Given one address typed in two ways, it is one address."""
    assert clean_email(typed) == email


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "@",
        "ada",
        "ada@",
        "@example.com",
        "a@b@c",
        "a b@c",
        "a\x00@b",
        "a\u200b@b",
        "a@b\u2028c",
        "\ud800@b",
    ],
)
def test_what_cannot_be_an_address_is_none(typed: str) -> None:
    """One `@` with something on both sides, nothing that cannot be seen, at most 254 characters."""
    assert clean_email(typed) is None


def test_each_role_holds_less_than_the_one_above() -> None:
    """A viewer changes nothing, a member manages no people, and only an owner holds everything."""
    assert VIEWER_PERMISSIONS < MEMBER_PERMISSIONS < KNOWN
    assert all(name.endswith(":view") for name in VIEWER_PERMISSIONS)
    assert not {"users:manage", "*"} & MEMBER_PERMISSIONS
    assert held_by(Role.OWNER, frozenset()) == {"*"}


def test_a_viewer_holds_no_more_than_a_viewer_whatever_was_given() -> None:
    """Given permissions left over from another role, they count for members only."""
    assert held_by(Role.VIEWER, frozenset({"apikeys:delete"})) == VIEWER_PERMISSIONS
    assert held_by(Role.MEMBER, frozenset()) == set()


def test_a_secret_has_256_random_bits_and_does_not_show_itself() -> None:
    """Given a thousand, all differ; none is in what a log would print."""
    made = [RandomSecret.mint() for _ in range(1000)]
    assert len({one.reveal() for one in made}) == 1000
    assert {len(one.reveal()) for one in made} == {43}
    assert {repr(one) for one in made} == {str(one) for one in made} == {"RandomSecret(…)"}


def test_what_is_stored_of_a_secret_is_its_hash() -> None:
    """A digest says nothing of the secret, and is no secret itself."""
    secret = RandomSecret.mint()
    assert RandomSecret.parse(secret.reveal()) == secret
    assert secret.reveal() not in secret.digest()
    assert RandomSecret.parse(secret.digest()) is None
