"""The token: the secret string that a program presents, and nothing else.

Format: ``fl-`` + 26 random base62 characters (154 bits) + 6 base62 characters of CRC-32 over the 26,
most significant first, left-padded with ``0``. The checksum refuses a typo or random garbage without a
look-up and lets secret scanners match almost without false positives; it is no protection by itself.
"""

import re
import secrets
from typing import Final, Self
from zlib import crc32

PREFIX: Final = "fl-"
ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
RANDOM_LENGTH: Final = 26
CHECKSUM_LENGTH: Final = 6
LENGTH: Final = len(PREFIX) + RANDOM_LENGTH + CHECKSUM_LENGTH
HINT_LENGTH: Final = 4

PATTERN: Final = re.compile(r"fl-[0-9A-Za-z]{32}")
"""Finds a token inside other text; use `Token.parse` to decide whether a text is one."""

_MASK = "•" * 18
_PREFIX_BYTES: Final = PREFIX.encode("ascii")
_PREFIX_LENGTH: Final = len(PREFIX)
_PAIRS: Final = [(first + second).encode("ascii") for first in ALPHABET for second in ALPHABET]
_PAIR: Final = len(_PAIRS)


class Token:
    """A well-formed token, checksum included. Its ``repr`` and ``str`` never show it; `reveal` does."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        """Wrap a text that is known to be well formed; `parse` and `mint` are the ways to a token."""
        self._text = text

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the token that `text` is, or None for any other text, a wrong checksum included."""
        return cls(text) if text.isascii() and is_well_formed(text.encode("ascii")) else None

    @classmethod
    def mint(cls) -> Self:
        """Return a new token, its randomness from the operating system's generator."""
        body = _base62(secrets.randbelow(62**RANDOM_LENGTH), RANDOM_LENGTH)
        return cls(PREFIX + body + checksum(body))

    def reveal(self) -> str:
        """Return the secret itself: for hashing it, and for the one answer that shows it."""
        return self._text

    @property
    def hint(self) -> str:
        """The last four characters, by which people tell keys apart."""
        return self._text[-HINT_LENGTH:]

    def __repr__(self) -> str:
        return "Token(fl-…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Token) and secrets.compare_digest(self._text, other._text)

    def __hash__(self) -> int:
        return hash(self._text)


def mask(hint: str) -> str:
    """Return what lists show in a token's place, for example ``fl-••••••••••••••••••a1B2``."""
    return f"{PREFIX}{_MASK}{hint}"


def conceal(text: str) -> str:
    """Return `text` with nothing in it that looks like a token."""
    return PATTERN.sub(f"{PREFIX}…", text) if PREFIX in text else text


def checksum(body: str) -> str:
    """Return the six base62 characters of CRC-32 over the 26 random ones."""
    return _checksum(body.encode("ascii")).decode("ascii")


def is_well_formed(text: bytes) -> bool:
    """Tell whether bytes are a token: its shape, and its checksum."""
    return (
        len(text) == LENGTH
        and text[:_PREFIX_LENGTH] == _PREFIX_BYTES
        and text[_PREFIX_LENGTH:].isalnum()
        and _checksum(text[_PREFIX_LENGTH:-CHECKSUM_LENGTH]) == text[-CHECKSUM_LENGTH:]
    )


def _checksum(body: bytes) -> bytes:
    # Two digits at a time: garbage is refused by this, and often.
    rest, last = divmod(crc32(body), _PAIR)
    first, middle = divmod(rest, _PAIR)
    return _PAIRS[first] + _PAIRS[middle] + _PAIRS[last]


def _base62(value: int, length: int) -> str:
    """Return `value` in `length` base62 digits, most significant first, left-padded with ``0``."""
    digits = []
    for _ in range(length):
        value, remainder = divmod(value, 62)
        digits.append(ALPHABET[remainder])
    return "".join(reversed(digits))
