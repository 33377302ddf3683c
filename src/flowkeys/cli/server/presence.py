"""That this process serves the database, for all who ask whether several do, as long as it does."""

import asyncio
import os
import socket
from pathlib import Path
from typing import Any, Final

import msgspec

from flowkeys import bootstrap
from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError, Unavailable
from flowkeys.domain.ids import new_id
from flowkeys.domain.limits.process import BEAT_SECONDS, Counting, Process, objection, several
from flowkeys.domain.times import SECOND
from flowkeys.service.ports.store import Transaction
from flowkeys.service.recurring import Recurring

_LISTEN_SECONDS: Final = BEAT_SECONDS + 2.0
"""So long is listened for a sign of processes of which nobody on this machine knows whether they run."""


class Presence:
    """The row of this process."""

    def __init__(self, runtime: bootstrap.Runtime, log: Any, *, siblings: int, is_replacement: bool) -> None:
        """`siblings` is how many processes its server has; a replacement is never refused."""
        self._runtime = runtime
        self._store = runtime.store
        self._log = log
        self._is_replacement = is_replacement
        now = bootstrap.clock()
        self._own = Process(
            id=new_id(),
            host=socket.gethostname(),
            pid=os.getpid(),
            identity=_identity(os.getpid()),
            siblings=siblings,
            counting=counting(runtime.settings),
            started_at=now,
            beat_at=now,
        )
        self._recurring: Recurring | None = None
        self._objected = False

    async def begin(self) -> None:
        """Say that this process is there, and remove the rows of those that are gone.

        Raises:
            ConfigurationError: limits are stored, and several processes would each count by itself.
        """
        found = await self._store.read(lambda tx: tx.processes.all())
        await self._remove([one for one in found if is_gone(one)])
        if await self._objection() and not self._is_replacement:
            await self._listen()
            if why := await self._objection():
                raise ConfigurationError(f"Limits are stored. {why}")
        await self._look_for_names()
        try:
            await self._store.write(lambda tx: tx.processes.add(self._beating(tx)))
        except Unavailable as error:  # keys are verified on a full disk, too; it is tried again
            self._log.warning("presence not stored", detail=str(error))
        self._recurring = Recurring("flowkeys-presence", self._beat, BEAT_SECONDS, self._failed)
        self._recurring.start()

    async def end(self) -> None:
        """Say that it is there no more."""
        if self._recurring is not None:
            await self._recurring.stop()
            self._recurring = None
            try:
                await self._remove([self._own])
            except Unavailable:  # it is too old soon
                self._log.warning("presence not removed")

    async def _remove(self, gone: list[Process]) -> None:
        def work(tx: Transaction) -> None:
            for one in gone:
                tx.processes.remove(one.id)

        if gone:
            await self._store.write(work)

    async def _objection(self) -> str | None:
        def work(tx: Transaction) -> str | None:
            own = self._beating(tx)
            now = own.beat_at
            all_there = [*(one for one in tx.processes.all() if one.id != own.id), own]
            has_limits = tx.processes.has_limits()
            apart = self._own.counting != "shared" and several(all_there, now) > 1
            self._runtime.counts_apart = has_limits and apart
            return objection(all_there, now) if has_limits else None

        return await self._store.read(work)

    async def _look_for_names(self) -> None:
        """Say which names in a setting nothing has. A limit may be deleted: no reason not to start."""
        names = self._runtime.settings.refused_without_valkey
        if not names:
            return
        from flowkeys.domain.limits.names import nobody_has, unknown

        stored = await self._store.read(lambda tx: tx.processes.limit_names())
        if nobodys := unknown(names, stored):
            self._log.warning("limits are not there", detail=nobody_has(nobodys, stored))

    async def _listen(self) -> None:
        """Wait until those whom nobody here can see would have said something; remove who has not."""
        before = await self._store.read(lambda tx: tx.processes.all())
        unseen = {one.id: one.beat_at for one in before if is_gone(one) is None}
        if not unseen:
            return
        self._log.info("listening for other servers", seconds=_LISTEN_SECONDS)
        await asyncio.sleep(_LISTEN_SECONDS)
        after = await self._store.read(lambda tx: tx.processes.all())
        await self._remove([one for one in after if unseen.get(one.id) == one.beat_at])

    def _failed(self, error: Exception) -> None:
        if not isinstance(error, Unavailable):  # of an outage whoever calls hears
            self._log.error("presence_failed", exc_info=error)

    def _beating(self, tx: Transaction) -> Process:
        """Return the row of this process as it is now."""
        return msgspec.structs.replace(self._own, beat_at=tx.processes.now(bootstrap.clock()))

    async def _beat(self) -> None:
        def work(tx: Transaction) -> int:
            own = self._beating(tx)
            if not tx.processes.beat(own.id, own.beat_at):  # taken for gone while the store was away
                tx.processes.add(own)
            return own.beat_at

        now = await self._store.write(work)
        why = await self._objection()
        if why is not None and not self._objected:
            self._log.error("limits are counted in each process", detail=why)
        self._objected = why is not None
        found = await self._store.read(lambda tx: tx.processes.all())
        old = [one for one in found if now - one.beat_at > 2 * BEAT_SECONDS * SECOND and is_gone(one)]
        await self._remove([*old, *(one for one in found if not one.is_there(now))])


def counting(settings: Settings) -> Counting | None:
    """Return how limits are counted where several processes are, as far as that was chosen."""
    return "shared" if settings.valkey is not None else settings.limits


def _identity(pid: int) -> str:
    """Return what a process is called that nobody else is: the machine since its boot, and when it began."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
        namespace = Path("/proc/self/ns/pid").readlink()
        began = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(") ")[2].split()[19]
    except (OSError, IndexError):
        return ""
    return f"{boot} {namespace} {pid} {began}"


def is_gone(one: Process) -> bool | None:
    """Tell whether a process has ended; None: it is of another machine, or nobody can tell."""
    ours = _identity(os.getpid())
    if not one.identity or not ours or one.identity.split()[:2] != ours.split()[:2]:
        return None
    return _identity(one.pid) != one.identity
