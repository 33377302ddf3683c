"""What has the form of a server secret: random text in hex, base64 or base64url, and nothing else."""

import re
from typing import Final

from flowkeys.domain.keys.digest import MINIMUM_SECRET_LENGTH

MAKE_ONE: Final = "python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
_URL_SAFE: Final = re.compile(r"[A-Za-z0-9_-]{32,}={0,2}")
_STANDARD: Final = re.compile(r"[A-Za-z0-9+/]{32,}={0,2}")
_RUN: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_PART: Final = re.compile(r"[A-Za-z0-9]+")
_MADE_HERE: Final = re.compile(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]")
"""32 bytes in base64url: 43 characters, the last of which has two bits to spare."""
_MOSTLY: Final = 0.75
_LONG_RUN: Final = 4
"""So long is, on average, what is of one case or digits in words; in random text it is below two."""
ADVICE: Final = (
    "A secret is 32 or more letters and digits, with - and _ or with + and / (hex, base64, base64url), as "
    f"this makes one: {MAKE_ONE}"
)


def made_here(secret: str) -> bool:
    """Tell whether a secret has the form of those that a server makes, and `MAKE_ONE` too."""
    return _MADE_HERE.fullmatch(secret) is not None


def fault(text: str) -> str | None:
    """Return why a text can be no secret; None: it can."""
    if not text.isascii():
        return "has characters that are not ASCII"
    if not text.isprintable():
        return "has control characters (is the file in UTF-16? Save it as UTF-8)"
    if " " in text:
        return "has blanks, as a comment has"
    if text[0] in "\"'" or text[-1] in "\"'":
        return "is in quotes: write it without"
    if "=" in text.rstrip("="):
        return "is an assignment: write the secret alone"
    if len(text) < MINIMUM_SECRET_LENGTH:
        return f"needs at least {MINIMUM_SECRET_LENGTH} characters"
    if not (_URL_SAFE.fullmatch(text) or _STANDARD.fullmatch(text)):
        return "is neither hex nor base64 nor base64url"
    return _reads_like_words(text)


def _reads_like_words(text: str) -> str | None:
    """Return what tells a path, a rule of dashes, or words between dashes from random text.

    Words are each of one case from dash to dash; in random text that is so of a few short ones.
    What begins with a dash or a slash, as comments and paths do, is looked at more closely.
    """
    parts = _PART.findall(text)
    letters = sum(len(part) for part in parts if not part.isdigit())
    words = sum(len(part) for part in parts if _RUN.fullmatch(part) and not part.isdigit())
    between_dashes = len(parts) > 2 and words > _MOSTLY * letters  # noqa: PLR2004  # two dashes and more
    if not text[0].isalnum():
        mixed = any(c.islower() for c in text) and any(c.isupper() for c in text)
        between_dashes = (
            between_dashes or not mixed or sum(map(len, parts)) > _LONG_RUN * len(_RUN.findall(text))
        )
    return "reads like words or a path" if between_dashes else None
