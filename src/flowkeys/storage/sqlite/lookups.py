"""The look-ups of the hot path: keys by digest, chatflows by id, and what was changed.

These are the two look-ups without a workspace. Each is one indexed query of a few microseconds, so it runs
where it is called and not in another thread, which would cost ten times as much. The statements are written
out: the verification library reads a database without SQLAlchemy.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.service.ports.verification import Found, FoundChatflow, Unreadable
from flowkeys.storage.keys.records import RecordReader, access_of, tokens_of
from flowkeys.storage.keys.spoilt import SPOILT
from flowkeys.storage.keys.terms import BINDINGS
from flowkeys.storage.sqlite.connection import connect

_COLUMNS: Final = f"""k.id, k.workspace_id, k.name, k.permissions, k.status, k.expires_at, t.valid_until,
    (SELECT group_concat(chatflow_id) FROM binding WHERE key_id = k.id), t.digest,
    (SELECT coalesce(max(seq), 0) FROM change), k.allowed_ips,
    (SELECT allowed_ips FROM policy WHERE workspace_id = k.workspace_id),
    k.customer_id, c.id, c.name, c.external_id, c.status, c.rate_limits, c.quotas, k.rate_limits, k.quotas,
    {BINDINGS},
    t.replaced_at, t.seq"""  # noqa: S608
_CUSTOMER: Final = "LEFT JOIN customer c ON c.id = k.customer_id AND c.workspace_id = k.workspace_id"
_FIND: Final = f"""SELECT {_COLUMNS} FROM token t JOIN api_key k ON k.id = t.key_id {_CUSTOMER}
    WHERE t.digest IN"""  # noqa: S608
# In the order in which they were made, as they lie on the disk: by digest each would be elsewhere.
_AHEAD: Final = f"""SELECT {_COLUMNS} FROM token t NOT INDEXED CROSS JOIN api_key k ON k.id = t.key_id
    {_CUSTOMER}
    WHERE t.seq BETWEEN ? AND ? AND t.digest GLOB ?"""  # noqa: S608
# Which ones those are is asked of the table: numbers given by hand may be below zero, or far apart.
_ENDS: Final = "SELECT (SELECT min(seq) FROM token), (SELECT max(seq) FROM token)"
_NTH: Final = "SELECT seq FROM token NOT INDEXED WHERE seq BETWEEN ? AND ? ORDER BY seq LIMIT 1 OFFSET ?"
_OF_KEY: Final = f"""SELECT {_COLUMNS} FROM token t JOIN api_key k ON k.id = t.key_id {_CUSTOMER}
    WHERE t.key_id = ? AND t.digest GLOB ?"""  # noqa: S608
_ACCESS: Final = """SELECT id, workspace_id, is_public, version, rate_limits, api_config, chatbot_config
    FROM chatflow WHERE id = ?"""


class SqliteLookups:
    """Implements `KeyStore`, and finds chatflows, over a connection of the calling thread's own."""

    def __init__(self, path: Path, secrets: int, *, read_only: bool = False) -> None:
        """Open `path` for look-ups under `secrets` server secrets."""
        self._raw = connect(path, read_only=read_only)
        try:
            self._raw.execute("PRAGMA query_only=ON")
        except sqlite3.Error:
            self._raw.close()
            raise
        self.expect(secrets)
        self._read = RecordReader()
        self.keys_read = 0
        """Keys that were looked up since they were not in memory, whether there were any or not."""
        self.chatflows_read = 0
        """Chatflows that were."""

    def expect(self, secrets: int) -> None:
        """Look up under so many server secrets from now on."""
        self._find = f"{_FIND} ({', '.join('?' * secrets)})"

    @property
    def connection(self) -> sqlite3.Connection:
        """The connection, for what else is read where it is called."""
        return self._raw

    def find_at_once(self, digests: Sequence[TokenDigest]) -> Found:
        """Return the key whose token has one of `digests`.

        Raises:
            Unavailable: the store cannot be reached, or the key's row was spoilt by hand.
        """
        self.keys_read += 1
        try:
            row = self._raw.execute(self._find, digests).fetchone()
        except sqlite3.Error as error:
            raise Unavailable from error
        if row is None:
            return Found(None)
        try:
            return Found(self._read(row), TokenDigest(row[8]))
        except SPOILT as error:
            raise Unavailable(f"The key {row[0]} cannot be read.") from error

    async def find(self, digests: Sequence[TokenDigest]) -> Found:
        """Return what `find_at_once` returns."""
        return self.find_at_once(digests)

    def access_at_once(self, chatflow_id: str) -> ChatflowAccess | None:
        """Return what a call needs to know of a chatflow first."""
        self.chatflows_read += 1
        try:
            row = self._raw.execute(_ACCESS, (chatflow_id,)).fetchone()
        except sqlite3.Error as error:
            raise Unavailable from error
        return None if row is None else access_of(row)

    async def access(self, chatflow_id: str) -> FoundChatflow:
        """Return what `access_at_once` returns."""
        return FoundChatflow(self.access_at_once(chatflow_id))

    def ahead(self, tag: str, batch: int) -> Iterator[list[tuple[bytes, KeyRecord | Unreadable]]]:
        """Return all tokens whose digest begins with `tag`, in batches: the digest's bytes and the record.

        Raises:
            Unavailable: the store cannot be reached.
        """
        try:
            ((begin, end),) = self._raw.execute(_ENDS).fetchall()
            while begin is not None and begin <= end:
                nth = self._raw.execute(_NTH, (begin, end, batch - 1)).fetchall()
                last = nth[0][0] if nth else end
                yield tokens_of(self._read, tag, self._rows(_AHEAD, (begin, last, f"{tag}*")))
                begin = last + 1
        except sqlite3.Error as error:
            raise Unavailable from error

    def of_key(self, tag: str, key_id: str) -> list[tuple[bytes, KeyRecord | Unreadable]]:
        """Return the tokens of a key whose digest begins with `tag`.

        Raises:
            Unavailable: the store cannot be reached.
        """
        try:
            return tokens_of(self._read, tag, self._rows(_OF_KEY, (key_id, f"{tag}*")))
        except sqlite3.Error as error:
            raise Unavailable from error

    def _rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return rows; text that is no UTF-8, and may be there by hand, as bytes."""
        try:
            return self._raw.execute(statement, values).fetchall()
        except sqlite3.OperationalError as error:
            if "UTF-8" not in str(error):
                raise
        self._raw.text_factory = _text
        try:
            return self._raw.execute(statement, values).fetchall()
        finally:
            self._raw.text_factory = str

    def close(self) -> None:
        """Close the connection."""
        self._raw.close()


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw
