"""What ends something for good is confirmed by typing its name, when it was in use a few days ago."""

import unicodedata
from collections.abc import Iterable
from typing import Final

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.times import SECOND

RECENT: Final = 7 * 86_400 * SECOND
"""In microseconds. What was used within this time may well be in use still."""
FIELD: Final = "confirm"
_COMPARED: Final = 1000
"""Characters: more than any name has. Normalising takes quadratic time."""


def used_recently(last_used_at: int | None, now: int) -> bool:
    """Tell whether something was used within the last seven days."""
    return last_used_at is not None and now - last_used_at <= RECENT


def require_name(name: str, typed: str, last_used_at: int | None, now: int) -> None:
    """Do nothing when `name` was typed, or when it was not used recently and none needs to be.

    Spaces at the ends do not count, nor how a letter with an accent is put together.

    Raises:
        InvalidInput: naming ``confirm``.
    """
    if used_recently(last_used_at, now) and _plain(typed) != _plain(name):
        raise InvalidInput.of(
            FIELD, "This is not the name. Type it as it is shown, capital letters included."
        )


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text[:_COMPARED]).strip()


def require_count(count: int, typed: str, last_used: Iterable[int | None], now: int) -> None:
    """Do nothing when `count` was typed, or when none of what ends was used recently and nothing needs to be.

    Raises:
        InvalidInput: naming ``confirm``.
    """
    if any(used_recently(moment, now) for moment in last_used) and _plain(typed) != str(count):
        raise InvalidInput.of(FIELD, f"Type {count}, the number of keys, to confirm.")
