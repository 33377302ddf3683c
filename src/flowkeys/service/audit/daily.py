"""The head of the chain, said in the log once a day: kept there, it shows that the end was cut."""

import asyncio
from typing import Any, Final, Protocol, Self

from flowkeys.domain.errors import FlowkeysError
from flowkeys.service.ports.store import Store

_DAY_SECONDS: Final = 24 * 3600


class Log(Protocol):
    """Where it is said."""

    def info(self, event: str, **facts: Any) -> object:
        """Say something."""
        ...


class DailyHead:
    """Says the head when a server starts, and once a day from then on."""

    def __init__(self, store: Store, log: Log, every_seconds: float = _DAY_SECONDS) -> None:
        self._store = store
        self._log = log
        self._every_seconds = every_seconds
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def started(cls, store: Store, log: Log, every_seconds: float = _DAY_SECONDS) -> Self:
        """Return one that has begun."""
        made = cls(store, log, every_seconds)
        made._task = asyncio.create_task(made._run())
        return made

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            try:
                head = await self._store.read(lambda tx: tx.audit_chain.head())
            except FlowkeysError:
                pass  # the database cannot be read: whoever needs it says so
            else:
                self._log.info("audit_head", head=str(head))
            await asyncio.sleep(self._every_seconds)
