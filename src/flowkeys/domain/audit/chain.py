"""The chain of the audit log: each row is sealed together with the seal of the row before it.

A seal is HMAC-SHA-256 (RFC 2104) over all columns of a row, its key's id among them, and the seal before. So
who can write to the database, and does not have the server secret, can change no row, take none away and
put none in without being found out (docs/adr/0033-audit-chain.md).
"""

import hmac
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import msgspec

from flowkeys.domain.errors import InvalidInput

COLUMNS: Final = (
    "seq", "workspace_id", "at", "actor_type", "actor_id", "actor_name", "action", "subject", "subject_id",
    "address", "request_id", "before", "after", "segment",
)  # fmt: skip
"""What a seal covers, in this order. Another list is another form of the chain, with keys of its own."""

SEAL_BYTES: Final = 32
NOTHING: Final = b""
"""What stands for the seal before the first row."""

_SEPARATOR: Final = ":"
_encoder: Final = msgspec.msgpack.Encoder()


class ChainKey(NamedTuple):
    """What seals the rows of one segment; its ``repr`` shows no key."""

    segment: int
    key: bytes

    def __repr__(self) -> str:
        return f"ChainKey(segment={self.segment})"

    def seal(self, before: bytes, values: Sequence[Any]) -> bytes:
        """Return the seal of a row with these `values` of `COLUMNS`, behind the row with the seal `before`.

        MessagePack, since it says of which type each value is and how long: no two rows are encoded alike.
        """
        return hmac.digest(self.key, _encoder.encode((before, *values)), "sha256")


class Head(NamedTuple):
    """The end of the chain: its last row and that row's seal. Kept elsewhere, it shows a cut end."""

    seq: int
    seal: bytes

    def __str__(self) -> str:
        """Return it as people keep it."""
        return f"{self.seq}{_SEPARATOR}{self.seal.hex()}"


EMPTY: Final = Head(0, NOTHING)


def read_head(text: str) -> Head:
    """Return the head that somebody kept.

    Raises:
        InvalidInput: it is none.
    """
    number, _, digits = text.strip().partition(_SEPARATOR)
    try:
        found = Head(int(number), bytes.fromhex(digits))
    except ValueError:
        found = EMPTY
    if found.seq < 1 or len(found.seal) != SEAL_BYTES or str(found) != text.strip().lower():
        raise InvalidInput.of(
            "head", "This is no head. It is a number, a colon and 64 digits, as `flowkeys audit head` prints."
        )
    return found
