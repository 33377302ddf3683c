"""A few connections for look-ups: opened when they are first needed, and again when they end."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from psycopg.pq.abc import PGresult

from flowkeys.domain.errors import Unavailable
from flowkeys.storage.postgres.line import Line, Lost
from flowkeys.storage.postgres.rows import rows

TIMEOUT_SECONDS: Final = 2.0
"""So long may connecting take, and an answer: whoever waits longer is told that the store is away."""
MOST_WAITING: Final = 4096
"""Questions on one connection; who comes then is told to try again, and nobody waits for guesses."""
WHO: Final = """SELECT (SELECT system_identifier FROM pg_control_system())::text || ' '
    || (extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint || ' '
    || (SELECT oid FROM pg_database WHERE datname = current_database()) || ' ' || 'change'::regclass::oid"""
"""What is another value when another database answers, or this one of another run of its server, or when its
tables were replaced, as a backup that is restored does."""
_FIRST_WAIT_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 0.5


class Vouched:
    """Which database is known to be no older than what is kept outside of it (docs/adr/0050-backups.md).

    Keys are looked up in no other: it may have been put in the place of the one we knew, and know nothing of
    what was revoked since.
    """

    __slots__ = ("who",)

    def __init__(self) -> None:
        self.who = ""
        """What `WHO` says of it; empty: of none that is known."""


async def who_answers(line: Line) -> str:
    """Return which database, of which run of its server, answers on a connection.

    Raises:
        Unavailable: none does.
    """
    ((who,),) = rows(await line.run(WHO.encode()))
    return str(who)


class Lines:
    """Connections, of which the one that has least to do answers."""

    def __init__(
        self, url: str, statements: Mapping[bytes, str], count: int = 2, vouched: Vouched | None = None
    ) -> None:
        """Ask the database at `url` these prepared statements over `count` connections.

        With `vouched` only those are asked that lead to that database.
        """
        self._url = url
        self._vouched = vouched
        self._who: dict[Line, str] = {}
        self._statements = statements
        self._count = count
        self._lines: list[Line] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._opened: asyncio.Future[None] | None = None
        self._away: Unavailable | None = None
        """Why no connection could be made when that was last tried."""

    async def ask(self, name: bytes, values: Sequence[bytes | None]) -> PGresult:
        """Return the answer; a connection that ends just now is no reason to have none.

        Raises:
            Unavailable: the database cannot be reached, takes too long, or has too much to do.
        """
        try:
            return await (await self._line()).ask(name, values)
        except Lost:
            return await (await self._line()).ask(name, values)

    def ready(self) -> Line | None:
        """Return the connection that has least to do, or None: then `ask` has to wait, or says why not."""
        line = min(self._lines, key=_waiting, default=None)
        if line is None or line.waiting >= MOST_WAITING:
            return None
        return line if self._vouched is None or self._who[line] == self._vouched.who else None

    def start(self) -> None:
        """Connect, without waiting for it."""
        if not self._tasks:
            loop = asyncio.get_running_loop()
            self._opened = loop.create_future()
            self._tasks = [
                loop.create_task(self._keep(), name="flowkeys-lookups") for _ in range(self._count)
            ]

    async def close(self) -> None:
        """Close every connection."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _line(self) -> Line:
        self.start()
        if not self._lines:
            if self._away is not None:
                raise Unavailable(*self._away.args)
            assert self._opened is not None
            await asyncio.shield(self._opened)  # it comes to an end within the time for connecting
        line = min(self._lines, key=_waiting)
        if self._vouched is not None and self._who[line] != self._vouched.who:
            line = await self._vouched_for(self._vouched.who)
        if line.waiting >= MOST_WAITING:
            raise Unavailable("The database has too much to do.")
        return line

    async def _vouched_for(self, who: str) -> Line:
        """Return a connection that leads to the right database; those that lead elsewhere are made anew.

        Raises:
            Unavailable: there is none now.
        """
        for line in tuple(self._lines) if who else ():
            self._who[line] = await who_answers(line)  # the tables may have been replaced since it was made
            if self._who[line] == who:
                return line
            line.close()
        raise Unavailable("The database is another than before: it is compared with what was revoked.")

    async def _keep(self) -> None:
        """Have one connection, as long as this is not cancelled."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                line = await Line.open(self._url, TIMEOUT_SECONDS, self._statements, name="flowkeys look-ups")
                if self._vouched is not None:
                    self._who[line] = await self._known(line)
            except Unavailable as error:
                self._end(error)
                await asyncio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
                continue
            wait = _FIRST_WAIT_SECONDS
            self._begin(line)
            try:
                await line.lost.wait()
            finally:
                self._lines.remove(line)
                self._who.pop(line, None)
                line.close()
                if not self._lines and self._opened is not None and self._opened.done():
                    self._opened = asyncio.get_running_loop().create_future()

    async def _known(self, line: Line) -> str:
        try:
            return await who_answers(line)
        except BaseException:
            line.close()
            raise

    def _begin(self, line: Line) -> None:
        self._lines.append(line)
        self._away = None
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(None)

    def _end(self, error: Unavailable) -> None:
        if self._lines:
            return
        self._away = error
        if self._opened is not None and not self._opened.done():
            self._opened.set_exception(error)
            self._opened.exception()  # whoever waits hears of it, and perhaps nobody does
        self._opened = asyncio.get_running_loop().create_future()


def _waiting(line: Line) -> int:
    return line.waiting
