"""Segments of the chain, and where the key of each comes from.

A segment's key is derived from the server secret that was the newest when the segment began. When another
secret becomes the newest, a new segment begins under it, and the keys of the older ones are kept with the
rows, encrypted under the newest: so all of it can be verified when the old secret is gone, and neither can
be written anew by somebody who has the old secret and not the new one.
"""

import hmac
from collections.abc import Callable
from typing import Final

import msgspec

from flowkeys.domain.audit.chain import ChainKey

Derive = Callable[[str, bytes], bytes | None]
"""Gives 32 bytes for the id of a server secret and a purpose, or None when there is no such secret."""

_KEY: Final = b"flowkeys audit chain v1"
_KEEP: Final = b"flowkeys audit kept key v1"
_TAG_BYTES: Final = 32
_KEPT_BYTES: Final = 64


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the chain that was sealed under one key."""

    id: int
    secret_id: str
    """Of the secret that its key is derived from."""
    found_to: int = 0
    """The last row that was there already when the chain began; what it vouches for is how rows up to there
    stood then. The key depends on it."""
    begun_at: int
    kept_under: str
    """Of the secret that is needed to have the key."""
    kept: bytes | None = None
    """The key, encrypted under the secret `kept_under`; None: it is derived from it."""


def key_of(segment: Segment, derive: Derive) -> ChainKey | None:
    """Return a segment's key, or None when it cannot be had with these secrets."""
    if segment.kept is None:
        key = derive(segment.kept_under, _purpose(segment))
    else:
        keeper = derive(segment.kept_under, _KEEP)
        key = None if keeper is None else _decrypt(keeper, _about(segment), segment.kept)
    return None if key is None else ChainKey(segment.id, key)


def kept_under(segment: Segment, key: ChainKey, secret_id: str, derive: Derive) -> Segment:
    """Return the segment with its key kept under another secret, which is known."""
    keeper = derive(secret_id, _KEEP)
    assert keeper is not None
    kept = None if secret_id == segment.secret_id else _encrypt(keeper, _about(segment), key.key)
    return msgspec.structs.replace(segment, kept_under=secret_id, kept=kept)


def _purpose(segment: Segment) -> bytes:
    return b"%s segment %d found to %d" % (_KEY, segment.id, segment.found_to)


def _about(segment: Segment) -> bytes:
    return b"%s of %s" % (_purpose(segment), segment.secret_id.encode())


def _encrypt(keeper: bytes, about: bytes, key: bytes) -> bytes:
    """Encrypt a key so that it is known again: SIV (RFC 5297, section 2.6) with HMAC-SHA-256 for its parts.

    Of 32 bytes that are random themselves no nonce is needed, and one block of the generator is enough.
    """
    tag = hmac.digest(keeper, b"tag" + len(about).to_bytes(4, "big") + about + key, "sha256")
    return tag + _mask(keeper, tag, key)


def _decrypt(keeper: bytes, about: bytes, kept: bytes) -> bytes | None:
    if len(kept) != _KEPT_BYTES:
        return None
    tag = kept[:_TAG_BYTES]
    key = _mask(keeper, tag, kept[_TAG_BYTES:])
    return key if hmac.compare_digest(_encrypt(keeper, about, key), kept) else None


def _mask(keeper: bytes, tag: bytes, text: bytes) -> bytes:
    pad = hmac.digest(keeper, b"pad" + tag, "sha256")
    return bytes(a ^ b for a, b in zip(text, pad, strict=True))
