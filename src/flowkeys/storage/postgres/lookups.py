"""The look-ups of the hot path on PostgreSQL: keys by digest, chatflows by id.

Nothing is answered at once: there is a way to the database, and nobody else may wait for it. The statements
are prepared on connections of their own, and many are under way on each. Keys that are looked up in one turn
of the event loop are one question: asking costs more than finding.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any, Final, Literal

from psycopg.pq.abc import PGresult
from sqlalchemy import bindparam
from sqlalchemy.dialects import postgresql

from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.errors import Unavailable
from flowkeys.domain.keys.api_key import KeyRecord
from flowkeys.domain.keys.digest import TokenDigest
from flowkeys.service.ports.verification import PENDING, Found, FoundChatflow, Pending, Unreadable
from flowkeys.storage.chatflows import chatflows
from flowkeys.storage.keys.records import RecordReader, access_of, tokens_of
from flowkeys.storage.keys.spoilt import SPOILT
from flowkeys.storage.postgres import lines, snapshot
from flowkeys.storage.postgres.adapting import array
from flowkeys.storage.postgres.line import Line, Lost
from flowkeys.storage.postgres.lines import TIMEOUT_SECONDS, Lines, Vouched, who_answers
from flowkeys.storage.postgres.rows import rows
from flowkeys.storage.schema import chatflow

POSITION: Final = 9
"""The column of what the statement could see."""
_COLUMNS: Final = f"""k.id, k.workspace_id, k.name, k.permissions, k.status, k.expires_at, t.valid_until,
    (SELECT string_agg(chatflow_id, ',') FROM binding WHERE key_id = k.id), t.digest, {snapshot.READ},
    k.allowed_ips, (SELECT allowed_ips FROM policy WHERE workspace_id = k.workspace_id),
    k.customer_id, c.id, c.name, c.external_id, c.status, c.rate_limits, c.quotas, k.rate_limits, k.quotas,
    (SELECT string_agg(chatflow_id || chr(9) || rate_limits, chr(10)) FROM binding
        WHERE key_id = k.id AND rate_limits IS NOT NULL),
    t.replaced_at, t.seq"""  # noqa: S608
_FROM: Final = """FROM token t JOIN api_key k ON k.id = t.key_id
    LEFT JOIN customer c ON c.id = k.customer_id AND c.workspace_id = k.workspace_id"""
_AHEAD: Final = f"""SELECT {_COLUMNS} {_FROM} WHERE t.seq > $1 AND starts_with(t.digest, $2)
    ORDER BY t.seq LIMIT $3"""
EVERY: Final = f"SELECT {_COLUMNS} {_FROM} ORDER BY t.seq"
"""What a look-up of each token finds."""
_ACCESS: Final = f"""SELECT {snapshot.READ}, f.id, f.workspace_id, f.is_public, f.version, f.rate_limits,
    f.api_config, f.chatbot_config
    FROM (SELECT 1) one LEFT JOIN chatflow f ON f.id = $1"""  # noqa: S608
_LEAST: Final = -(2**63)
_TOGETHER: Final = 64
"""So many keys are asked for at once, at most: nobody waits for a thousand others."""
_DIGEST: Final = 8
"""The column of the digest."""


class _Asked:
    """Some who ask for keys together, each with the digests that its key may have."""

    def __init__(self, lookups: "PostgresLookups") -> None:
        self._lookups = lookups
        self._of_digest: dict[str, list[asyncio.Future[list[Any] | None]]] = {}
        self._futures: list[asyncio.Future[list[Any] | None]] = []

    def __len__(self) -> int:
        return len(self._futures)

    def add(self, digests: Sequence[TokenDigest]) -> "asyncio.Future[list[Any] | None]":
        """Return what will be the row of the one of them that there is, or None."""
        future: asyncio.Future[list[Any] | None] = asyncio.get_running_loop().create_future()
        self._futures.append(future)
        for digest in digests:
            self._of_digest.setdefault(digest, []).append(future)
        return future

    def values(self) -> list[bytes | None]:
        """Return what the statement is given."""
        return [array([*self._of_digest]).encode()]

    def done(self) -> bool:
        """See `Waiting`."""
        return all(future.done() for future in self._futures)

    def set_result(self, result: PGresult, /) -> None:
        """See `Waiting`."""
        try:
            for row in rows(result):
                for future in self._of_digest[row[_DIGEST]]:
                    if not future.done():
                        future.set_result([*row])
        except Exception as error:  # noqa: BLE001 - each who asked is to hear of it
            self.set_exception(error)
        for future in self._futures:
            if not future.done():
                future.set_result(None)

    def set_exception(self, exception: BaseException, /) -> None:
        """See `Waiting`. A connection that ends just now is no reason to have no answer."""
        if isinstance(exception, Lost) and not self.done():
            self._lookups.ask_later(self)
            return
        for future in self._futures:
            if not future.done():
                future.set_exception(exception)


class PostgresLookups:
    """Implements `KeyStore`, and finds chatflows."""

    def __init__(self, url: str, vouched: Vouched | None = None) -> None:
        """Look up in the database at `url`; with `vouched` only in that one."""
        self._url = url
        self._vouched = vouched
        self._lines = Lines(
            url,
            {
                b"find": f"SELECT {_COLUMNS} {_FROM} WHERE t.digest = ANY($1::text[])",
                b"access": _ACCESS,
                b"load": _whole_chatflow(),
            },
            vouched=vouched,
        )
        self._read = RecordReader()
        self._next: _Asked | None = None
        """Who asks in this turn of the event loop."""
        self._later: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self.keys_read = 0
        """Keys that were looked up since they were not in memory, whether there were any or not."""
        self.chatflows_read = 0
        """Chatflows that were."""

    def start(self) -> None:
        """Connect, in the background."""
        self._lines.start()

    async def close(self) -> None:
        """Close the connections."""
        for task in [*self._later]:
            task.cancel()
        await self._lines.close()

    def find_at_once(self, digests: Sequence[TokenDigest]) -> Literal[Pending.PENDING]:
        """Return `PENDING`."""
        del digests
        return PENDING

    async def find(self, digests: Sequence[TokenDigest]) -> Found:
        """Return the key whose token has one of `digests`.

        Raises:
            Unavailable: the database cannot be reached, or the key's row was spoilt by hand.
        """
        self.keys_read += 1
        if self._waiting >= lines.MOST_WAITING:
            raise Unavailable("The database has too much to do.")
        if self._next is None or len(self._next) >= _TOGETHER:
            self._next = _Asked(self)
            asyncio.get_running_loop().call_soon(self._ask, self._next)
        self._waiting += 1
        try:
            row = await self._next.add(digests)
        finally:
            self._waiting -= 1
        if row is None:
            return Found(None)
        seen, digest = row[POSITION], row[_DIGEST]
        row[POSITION] = snapshot.position(seen)
        try:
            return Found(self._read(row), TokenDigest(digest), partial(snapshot.sees, seen))
        except SPOILT as error:
            raise Unavailable(f"The key {row[0]} cannot be read.") from error

    def _ask(self, asked: _Asked) -> None:
        if self._next is asked:
            self._next = None
        line = self._lines.ready()
        if line is None:
            self.ask_later(asked)
        else:
            line.ask_for(asked, b"find", asked.values())

    def ask_later(self, asked: _Asked) -> None:
        """Ask when there is a connection."""
        task = asyncio.get_running_loop().create_task(self._ask_later(asked), name="flowkeys-lookup")
        self._later.add(task)
        task.add_done_callback(self._later.discard)

    async def _ask_later(self, asked: _Asked) -> None:
        try:
            asked.set_result(await self._lines.ask(b"find", asked.values()))
        except Lost as error:
            asked.set_exception(Unavailable(*error.args))
        except Unavailable as error:
            asked.set_exception(error)
        except asyncio.CancelledError:
            asked.set_exception(Unavailable("The server is stopping."))
            raise

    def access_at_once(self, chatflow_id: str) -> Literal[Pending.PENDING]:
        """Return `PENDING`."""
        del chatflow_id
        return PENDING

    async def access(self, chatflow_id: str) -> FoundChatflow:
        """Return what a call needs to know of a chatflow first."""
        self.chatflows_read += 1
        value = _text(chatflow_id)
        if value is None:
            return FoundChatflow(None)
        ((seen, *row),) = rows(await self._lines.ask(b"access", [value]))
        access = None if row[0] is None else access_of(row)
        return FoundChatflow(access, snapshot.position(seen), partial(snapshot.sees, seen))

    async def load(self, chatflow_id: str) -> Chatflow | None:
        """Return a chatflow by its id alone, without its keys, of which there may be many."""
        value = _text(chatflow_id)
        found = [] if value is None else rows(await self._lines.ask(b"load", [value]))
        return chatflows.without_keys(tuple(found[0])) if found else None

    async def ahead(self, tag: str, batch: int) -> AsyncIterator[list[tuple[bytes, KeyRecord | Unreadable]]]:
        """Return all tokens whose digest begins with `tag`, in batches: the digest's bytes and the record.

        Over a connection of its own: who looks up one key need not wait for a hundred.

        Raises:
            Unavailable: the database cannot be reached.
        """
        line = await Line.open(self._url, TIMEOUT_SECONDS, {b"ahead": _AHEAD}, name="flowkeys reading ahead")
        try:
            behind = _LEAST
            if self._vouched is not None and await who_answers(line) != self._vouched.who:
                raise Unavailable("The database is another than before.")
            while True:
                values = [str(behind).encode(), tag.encode(), str(batch).encode()]
                found = _tokens(await line.ask(b"ahead", values))
                if found:
                    yield tokens_of(self._read, tag, found)
                    behind = found[-1][-1]
                if len(found) < batch:
                    return
        finally:
            line.close()


def _tokens(result: PGresult) -> list[list[Any]]:
    found = rows(result)
    for row in found:
        row[POSITION] = snapshot.position(row[POSITION])
    return found


def _text(value: str) -> bytes | None:
    """Return what a statement is given; None for what no text in the database can be."""
    try:
        return None if "\0" in value else value.encode()
    except UnicodeEncodeError:
        return None


def _whole_chatflow() -> str:
    statement = chatflows.SELECT.where(chatflow.c.id == bindparam("chatflow"))
    return str(statement.compile(dialect=postgresql.dialect(paramstyle="numeric_dollar")))  # type: ignore[no-untyped-call]
