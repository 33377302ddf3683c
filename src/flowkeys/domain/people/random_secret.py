"""The secret of a sign-in or of a link: 256 random bits that a browser presents, and nothing else.

A plain SHA-256 of it is stored: nobody can try 2^256 texts, so that a slow or keyed hash would add nothing.
"""

import re
import secrets
from hashlib import sha256
from typing import Final, Self

_BYTES: Final = 32
_PATTERN: Final = re.compile(r"[0-9A-Za-z_-]{43}")


class RandomSecret:
    """A secret of 43 base64url characters. Its ``repr`` and ``str`` never show it; `reveal` does."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Wrap a text that is known to be well formed; `parse` and `mint` are the ways to a secret."""
        self._text = text

    @classmethod
    def mint(cls) -> Self:
        """Return a new secret, its randomness from the operating system's generator."""
        return cls(secrets.token_urlsafe(_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the secret that `text` is, or None for any text that cannot be one."""
        return cls(text) if _PATTERN.fullmatch(text) else None

    def reveal(self) -> str:
        """Return the secret itself: for the cookie or the link, once."""
        return self._text

    def digest(self) -> str:
        """Return what is stored of it: the SHA-256, 64 hexadecimal digits."""
        return sha256(self._text.encode("ascii")).hexdigest()

    def __repr__(self) -> str:
        return "RandomSecret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RandomSecret) and secrets.compare_digest(self._text, other._text)

    def __hash__(self) -> int:
        return hash(self._text)
