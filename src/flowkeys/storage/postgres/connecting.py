"""Opening connections to PostgreSQL, and saying why it cannot be done, without a password."""

import re
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg.conninfo import conninfo_to_dict

from flowkeys.storage.postgres.adapting import adapt
from flowkeys.storage.postgres.watched import Watched

CONNECT_SECONDS: Final = 3
"""So long may connecting take, to each of several hosts."""
STATEMENT_SECONDS: Final = 30
"""So long may one statement take; what takes longer is an outage for whoever asked."""
IDLE_SECONDS: Final = 30
"""So long may a transaction wait for us: one that a stopped process left behind holds nobody up longer."""
_DEFAULTS: Final = {
    "connect_timeout": str(CONNECT_SECONDS),
    "application_name": "flowkeys",
    # A replica may not know yet what was revoked: nothing is read there, of whichever hosts the URL names.
    "target_session_attrs": "primary",
    # A cable that was pulled: what was sent and nobody took, and a connection on which nothing is said.
    "tcp_user_timeout": "10000",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "2",
}
_OURS: Final = "prepare_threshold"
"""The one parameter of the URL that is the driver's and not libpq's: 0 prepares nothing on the server."""
_SETTINGS: Final = (
    f"statement_timeout = '{STATEMENT_SECONDS}s'",
    f"idle_in_transaction_session_timeout = '{IDLE_SECONDS}s'",
    "jit = off",
)
_OF_SESSION: Final = "; ".join(f"SET {setting}" for setting in _SETTINGS)
OF_TRANSACTION: Final = "; ".join(f"SET LOCAL {setting}" for setting in _SETTINGS)
"""What a transaction says itself where a connection is nobody's own (`Watched.is_pooled`)."""
_WHO: Final = "SELECT pg_backend_pid()"
_STATEMENTS_KEPT: Final = 500
_NOT_ALLOWED: Final = (
    " Give its user the right (the least trouble is a database that it owns), or, if it is to make or change "
    "the schema, let one who may do that run: flowkeys migrate"
)
_ADVICE: Final = (
    (
        r'database "[^"]+" does not exist',
        " Make it: createdb --owner=USER --encoding=UTF8 --template=template0 NAME.",
    ),
    (r'role "[^"]+" does not exist', " Make the user: createuser --pwprompt USER."),
    ("password authentication failed", " Correct the user and the password in FLOWKEYS_DATABASE."),
    ("no password supplied", " Put the password into FLOWKEYS_DATABASE, PGPASSWORD or ~/.pgpass."),
    (
        "does not support SSL",
        " Turn SSL on in the server, or, where nobody else is on the way to it, take sslmode out of the URL.",
    ),
)
"""What to do, by words of a refusal to connect, which has no code. In another language nothing is said."""


def connect(url: str) -> Watched:
    """Connect; transactions are begun and ended by hand.

    What the URL says of its own wins over our defaults. A pooler between us and the server tells us another
    process id than the server does. In transaction mode each transaction may be on another connection, which
    others use as well: nothing is set or prepared there, unless the URL asks for it.

    Raises:
        psycopg.Error: it cannot be done.
    """
    _, prepares = _without_ours(url)
    connection = Watched.connect(**parameters(url), autocommit=True, client_encoding="UTF8")
    try:
        connection.prepare_threshold = None
        connection.prepared_max = _STATEMENTS_KEPT
        adapt(connection)
        connection.is_pooled = connection.execute(_WHO).fetchone() != (connection.info.backend_pid,)
        if prepares or (prepares is None and not connection.is_pooled):
            connection.prepare_threshold = 1
        if not connection.is_pooled:
            connection.execute(_OF_SESSION)
    except BaseException:
        connection.close()
        raise
    return connection


def parameters(url: str) -> dict[str, Any]:
    """Return what libpq is told: our defaults, and what the URL says of its own.

    Raises:
        psycopg.ProgrammingError: it is no URL of a database.
    """
    given, _ = _without_ours(url)
    return {**_DEFAULTS, **{k: v for k, v in conninfo_to_dict(given).items() if v is not None}}


def named(url: str) -> str:
    """Return a database's URL as people may see it."""
    parts = urlsplit(url)
    user, at, place = parts.netloc.rpartition("@")
    hosts = [value for name, value in parse_qsl(parts.query) if name == "host"]
    shown = f"{parts.scheme}://{user.partition(':')[0]}{at}{place}{parts.path}"
    return f"{shown}?host={hosts[-1]}" if hosts else shown


def why_not(url: str, error: psycopg.Error) -> str:
    """Return why a database cannot be used, and what to do where that is known."""
    said = " ".join((error.diag.message_primary or str(error)).split())
    for secret in _passwords(url):
        said = said.replace(secret, "…")
    return f"The database {named(url)} cannot be used: {said.rstrip('.')}.{_advice(error, said)}"


def _advice(error: psycopg.Error, said: str) -> str:
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return _NOT_ALLOWED
    if not isinstance(error, psycopg.OperationalError):
        return ""
    return next((advice for words, advice in _ADVICE if re.search(words, said)), "")


def _passwords(url: str) -> list[str]:
    try:
        found = conninfo_to_dict(_without_ours(url)[0]).get("password")
    except psycopg.Error:
        found = None
    return [str(found)] if found else []


def _without_ours(url: str) -> tuple[str, bool | None]:
    """Return the URL as libpq knows it, and whether statements are to be prepared; None: it does not say."""
    parts = urlsplit(url)
    if _OURS not in parts.query:
        return url, None
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    prepares = all(value != "0" for name, value in pairs if name == _OURS)
    rest = urlencode([pair for pair in pairs if pair[0] != _OURS])
    return urlunsplit(parts._replace(query=rest)), prepares
