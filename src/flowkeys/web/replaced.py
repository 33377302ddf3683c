"""What answers to calls with a replaced token say of it: since when it is, and when it ends.

``Deprecation`` (RFC 9745) is a date as structured fields have it, ``@`` and seconds; ``Sunset`` (RFC 8594) is
one as HTTP has it (RFC 9110 section 5.6.7). Programs that nobody looks at learn from them that it is time.
"""

from email.utils import formatdate
from functools import lru_cache
from typing import Final

from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.times import SECOND

_REMEMBERED: Final = 1024

RawHeaders = tuple[tuple[bytes, bytes], ...]


def headers_of(record: KeyRecord) -> RawHeaders:
    """Return the headers for a call with a replaced token; none for one whose end was set by hand."""
    replaced = record.replaced
    if replaced is None or replaced.at is None:
        return ()
    expires_at = record.expires_at
    until = replaced.valid_until
    return _headers(replaced.at, until if expires_at is None else min(until, expires_at))


@lru_cache(_REMEMBERED)
def _headers(at: int, until: int) -> RawHeaders:
    return (
        (b"deprecation", b"@%d" % (at // SECOND)),
        (b"sunset", formatdate(until // SECOND, usegmt=True).encode("ascii")),
    )
