"""The feed of changes, on PostgreSQL: notifications, and a heartbeat that comes by the same way.

A trigger tells of each change in its transaction, whoever made it (`storage.postgres.ddl`); the server hands
on what was told when the transaction is committed, to all in one order. Our own heartbeat is a notification,
too, which we send over the connection on which we listen: when it comes back, everything has been heard that
was committed before it was sent. That a connection is open proves nothing.

What is in memory is believed for the stated bound behind the last heartbeat that came back. After a gap the
changes are read that were missed, or everything is forgotten where they cannot be known.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.journal import Subject
from flowkeys.domain.times import SECOND, Clock
from flowkeys.domain.usage.tally import Histogram
from flowkeys.service.ports.changes import Followed
from flowkeys.service.ports.verification import ChangeListener
from flowkeys.storage.postgres.ddl import CHANNEL
from flowkeys.storage.postgres.heartbeat import Heard, Heartbeat
from flowkeys.storage.postgres.line import Line
from flowkeys.storage.postgres.lines import WHO, Vouched, who_answers
from flowkeys.storage.postgres.rows import rows
from flowkeys.storage.postgres.told import Told

PROMISED_MS: Final = 2000
"""So long after it was acknowledged a change holds in every process, unless told otherwise."""
BEATS: Final = 4
"""Heartbeats within the bound: three may be late before what is known is too old."""
_READ_MICROSECONDS: Final = 5_000
"""So often what has arrived is heard before a decision, not when it is the event loop's turn."""
_AT_ONCE: Final = 10_000
"""With more missed changes than this, listeners forget everything."""
_LEAST_SECONDS: Final = 1.0
"""So long may connecting take, however short the bound is."""
_FIRST_WAIT_SECONDS: Final = 0.05
_LONGEST_WAIT_SECONDS: Final = 0.5
_WHO: Final = f"{WHO}, pg_snapshot_xmin(pg_current_snapshot())::text::bigint - 1".encode()
_MISSED: Final = b"""SELECT xid::text::bigint, workspace_id, subject, subject_id, at FROM change
    WHERE xid > $1::text::xid8 ORDER BY seq LIMIT $2"""

_OLDEST: Final = b"SELECT xid::text::bigint, seq FROM change ORDER BY xid, seq LIMIT 1"
"""Changes are deleted in this order when they are too old (`Journal.prune`): behind it nothing is missing."""


class Log(Protocol):
    """Where it is said what nobody waits for."""

    def warning(self, event: str, **facts: object) -> object:
        """Log what an operator should look at."""
        ...

    def info(self, event: str, **facts: object) -> object:
        """Log what happened."""
        ...


class PostgresFeed:
    """Implements `ChangeFeed` in the event loop in which it was started. Until then nothing is believed."""

    def __init__(self, url: str, bound_ms: int, clock: Clock, log: Log) -> None:
        """Follow the database at `url`: what is known may be `bound_ms` old."""
        self._url = url
        self._bound = bound_ms * 1000
        self._beat_seconds = bound_ms / 1000 / BEATS
        self._clock = clock
        self._log = log
        self._listeners: Sequence[ChangeListener] = ()
        self._line: Line | None = None
        self._task: asyncio.Task[None] | None = None
        self._known = 0
        """When the last heartbeat that came back was sent; 0: what is in memory is not believed."""
        self._read = 0
        """When a call last looked what has arrived."""
        self._last_known = 0
        """The same, also while nothing is believed."""
        self._heartbeat = Heartbeat(clock, lambda: self._line)
        self._expiry: asyncio.TimerHandle | None = None
        """Ends the belief when the clock of calls is set back."""
        self._who = ""
        self._horizon = 0
        """All transactions up to this number had ended, and were told of."""
        self._away = False
        self._why = "Nothing was heard."
        """Why it was not heard when that was last tried."""
        self.vouched = Vouched()
        """The database that keys may be looked up in."""
        self.compare: Callable[[str], Awaitable[None]] | None = None
        """Compares the database that answers, of which `WHO` says this, with what is kept of revocations;
        raises `Unavailable` where that cannot be done."""
        self.position = 0
        """The number of the transaction whose change was told last."""
        self.told = Told()
        """What was told, for who follows."""
        self.breaks = 0
        """How often it could not be heard, so that nothing in memory was believed."""
        self.lag = Histogram()
        """How long after a change was begun, in seconds, its commit included, this process was told of it."""

    @property
    def epoch(self) -> str:
        """What is another one when positions mean something else: the database, and its server's start."""
        return hashlib.sha256(self._who.encode()).hexdigest()[:16]

    @property
    def is_started(self) -> bool:
        """Whether it listens, or tries to: in a server, not in a command."""
        return self._task is not None

    @property
    def place(self) -> int:
        """Up to where is told, in the order of `told`."""
        return self.told.place

    @property
    def mark(self) -> str:
        """What shows that nothing was told since."""
        return self.told.mark

    def tell(self, *listeners: ChangeListener) -> None:
        """Tell `listeners` from now on."""
        self._listeners = (*self._listeners, *listeners)

    def current(self, now: int, within: int | None = None) -> bool:
        """Tell whether listeners know all that was committed up to the bound before `now`.

        With `within` microseconds it is asked for less than the bound. However busy the event loop is, what
        has arrived is heard first, now and then.
        """
        if not 0 <= now - self._read < _READ_MICROSECONDS and self._line is not None:
            self._read = now
            self._line.read()
        return 0 <= now - self._known < (self._bound if within is None else min(within, self._bound))

    def age(self, now: int) -> int:
        """Return how old, in microseconds, the last is that listeners know, also while it is not believed."""
        return now - self._last_known

    def start(self) -> None:
        """Begin to listen, in the background."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="flowkeys-feed")

    async def stop(self) -> None:
        """Listen no more."""
        self._known = 0
        if self._expiry is not None:
            self._expiry.cancel()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def catch_up(self) -> None:
        """Return when listeners know all that was committed before: so that a change may be acknowledged.

        Where that cannot be known they forget everything, and nothing is believed until the feed is heard.
        """
        if self._task is None:
            return  # a command: nothing is in memory
        try:
            async with asyncio.timeout(self._bound / SECOND):
                await self._heartbeat.beaten()
        except (Unavailable, TimeoutError):
            self._known = 0
            self._forget()

    # What is heard

    def _hear(self, channel: bytes, said: bytes) -> None:
        text = said.decode()
        if channel.decode() == self._heartbeat.channel:
            heard = self._heartbeat.hear(text)
            if heard is not None:
                self._came_back(heard)
            return
        try:
            number, at, workspace_id, subject, subject_id = text.split(" ", 4)
            known = Subject(subject)
            self._told(int(number), workspace_id, known, subject_id, int(at))
        except ValueError:  # `EVERYTHING`, or what somebody sent by hand
            self._forget()

    def _came_back(self, heard: Heard) -> None:
        """Note that all is known that was committed before a heartbeat was sent."""
        # By the clock of calls, and not later than the other one says: it may have been set back meanwhile.
        self._known = self._last_known = min(heard.sent, self._clock() - heard.passed)
        self._horizon = max(self._horizon, heard.ended)
        if self._expiry is not None:
            self._expiry.cancel()
        left = max(0.0, (self._bound - heard.passed) / SECOND)
        self._expiry = asyncio.get_running_loop().call_later(left, self._expire)
        if self._away:
            self._away = False
            self._log.info("feed_is_back")

    def _told(self, number: int, workspace_id: str, subject: str, subject_id: str, at: int) -> None:
        for listener in self._listeners:
            listener.changed(subject, subject_id, number)
        self.position = number
        self.told.add(workspace_id, Followed(number, subject, subject_id))
        self.lag.add(max(0, self._clock() - at) / SECOND)

    def _forget(self) -> None:
        self.told.begin()
        for listener in self._listeners:
            listener.forget()

    def _expire(self) -> None:
        """Believe nothing any more: the bound is over, by the clock that nobody sets."""
        self._known = 0
        self._note_away()

    def _note_away(self) -> None:
        if not self._away:
            self._away = True
            self.breaks += 1
            self._log.warning("feed_is_away", detail=self._why)

    # The connection

    async def _run(self) -> None:
        """Listen, and again when the connection ends, as long as this is not cancelled."""
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                await self._follow()
            except Unavailable as error:
                self._why = str(error)
            except Exception as error:  # noqa: BLE001 - a task that ends does so in silence
                self._why = f"{type(error).__name__}: {error}"
            if not self._last_known:
                self._note_away()
            heard = self._line is not None
            self._line = None
            wait = _FIRST_WAIT_SECONDS if heard else min(2 * wait, _LONGEST_WAIT_SECONDS)
            await asyncio.sleep(wait)

    async def _follow(self) -> None:
        """Listen until the connection ends.

        Raises:
            Unavailable: it does, or a heartbeat does not come back.
        """
        silence = self._bound / SECOND / 2
        line = await Line.open(self._url, max(silence, _LEAST_SECONDS), hear=self._hear, name="flowkeys feed")
        try:
            await line.run(f"LISTEN {CHANNEL}".encode())
            await line.run(f"LISTEN {self._heartbeat.channel}".encode())
            await self._resume(line)
            self._line = line
            while True:
                async with asyncio.timeout(silence):
                    beat = self._heartbeat.send(line)
                    if await who_answers(line) != self._who:
                        self.vouched.who = ""
                        raise Unavailable("The database's tables are others: a backup was restored.")
                    await asyncio.shield(beat)
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._beat_seconds):
                        await line.lost.wait()
                if line.lost.is_set():
                    raise Unavailable("The connection has ended.")
        except TimeoutError:
            raise Unavailable("A heartbeat did not come back.") from None
        finally:
            line.close()
            self._heartbeat.end()

    async def _resume(self, line: Line) -> None:
        """Tell of what was missed: what is changed from now on is heard."""
        ((who, ended),) = rows(await line.run(_WHO))
        if who != self.vouched.who:
            self.vouched.who = ""
            if self.compare is not None:
                await self.compare(who)
            self.vouched.who = who
        if who != self._who:
            # Another server, or one that was started anew: it may have lost what we know, or never had it.
            self._who, self._horizon, self.position = who, ended, ended
            self._forget()
            return
        missed = rows(await line.run(_MISSED, [str(self._horizon).encode(), str(_AT_ONCE + 1).encode()]))
        oldest = rows(await line.run(_OLDEST))
        # Behind that: what was read had not been deleted when it was.
        if len(missed) > _AT_ONCE or (oldest and oldest[0][0] > self._horizon and oldest[0][1] > 1):
            self._forget()
            return
        for number, workspace_id, subject, subject_id, at in missed:
            self._told(number, workspace_id, subject, subject_id, at)
        if missed:
            self.told.begin()  # those were in another order
