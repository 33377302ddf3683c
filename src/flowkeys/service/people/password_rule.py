"""The rule for passwords: long enough, and nothing else (NIST SP 800-63B, section 3.1.1)."""

import unicodedata
from typing import Final

from flowkeys.domain.errors import InvalidInput

SHORTEST: Final = 12
LONGEST: Final = 256
_NORMALIZED_AT_MOST: Final = 4 * LONGEST
"""Characters; a longer text cannot become a legal password, and is not worth the work of normalising it."""


def normalized(password: str) -> str:
    """Return the form in which a password is hashed, whichever keyboard it was typed on.

    What is too long to be one becomes empty, which no password is.
    """
    if len(password) > _NORMALIZED_AT_MOST:
        return ""
    return unicodedata.normalize("NFC", password)


def checked(password: str, email: str, field: str = "password") -> str:
    """Return a new password, normalised.

    Raises:
        InvalidInput: naming `field`: it is too short, too long, or the person's address.
    """
    found = normalized(password)
    if len(password) > _NORMALIZED_AT_MOST or len(found) > LONGEST:
        raise InvalidInput.of(field, f"Choose a password of at most {LONGEST} characters.")
    if len(found) < SHORTEST:
        raise InvalidInput.of(
            field, f"Choose a password of at least {SHORTEST} characters. A few words in a row are fine."
        )
    if found.strip().casefold() == email:
        raise InvalidInput.of(field, "Choose a password that is not your email address.")
    return found
