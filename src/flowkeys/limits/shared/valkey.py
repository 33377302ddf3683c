"""Valkey or Redis, as the limits know it: scripts that it runs, and whether it can be asked at all.

While it is away nobody waits for it: whoever asks is told at once, and it is tried in the background until it
answers in time again.
"""

import asyncio
from collections.abc import Callable, Sequence
from hashlib import sha1
from importlib.resources import files
from typing import Any, Final

import libvalkey

from flowkeys.limits.shared.away import Away
from flowkeys.limits.shared.connection import Connection, Told
from flowkeys.limits.shared.place import Place
from flowkeys.outbound import tls

_CONNECT_SECONDS: Final = 1.0
_AGAIN_SECONDS: Final = 0.25
"""Between tries, and twice as long with each up to `_LONGEST_SECONDS`."""
_LONGEST_SECONDS: Final = 1.0
_PROBE: Final = "{flowkeys}:probe"

_SCRIPTS: Final[list["Script"]] = []
Tell = Callable[[str, str], None]


class Script:
    """A script, called by its hash (RFC 3174, as ``EVALSHA`` wants it)."""

    __slots__ = ("sha", "text")

    def __init__(self, *names: str) -> None:
        """Read the files of those names in `scripts`, in that order."""
        here = files("flowkeys.limits.shared") / "scripts"
        self.text = b"".join(here.joinpath(name).read_bytes() for name in names)
        self.sha = sha1(self.text, usedforsecurity=False).hexdigest()
        _SCRIPTS.append(self)

    def command(self, keys: Sequence[bytes], arguments: Sequence[bytes | int]) -> bytes:
        """Return what calls it, as it is written."""
        command: bytes = libvalkey.pack_command(("EVALSHA", self.sha, len(keys), *keys, *arguments))
        return command


class Valkey:
    """One server, or a primary and its replicas, of which the primary is asked."""

    def __init__(self, places: Sequence[Place], timeout_seconds: float, tell: Tell) -> None:
        """`tell` is told once that it is away and why, and once that it is back."""
        self._places = places
        self._timeout = timeout_seconds
        self._tell = tell
        self._connection: Connection | None = None
        self._is_away = False
        """Whether that was told."""
        self._lost = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.why = "nobody has asked yet"
        """Why it cannot be asked."""
        self.place = ""
        """Which server is asked, of several."""
        self.outages = 0
        self.without = 0
        """How much of calls was decided while it was away: about their limits, and about their quotas."""

    @property
    def is_up(self) -> bool:
        """Whether it can be asked."""
        return self._connection is not None

    @property
    def is_started(self) -> bool:
        """Whether somebody tries to reach it."""
        return self._task is not None

    async def start(self) -> None:
        """Try to reach it, and go on with that in the background for as long as it takes."""
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._keep(), name="flowkeys-valkey")
        await self._try()

    async def stop(self) -> None:
        """Ask nothing more."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.end("it was closed")

    def ask(self, *parts: bytes | str | int) -> asyncio.Future[Any]:
        """Send a command; see `Connection.ask`.

        Raises:
            Away: it cannot be asked now.
        """
        connection = self._connection
        if connection is None:
            raise Away(self.why)
        return connection.ask(*parts)

    def send(self, command: bytes, told: Told) -> bool:
        """Send a command as it is written, and have `told` called later; see `Connection.send`.

        False: it cannot be asked now, and nobody is told anything.
        """
        if self._connection is None:
            return False
        self._connection.send(command, told)
        return True

    async def run(self, script: Script, keys: Sequence[bytes], arguments: Sequence[bytes | int]) -> Any:
        """Return what a script answers.

        Raises:
            Away: there is no answer, or an error. What the script did is not known then.
        """
        answer = await self.ask("EVALSHA", script.sha, len(keys), *keys, *arguments)
        if isinstance(answer, libvalkey.ReplyError) and str(answer).startswith("NOSCRIPT"):
            answer = await self.ask("EVAL", script.text, len(keys), *keys, *arguments)
        if isinstance(answer, libvalkey.ReplyError):
            self.failed(str(answer))
            raise Away(str(answer))
        return answer

    def failed(self, why: str) -> None:
        """Take it for away: it answered that it cannot do what it is there for."""
        if self._connection is not None:
            self._connection.end(why)

    # Reaching it

    async def _keep(self) -> None:
        pause = _AGAIN_SECONDS
        while True:
            if self._connection is not None:
                pause = _AGAIN_SECONDS
                self._lost.clear()
                await self._lost.wait()
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_SECONDS)
            if self._connection is None:
                await self._try()

    async def _try(self) -> None:
        why = []
        for place in self._places:
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    connection = await self._reach(place)
            except TimeoutError:
                why.append(f"{place}: no answer")
            except (Away, OSError, ValueError) as error:
                why.append(f"{place}: {error}")
            else:
                if self._connection is not None:  # somebody else was faster
                    connection.end("there is another")
                    return
                self._connection = connection
                self.place = str(place)
                if self._is_away:
                    self._is_away = False
                    self._tell("valkey is back", str(place))
                return
        self._note("; ".join(why))

    async def _reach(self, place: Place) -> Connection:
        loop = asyncio.get_running_loop()
        # What belongs to connecting may take longer than a call may.
        connection = Connection(_CONNECT_SECONDS, self._when_lost)
        try:
            if place.path is not None:
                await loop.create_unix_connection(lambda: connection, place.path)
            else:
                await loop.create_connection(
                    lambda: connection,
                    place.host or "",
                    place.port,
                    ssl=await asyncio.to_thread(tls.context) if place.is_tls else None,
                )
            await _greet(connection, place)
            # Else the first call of each is sent twice, behind others that were to come after it.
            for script in _SCRIPTS:
                _checked(await connection.ask("SCRIPT", "LOAD", script.text))
            connection.hurry(self._timeout)
            # It is not back before it can write, and in time: else each return would keep calls waiting.
            async with asyncio.timeout(self._timeout):
                _checked(await connection.ask("SET", _PROBE, "1", "PX", 1000))
        except BaseException:
            connection.end("it was not reached")
            raise
        return connection

    def _when_lost(self, connection: Connection, why: str) -> None:
        if connection is self._connection:
            self._connection = None
            self._lost.set()
            self._note(why)

    def _note(self, why: str) -> None:
        self.why = why
        if not self._is_away:
            self._is_away = True
            self.outages += 1
            self._tell("valkey is away", why)


async def _greet(connection: Connection, place: Place) -> None:
    """Say who we are, and choose the database.

    Raises:
        Away: it is no primary, or wants another password.
    """
    who = ["AUTH", place.user or "default", place.password] if place.password is not None else []
    answer = _checked(await connection.ask("HELLO", 3, *who, "SETNAME", "flowkeys"))
    role = answer.get(b"role") if isinstance(answer, dict) else None
    if role not in {b"master", None}:
        raise Away("it is a replica")
    if place.database:
        _checked(await connection.ask("SELECT", place.database))


def _checked(answer: Any) -> Any:
    if isinstance(answer, libvalkey.ReplyError):
        raise Away(str(answer))
    return answer
