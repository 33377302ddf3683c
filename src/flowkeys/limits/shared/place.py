"""Where Valkey or Redis is, as people write it."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

import msgspec

PORT: Final = 6379
FORM: Final = (
    "Give valkey://host:6379/0, rediss://user:password@host for TLS, or unix:///run/valkey/valkey.sock?db=0."
)
_PLAIN: Final = frozenset({"valkey", "redis"})
_TLS: Final = frozenset({"valkeys", "rediss"})


class Place(msgspec.Struct, frozen=True):
    """One server."""

    host: str | None = None
    port: int = PORT
    path: str | None = None
    """Of a Unix socket, instead of host and port."""
    is_tls: bool = False
    user: str | None = None
    password: str | None = None
    database: int = 0

    def __str__(self) -> str:
        """Return it as logs name it: without what opens it."""
        return self.path or f"{self.host}:{self.port}"

    def __repr__(self) -> str:
        """Return the same: a password is never shown."""
        return f"Place({self})"


def places_of(text: str) -> Sequence[Place]:
    """Return the servers of a text: several, separated by commas, are a primary and its replicas.

    Raises:
        ValueError: it cannot be read; the message says what may be written, and never repeats it.
    """
    found = [_place(part.strip()) for part in text.split(",")]
    if len({place.database for place in found}) > 1:
        raise ValueError("the servers are a primary and its replicas: give the same database number for all")
    return found


def _place(text: str) -> Place:
    parts = urlsplit(text)
    user = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if parts.scheme == "unix":
        if not parts.path.startswith("/"):
            raise ValueError(f"a Unix socket needs its whole path. {FORM}")
        number = parse_qs(parts.query).get("db", ["0"])[-1]
        return Place(path=unquote(parts.path), user=user, password=password, database=_database(number))
    if parts.scheme not in _PLAIN | _TLS or not parts.hostname or parts.query or parts.fragment:
        raise ValueError(FORM)
    return Place(
        host=parts.hostname,
        port=_port(parts),
        is_tls=parts.scheme in _TLS,
        user=user,
        password=password,
        database=_database(parts.path.strip("/") or "0"),
    )


def _port(parts: SplitResult) -> int:
    try:
        return parts.port or PORT
    except ValueError:
        raise ValueError(f"the port is no number. {FORM}") from None


def _database(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 4):  # noqa: PLR2004  # digits
        raise ValueError(f"the database is no number. {FORM}")
    return int(text)
