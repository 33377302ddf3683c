"""A database, and what is kept outside of it: does it know what took access away?"""

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Final, Protocol

import structlog

from flowkeys.bootstrap.clock import clock
from flowkeys.domain.audit.taken import Line, last_effects
from flowkeys.domain.keys.server_secrets import ServerSecrets
from flowkeys.service.ports.store import Store
from flowkeys.storage.audit.comparing import Compared, compare
from flowkeys.storage.audit.journal import AuditRows, Journal

_NAMED: Final = 5


class KeptStore(Store, Protocol):
    """A store of which a journal is kept."""

    def keep(self, journal: Any) -> None:
        """Have `journal` kept of what is written from now on."""
        ...


class Beside:
    """The journal of revocations beside one database."""

    def __init__(
        self,
        store: KeptStore,
        rows: AuditRows,
        opened: Callable[[], AbstractContextManager[Any]],
        path: Path,
        secrets: ServerSecrets,
        workspace_id: str,
        *,
        begins: bool = False,
    ) -> None:
        """Keep it in the file `path`; `opened` gives a driver's connection on which nothing has begun.

        With `begins` a file that is not there begins with all that the audit log tells of.
        """
        self._store = store
        self._rows = rows
        self._opened = opened
        self._path = path
        self._secrets = secrets
        self._workspace_id = workspace_id
        self._begins = begins
        self._lock = asyncio.Lock()
        self._again: asyncio.Task[None] | None = None

    async def follow(self, look: Callable[[Any], str] = lambda _: "") -> tuple[tuple[str, ...], str]:
        """Have the store keep the journal from now on; end again what it says, where the database is older.

        Returns warnings, and what `look` says of the database.

        Raises:
            Unavailable: the database cannot be read, or not be written where something has to be ended.
        """
        async with self._lock:
            loop = asyncio.get_running_loop()
            older = lambda: loop.call_soon_threadsafe(self._is_older)  # noqa: E731
            try:
                (found, missing, *_), who = await asyncio.to_thread(self._compare, look, older)
            except OSError as error:
                why = f"{self._path} cannot be read: {error.strerror}."
                return (f"{why} Nobody notices an older database without it.",), ""
            warnings = [f"{self._path}: {fault}. What it says cannot be relied on." for fault in found.faults]
            if missing:
                warnings.append(await self._end_again(missing))
            return tuple(warnings), who

    def _compare(self, look: Callable[[Any], str], older: Callable[[], object]) -> tuple[Compared, str]:
        with self._opened() as raw:
            is_new = not self._path.exists()
            compared = compare(self._path, raw, self._rows, self._secrets, whole=False)
            goes_on, last = compared.goes_on_from, compared.last
            journal = Journal(self._path, self._secrets, self._rows, goes_on, tell, older, last)
            if self._begins and is_new:
                journal.begin(raw)
            self._store.keep(journal)
            return compared, look(raw)

    async def _end_again(self, missing: list[Line]) -> str:
        from flowkeys.service.keys.brought_back import end_again

        left = last_effects(missing)
        done = await self._store.write(lambda tx: end_again(tx, left, self._workspace_id, clock()))
        return older(self._path, missing, done)

    def _is_older(self) -> None:
        """Compare them again: what a process writes does not follow what it knew."""
        if self._again is None or self._again.done():
            self._again = asyncio.get_running_loop().create_task(self._look(), name="flowkeys-journal-again")

    async def _look(self) -> None:
        try:
            say((await self.follow())[0])
        except Exception as error:  # noqa: BLE001 - the next that is written asks for it again
            tell(f"{type(error).__name__}: {error}")


def older(path: Path, missing: list[Line], done: list[str]) -> str:
    """Return what is said of a database that does not know some lines, and what was done about it."""
    what = "Nothing came back that was ended"
    if done:
        more = f" and {len(done) - _NAMED} more" if len(done) > _NAMED else ""
        what = f"Ended again: {'; '.join(done[:_NAMED])}{more}"
    events = "1 of its events" if len(missing) == 1 else f"{len(missing)} of its events"
    return (
        f"The database is older than {path.name}: it did not know {events}, the last of "
        f"{missing[-1].at}. A backup was restored, or the end of its audit log was cut. {what}."
    )


def say(warnings: tuple[str, ...]) -> None:
    """Log what was found while a server runs."""
    for warning in warnings:
        structlog.get_logger("flowkeys").warning("database_is_older", detail=warning)


def tell(why: str) -> None:
    """Log that something is not kept."""
    structlog.get_logger("flowkeys").warning("revocation_not_kept", detail=why)


def tell_older() -> None:
    """Log that what was there when the journal began is not there any more."""
    tell("The database does not know what it told of before: an older one took its place. Start anew.")
