"""Another header than ``Authorization`` as the one place of a key: for applications that need that one.

It holds the bare token, as ``X-API-Key: fl-…``. ``Authorization`` passes untouched: it is never verified,
and looked at only for a token of ours, meant for the other header.
"""

import re
from collections.abc import Iterable
from typing import Final, Self

import msgspec

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.keys.bearer import B64TOKEN, TOKEN
from flowkeys.domain.keys.decision import Denied, Reason
from flowkeys.domain.keys.pasted import malformed

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
"""Of RFC 9110's tokens those that every proxy takes: an underscore, for one, makes nginx drop a header."""
_TAKEN: Final = frozenset(
    {
        *(
            "authorization",
            "proxy-authorization",
            "cookie",
            "set-cookie",
            "host",
            "origin",
            "referer",
            "connection",
        ),
        *(
            "content-length",
            "content-type",
            "content-encoding",
            "transfer-encoding",
            "te",
            "trailer",
            "upgrade",
        ),
        *("expect", "accept", "accept-encoding", "accept-language", "user-agent", "forwarded", "via", "date"),
        *("x-request-id", "x-real-ip", "www-authenticate", "cache-control", "keep-alive", "range", "vary"),
    }
)
_TAKEN_PREFIXES: Final = ("x-auth-", "x-forwarded-", "x-original-", "sec-", "access-control-")


class KeyHeader(msgspec.Struct, frozen=True):
    """The name of the header that keys come in, and how it is read."""

    name: str
    """As the operator wrote it."""
    wire_name: bytes
    """As it is compared with that of each header of a request: in lower case."""

    @classmethod
    def named(cls, name: str | None) -> Self | None:
        """Return the header of that name, or None: keys come in ``Authorization``.

        Raises:
            ConfigurationError: no header may have this name, or it means something else already.
        """
        name = (name or "").strip()
        lower = name.lower()
        if lower in {"", "authorization"}:
            return None
        if not _NAME.fullmatch(name):
            raise ConfigurationError(
                "The key header is a name such as X-API-Key: letters, digits and hyphens."
            )
        if lower in _TAKEN or lower.startswith(_TAKEN_PREFIXES):
            raise ConfigurationError(f"{name} means something else already. Choose a name such as X-API-Key.")
        return cls(name, lower.encode("ascii"))

    def read(self, headers: Iterable[tuple[bytes, bytes]]) -> bytes | Denied:
        """Return what a request presents as its token, well formed or not, or why it presents nothing.

        `headers` are pairs of a lower-case name and a value.
        """
        wanted = self.wire_name
        found: bytes | None = None
        for name, value in headers:
            if name == wanted:
                if found is not None:
                    return self._malformed(f"There are two {self.name} headers.")
                found = value
            elif name == b"authorization" and TOKEN.search(value):
                return self._malformed(
                    "A key was sent in the Authorization header, which is not its place here."
                )
        if found is None:
            return Denied(Reason.MISSING_CREDENTIALS, detail=f"No credential was sent. {self._where}")
        return self._parse(found.strip(b" \t"))

    def _parse(self, value: bytes) -> bytes | Denied:
        if not value:
            return self._malformed(f"The {self.name} header is empty.")
        if value[:7].lower() == b"bearer ":
            return self._malformed(f"The {self.name} header holds the key alone, without Bearer.")
        if not B64TOKEN.fullmatch(value):
            why = malformed(value) or ""
            return self._malformed(f"The {self.name} header does not hold exactly one key. {why}".rstrip())
        return value

    @property
    def _where(self) -> str:
        return f"Send the key as: {self.name}: fl-…"

    def _malformed(self, what: str) -> Denied:
        return Denied(Reason.INVALID_REQUEST, detail=f"{what} {self._where}")
