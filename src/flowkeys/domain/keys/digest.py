"""What is stored of a token: a keyed hash that names its algorithm and the secret it was made under.

``hmac-sha256$<secret id>$<hex>``: HMAC-SHA-256 (RFC 2104) under a key derived from the server secret with
HKDF-SHA-256 (RFC 5869). A fast hash is right for 154 random bits; the key means that whoever can write to
the database still cannot mint a token.
"""

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NewType

import msgspec

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.token import Token

TokenDigest = NewType("TokenDigest", str)
"""The stored, tagged form. It never authenticates: only a `Token` can be verified."""

ALGORITHM: Final = "hmac-sha256"
MINIMUM_SECRET_LENGTH: Final = 32

_BLOCK_BYTES: Final = 64
"""Of SHA-256; the derived keys are 32 bytes, so they are padded and never hashed first."""
_SALT = b"flowkeys"
_KEY_INFO = b"flowkeys token digest v1"
_ID_INFO = b"flowkeys secret id v1"


class Digests(msgspec.Struct, frozen=True):
    """A token's digest under every known secret, the newest first."""

    all: tuple[TokenDigest, ...]

    @property
    def newest(self) -> TokenDigest:
        """The digest that is stored from now on."""
        return self.all[0]


class _Keyed:
    """HMAC-SHA-256 under one key (RFC 2104), its two halves begun once: half the time of `hmac`'s copy."""

    __slots__ = ("_inner", "_outer")

    def __init__(self, key: bytes) -> None:
        padded = key.ljust(_BLOCK_BYTES, b"\0")
        self._inner = sha256(bytes(byte ^ 0x36 for byte in padded))
        self._outer = sha256(bytes(byte ^ 0x5C for byte in padded))

    def digest(self, text: bytes) -> bytes:
        inner = self._inner.copy()
        inner.update(text)
        outer = self._outer.copy()
        outer.update(inner.digest())
        return outer.digest()


class TokenHasher:
    """Hashes tokens under the server's secrets: the first of them signs, all of them verify."""

    __slots__ = ("_keyed", "secret_ids")

    def __init__(self, secrets: Sequence[str]) -> None:
        """Derive a key for each of `secrets`, newest first.

        Raises:
            ConfigurationError: there is no secret, or one is shorter than 32 characters.
        """
        if not secrets:
            raise ConfigurationError("There is no server secret. Set FLOWKEYS_SECRET.")
        for secret in secrets:
            if len(secret) < MINIMUM_SECRET_LENGTH:
                raise ConfigurationError(
                    f"A server secret must have at least {MINIMUM_SECRET_LENGTH} characters. "
                    "Make one with: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'"
                )
        self.secret_ids: tuple[str, ...] = tuple(secret_id(secret) for secret in secrets)
        self._keyed = tuple(
            (f"{ALGORITHM}${secret_id(secret)}$", _Keyed(derive(secret, _KEY_INFO))) for secret in secrets
        )

    def digest(self, token: Token) -> Digests:
        """Return the digests of `token`, the newest secret's first."""
        text = token.reveal().encode("ascii")
        found = []
        for tag, keyed in self._keyed:
            found.append(TokenDigest(tag + keyed.digest(text).hex()))
        return Digests(tuple(found))

    def newest(self, text: bytes) -> bytes:
        """Return the 32 bytes of the newest secret's digest of a token's text."""
        return self._keyed[0][1].digest(text)

    @property
    def newest_tag(self) -> str:
        """What the newest secret's digests begin with; 64 hex digits follow."""
        return self._keyed[0][0]


def secret_id(secret: str) -> str:
    """Return the public name of a secret: eight hex characters that tell nothing about it."""
    return derive(secret, _ID_INFO)[:4].hex()


def secret_id_of(digest: TokenDigest) -> str:
    """Return the id of the secret that a stored digest was made under."""
    return digest.split("$", 2)[1]


def derive(secret: str, info: bytes) -> bytes:
    """Return 32 bytes under a secret, others for each purpose: HKDF-SHA-256 (RFC 5869), one block."""
    pseudorandom_key = hmac.digest(_SALT, secret.encode(), "sha256")
    return hmac.digest(pseudorandom_key, info + b"\x01", "sha256")
