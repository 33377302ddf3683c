"""The look-ups of the hot path: keys by digest, chatflows by id, and what was changed.

These are the two look-ups without a workspace. Each is one indexed query of a few microseconds, so it runs
where it is called and not in another thread, which would cost ten times as much. The statements are written
out: the verification library reads a database without SQLAlchemy.
"""

import re
import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar

import msgspec

from flowkeys.domain.chatflows.chatflow import ChatflowAccess
from flowkeys.domain.chatflows.visitors import VisitorRules, read_rules
from flowkeys.domain.customers.customer import KeyCustomer
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import KeyRecord, Status
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.domain.keys.rotation import Replaced
from flowkeys.domain.keys.terms import Terms
from flowkeys.domain.limits.stored import limits_from
from flowkeys.domain.permissions import PermissionSet
from flowkeys.service.ports.verification import Found, Unreadable
from flowkeys.storage.keys.spoilt import SPOILT, check_types
from flowkeys.storage.keys.terms import BINDINGS, customer_from, terms_from
from flowkeys.storage.sqlite.connection import connect

Given = ParamSpec("Given")
Made = TypeVar("Made")

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

_SHARED: Final = 4096
"""Sets of permissions and of chatflows that records share, of each kind."""
_CUSTOMERS: Final = 65_536
"""Customers, and terms of keys, that records share."""
_NO_TERMS: Final = [None] * 12
_FEW: Final = 8
"""Up to so many chatflows are kept as a tuple, which is smaller than a set and searched as fast."""
_DIGEST: Final = re.compile("[0-9a-f]{64}")
_STATUS: Final = {status.value: status for status in Status}


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
        self._read = _Reader()
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
        if row is None:
            return None
        try:
            limits = limits_from(row[4])
            rules = _rules(row[5], row[6], is_public=bool(row[2]))
        except SPOILT as error:
            raise Unavailable(f"The chatflow {row[0]} cannot be read.") from error
        return ChatflowAccess(row[0], row[1], bool(row[2]), row[3], limits, rules)

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
                yield self._tokens(tag, self._rows(_AHEAD, (begin, last, f"{tag}*")))
                begin = last + 1
        except sqlite3.Error as error:
            raise Unavailable from error

    def of_key(self, tag: str, key_id: str) -> list[tuple[bytes, KeyRecord | Unreadable]]:
        """Return the tokens of a key whose digest begins with `tag`.

        Raises:
            Unavailable: the store cannot be reached.
        """
        try:
            return self._tokens(tag, self._rows(_OF_KEY, (key_id, f"{tag}*")))
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

    def _tokens(self, tag: str, rows: list[tuple[Any, ...]]) -> list[tuple[bytes, KeyRecord | Unreadable]]:
        """Return what rows say; what is no digest, and may be there by hand, is no token's."""
        found: list[tuple[bytes, KeyRecord | Unreadable]] = []
        for row in rows:
            text = row[8][len(tag) :]
            if not isinstance(text, str) or not _DIGEST.fullmatch(text):
                continue
            record: KeyRecord | Unreadable
            try:
                record = self._read(row)
            except SPOILT:
                record = Unreadable(str(row[0]))
            found.append((bytes.fromhex(text), record))
        return found

    def close(self) -> None:
        """Close the connection."""
        self._raw.close()


class _Reader:
    """Makes records of rows; equal sets of permissions and of chatflows are one object."""

    def __init__(self) -> None:
        decode = msgspec.json.Decoder(frozenset[str]).decode
        self._permissions: Callable[[str], PermissionSet] = _shared(decode)
        self._chatflows: Callable[[str], Collection[str]] = _shared(_chatflows)
        self._ids: Callable[[str], str] = _shared(str)
        self._positions: Callable[[int], int] = _shared(int)
        self._customer: Callable[..., KeyCustomer] = _shared(customer_from, _CUSTOMERS)
        self._terms: Callable[..., Terms | None] = _shared(terms_from, _CUSTOMERS)

    def __call__(self, row: tuple[object, ...]) -> KeyRecord:
        key_id, workspace_id, name, permissions, status, expires_at, valid_until, *rest = row
        chatflows, _, at, *terms, replaced_at, token = rest
        check_types(name, expires_at, valid_until, replaced_at)
        return KeyRecord(
            f"{key_id}\n{name}",
            self._ids(workspace_id),  # type: ignore[arg-type]
            self._permissions(permissions),  # type: ignore[arg-type]
            _STATUS[status],  # type: ignore[index]
            expires_at,  # type: ignore[arg-type]
            None if valid_until is None else Replaced(valid_until, replaced_at, token),  # type: ignore[arg-type]
            self._chatflows(chatflows) if chatflows else (),  # type: ignore[arg-type]
            self._positions(at),  # type: ignore[arg-type]
            None if terms == _NO_TERMS else self._terms_of(*terms),
        )

    def _terms_of(self, own: object, policy: object, customer_id: object, *rest: object) -> Terms | None:
        *customer, rate_limits, quotas, bindings = rest
        belongs_to = None if customer_id is None else self._customer(*customer)
        return self._terms(own, policy, belongs_to, rate_limits, quotas, bindings)


def _rules(api_config: str | None, chatbot_config: str | None, *, is_public: bool) -> VisitorRules | None:
    """Return what a chatflow's configuration asks; what cannot be understood keeps one that is public closed.

    One that only keys open was stored with whatever somebody's export had in it.
    """
    try:
        return read_rules(api_config, chatbot_config)
    except SPOILT:
        if is_public:
            raise
        return None


def _text(raw: bytes) -> str | bytes:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw


def _chatflows(joined: str) -> Collection[str]:
    ids = joined.split(",")
    return tuple(ids) if len(ids) <= _FEW else frozenset(ids)


def _shared(make: Callable[Given, Made], size: int = _SHARED) -> Callable[Given, Made]:
    """Return `make` with its latest results kept, so that equal ones are one object."""
    return lru_cache(size)(make)  # type: ignore[return-value]
