"""What a password may be."""

import pytest

from flowkeys.domain.errors import InvalidInput
from flowkeys.service.people.password_rule import checked, normalized

EMAIL = "ada.lovelace@example.com"


@pytest.mark.parametrize("password", ["x" * 12, "x" * 256, "            .", "пароль пароль", "🐎" * 12])
def test_length_is_all_that_is_asked(password: str) -> None:
    """Given 12 to 256 characters of any kind, the password is taken as it is."""
    assert checked(password, EMAIL) == password


@pytest.mark.parametrize("password", ["", "x" * 11, "x" * 257, "x" * 100_000])
def test_what_is_too_short_or_too_long_is_refused(password: str) -> None:
    """The error names the field that the form has."""
    with pytest.raises(InvalidInput) as caught:
        checked(password, EMAIL, "newPassword")
    assert [error.field for error in caught.value.errors] == ["newPassword"]


@pytest.mark.parametrize("password", [EMAIL, "Ada.Lovelace@EXAMPLE.com", f" {EMAIL} "])
def test_the_address_is_no_password(password: str) -> None:
    """It is the first thing that anybody tries."""
    with pytest.raises(InvalidInput, match="not your email"):
        checked(password, EMAIL)


def test_one_password_typed_on_two_keyboards_is_the_same() -> None:
    """Given an accent that one keyboard sends by itself and another with its letter, both normalise alike."""
    assert normalized("cafe\u0301 cafe\u0301 cafe") == normalized("caf\u00e9 caf\u00e9 cafe")


def test_length_counts_characters_after_they_are_put_together() -> None:
    """Given eleven letters with accents sent apart, it is eleven characters, not twenty-two."""
    with pytest.raises(InvalidInput):
        checked("e\u0301" * 11, EMAIL)


def test_no_error_repeats_the_password() -> None:
    """Errors are shown and logged."""
    with pytest.raises(InvalidInput) as caught:
        checked("short-hush", EMAIL)
    assert "hush" not in str(caught.value)
