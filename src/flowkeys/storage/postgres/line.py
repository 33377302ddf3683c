"""One connection on which many ask at a time, and on which notifications are heard.

libpq's pipeline mode: a question is sent while others wait for their answers, which come in order. A look-up
costs a quarter of what it costs through a cursor (docs/adr/0045), and whoever follows changes can read what
has arrived at once, without waiting for the event loop.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, Protocol, Self, TypeVar

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from flowkeys.domain.errors import Unavailable
from flowkeys.storage.postgres.connecting import named, parameters, why_not

_GOOD: Final = frozenset({ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK})
_SYNC: Final = ExecStatus.PIPELINE_SYNC
_PLANS: Final = "".join(
    f"; SET {setting}"
    for setting in (
        # What is prepared is planned once, and goes by indexes, however small the tables are at that time:
        # a plan for these very values costs several times what the answer does.
        "plan_cache_mode = force_generic_plan",
        *(f"enable_{way} = off" for way in ("seqscan", "hashjoin", "mergejoin")),
    )
)


class Waiting(Protocol):
    """Who waits for an answer: a future, or what stands for several."""

    def done(self) -> bool:
        """Tell whether nobody waits any more."""
        ...

    def set_result(self, result: PGresult, /) -> None:
        """Take the answer."""
        ...

    def set_exception(self, exception: BaseException, /) -> None:
        """Hear that there is none."""
        ...


W = TypeVar("W", bound=Waiting)

Hear = Callable[[bytes, bytes], None]
"""Takes a notification: its channel, and what it says."""


class Lost(Unavailable):
    """The connection ended before the answer came."""


class Line:
    """A connection in the event loop that opened it."""

    def __init__(
        self, connection: psycopg.AsyncConnection[object], timeout_seconds: float, hear: Hear | None = None
    ) -> None:
        """Go on with an open connection; `open` makes one."""
        self._connection = connection
        self._raw = connection.pgconn
        self._timeout = timeout_seconds
        self._hear = hear
        self._loop = asyncio.get_running_loop()
        self._asked: deque[tuple[Waiting, float]] = deque()
        self._answer: PGresult | None = None
        self._flushing = False
        self._blocked = False
        self._timer: asyncio.TimerHandle | None = None
        self.lost = asyncio.Event()
        """Set when it has ended; then nothing can be asked any more."""
        self._raw.nonblocking = 1
        self._raw.enter_pipeline_mode()
        self._socket = self._raw.socket
        self._loop.add_reader(self._socket, self.read)

    @classmethod
    async def open(
        cls,
        url: str,
        timeout_seconds: float,
        statements: Mapping[bytes, str] | None = None,
        hear: Hear | None = None,
        name: str = "flowkeys",
    ) -> Self:
        """Connect, and prepare `statements` by their names; each answer may take `timeout_seconds`.

        Raises:
            Unavailable: it takes longer than that, or there is no such database, or it lets nobody in.
        """
        connection: psycopg.AsyncConnection[object] | None = None
        line: Self | None = None
        try:
            async with asyncio.timeout(timeout_seconds):
                given = {**parameters(url), "application_name": name, "client_encoding": "UTF8"}
                connection = await psycopg.AsyncConnection.connect(**given, autocommit=True)
                await connection.execute(f"SET statement_timeout = {int(timeout_seconds * 1000)}{_PLANS}")
                line = cls(connection, timeout_seconds, hear)
                for statement_name, text in (statements or {}).items():
                    await line.prepare(statement_name, text)
                return line
        except BaseException as error:
            if line is not None:
                line.close()
            elif connection is not None:
                connection.pgconn.finish()
            if isinstance(error, psycopg.Error):
                raise Unavailable(why_not(url, error)) from error
            if isinstance(error, (OSError, TimeoutError)):
                raise Unavailable(f"The database {named(url)} does not answer.") from error
            raise

    @property
    def waiting(self) -> int:
        """How many questions wait for their answer."""
        return len(self._asked)

    async def prepare(self, name: bytes, text: str) -> None:
        """Have a statement ready under a name."""
        await self._sent(lambda: self._raw.send_prepare(name, text.encode()), self._loop.create_future())

    def ask(self, name: bytes, values: Sequence[bytes | None]) -> asyncio.Future[PGresult]:
        """Run a prepared statement. What it raises, `Lost` above all, is an outage."""
        return self.ask_for(self._loop.create_future(), name, values)

    def ask_for(self, who: W, name: bytes, values: Sequence[bytes | None]) -> W:
        """Have `who` told what `ask` returns or raises; it may be told before this returns.

        It is sent at once: who asks for several has waited for all of them.
        """
        self._sent(lambda: self._raw.send_query_prepared(name, values), who)
        self._flush()
        return who

    def run(self, text: bytes, values: Sequence[bytes | None] = ()) -> asyncio.Future[PGresult]:
        """Run a statement that was not prepared."""
        return self._sent(lambda: self._raw.send_query_params(text, values), self._loop.create_future())

    def _sent(self, send: Callable[[], None], who: W) -> W:
        if self.lost.is_set():
            who.set_exception(Lost("The connection to the database has ended."))
            return who
        try:
            send()
            self._raw.pipeline_sync()
        except psycopg.Error as error:
            self.close(error)
            who.set_exception(Lost("The connection to the database has ended."))
            return who
        self._asked.append((who, self._loop.time() + self._timeout))
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout, self._look)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)  # what is asked in one turn of the loop goes in one write
        return who

    def _flush(self) -> None:
        self._flushing = False
        if self.lost.is_set():
            return
        try:
            blocked = bool(self._raw.flush())
        except psycopg.Error as error:
            self.close(error)
            return
        if blocked != self._blocked:
            self._blocked = blocked
            if blocked:
                self._loop.add_writer(self._socket, self._flush)
            else:
                self._loop.remove_writer(self._socket)

    def read(self) -> None:
        """Take what has arrived; nothing is waited for."""
        if self.lost.is_set():
            return
        raw = self._raw
        try:
            raw.consume_input()
            if self._hear is not None:
                while (told := raw.notifies()) is not None:
                    self._hear(told.relname, told.extra)
            nothing = 0
            while self._asked and nothing < 2 and not raw.is_busy():  # noqa: PLR2004  # one is between two answers
                result = raw.get_result()
                if result is None:
                    nothing += 1
                    continue
                nothing = 0
                self._take(result)
        except Exception as error:  # noqa: BLE001 - what was told and not understood is read by who comes next
            self.close(error)
            return
        if self._blocked:
            self._flush()

    def _take(self, result: PGresult) -> None:
        status = result.status
        if status != _SYNC:
            if self._answer is None:
                self._answer = result
            return
        answer, self._answer = self._answer, None
        who, _ = self._asked.popleft()
        if who.done():
            return
        if answer is not None and answer.status in _GOOD:
            who.set_result(answer)
        else:
            said = "" if answer is None else answer.error_message.decode(errors="replace").strip()
            who.set_exception(Unavailable(f"The database could not answer: {said}"))

    def _look(self) -> None:
        """End the connection when an answer takes too long: behind it nobody else gets one either."""
        self._timer = None
        if not self._asked:
            return
        until = self._asked[0][1]
        if until > self._loop.time():
            self._timer = self._loop.call_at(until, self._look)
            return
        self.read()  # it may have come while this process did something else
        if self._asked and self._asked[0][1] == until:
            self.close()
        elif self._asked and self._timer is None:
            self._timer = self._loop.call_at(self._asked[0][1], self._look)

    def close(self, why: BaseException | None = None) -> None:
        """End the connection, and tell all who wait for answers."""
        if self.lost.is_set():
            return
        self.lost.set()
        if self._timer is not None:
            self._timer.cancel()
        self._loop.remove_reader(self._socket)
        if self._blocked:
            self._loop.remove_writer(self._socket)
        with suppress(psycopg.Error):
            self._raw.finish()
        asked, self._asked = self._asked, deque()
        for who, _ in asked:
            if not who.done():
                error = Lost("The connection to the database has ended.")
                error.__cause__ = why
                who.set_exception(error)
