"""Where the data is kept, as the operator writes it: a file, or the URL of a PostgreSQL database."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from flowkeys.client.http.environment import expanded

_SQLITE: Final = "sqlite:///"
_POSTGRES: Final = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://")
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WHAT: Final = "give a path, sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_ENCODED: Final = "a password with @ / : ? # or % in it is written in percent-encoding (% is %25)"
_HALF: Final = re.compile("%(?!(?!00)[0-9A-Fa-f]{2})")
"""A percent sign that encodes nothing, or nothing that may be there."""
_WHICH_HOST: Final = "target_session_attrs"
_PRIMARY: Final = ("primary", "read-write")
_NO_HOME: Final = "Set FLOWKEYS_DATABASE to the whole path."


def is_postgres(text: str) -> bool:
    """Tell whether a text is the URL of a PostgreSQL database."""
    return _POSTGRES.match(text) is not None


def database_of(text: str) -> str:
    """Return a path, whole, or a URL that begins with ``postgresql://``, whichever is written.

    What is behind the host of a URL (``?host=/run/postgresql``, ``?sslmode=verify-full``) is libpq's, and is
    left as it is.

    Raises:
        ValueError: it is neither. The text, which may hold a password, is not in the message.
    """
    text = text.strip()
    if is_postgres(text):
        url = _POSTGRES.sub("postgresql://", text, count=1)
        _check(url)
        return url
    if text.startswith(_SQLITE):
        text = unquote(text.removeprefix(_SQLITE))
    elif _SCHEME.match(text):
        raise ValueError(_WHAT)
    if not text or "\0" in text or text.endswith("/"):
        raise ValueError(_WHAT)
    return str(expanded(Path(text), _NO_HOME).absolute())


def without_password(url: str) -> str:
    """Return the URL of a database as people may see it: in logs, in what commands print, in errors."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    shown = f"{user.partition(':')[0]}{at}{place}"
    # libpq takes a password there too; and whatever else is there people may look up where they wrote it.
    host = re.search(r"(?:^|&)host=([^&]*)", parts.query)
    return f"{parts.scheme}://{shown}{parts.path}{f'?host={host[1]}' if host else ''}"


def has_password(text: str) -> bool:
    """Tell whether a text is the URL of a PostgreSQL database, and a password is in it."""
    try:
        parts = urlsplit(text)
        return is_postgres(text) and (parts.password is not None or "password=" in parts.query)
    except ValueError:  # a text that no URL can be read from is refused elsewhere
        return False


def _check(url: str) -> None:
    try:
        parts = urlsplit(url)
        _ = (
            parts.port if "," not in parts.netloc else None
        )  # of several hosts libpq takes one after the other
    except ValueError:
        raise ValueError(f"its address cannot be read: {_WHAT}; {_ENCODED}") from None
    asked = [value for name, value in parse_qsl(parts.query) if name == _WHICH_HOST]
    if any(value not in _PRIMARY for value in asked):
        raise ValueError(
            f"{_WHICH_HOST} is primary or read-write: a replica may not know yet which keys were revoked"
        )
    if parts.fragment:
        raise ValueError("a # in it is written %23")
    # libpq would say what it cannot read, or look for a part of it, and so show the password.
    if _HALF.search(url) or "@" in parts.path:
        raise ValueError(f"its address cannot be read: {_ENCODED}")
    if not parts.path.strip("/"):
        raise ValueError(f"it names no database: {_WHAT}")
