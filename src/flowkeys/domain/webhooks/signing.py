"""How a message is signed, as Standard Webhooks says (https://www.standardwebhooks.com, version 1 symmetric).

The secret is ``whsec_`` and the base64 of 24 to 64 random bytes. Signed with HMAC-SHA-256 (RFC 2104) is
``id.timestamp.body``; the header has a signature for each secret that is valid, ``v1,`` before each.
"""

import binascii
import hmac
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Final, Self

PREFIX: Final = "whsec_"
_BYTES: Final = 32


class SigningSecret:
    """A webhook's secret. Its ``repr`` and ``str`` never show it; `reveal` does."""

    __slots__ = ("_key",)

    def __init__(self, key: bytes) -> None:
        """Wrap the bytes; `mint` and `parse` are the ways to a secret."""
        self._key = key

    @classmethod
    def mint(cls) -> Self:
        """Return a new secret, its randomness from the operating system's generator."""
        return cls(secrets.token_bytes(_BYTES))

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """Return the secret that `text` is, or None when it is none."""
        try:
            key = b64decode(text.removeprefix(PREFIX), validate=True)
        except (binascii.Error, ValueError):
            return None
        return cls(key) if text.startswith(PREFIX) and key else None

    def reveal(self) -> str:
        """Return the secret as receivers take it: shown once, and encrypted."""
        return PREFIX + b64encode(self._key).decode()

    def signature(self, message_id: str, timestamp: int, body: bytes) -> str:
        """Return the signature of a message sent at `timestamp`, in seconds since 1970."""
        signed = b"%s.%d.%s" % (message_id.encode(), timestamp, body)
        return "v1," + b64encode(hmac.digest(self._key, signed, "sha256")).decode()

    def __repr__(self) -> str:
        return "SigningSecret(…)"


def headers(
    valid: Sequence[SigningSecret], message_id: str, timestamp: int, body: bytes
) -> tuple[tuple[str, str], ...]:
    """Return the headers by which a receiver knows a message, signed with each of the secrets."""
    return (
        ("webhook-id", message_id),
        ("webhook-timestamp", str(timestamp)),
        ("webhook-signature", " ".join(each.signature(message_id, timestamp, body) for each in valid)),
    )
