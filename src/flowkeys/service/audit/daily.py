"""The head of the chain, said in the log once a day: kept there, it shows that the end was cut."""

from typing import Any, Final, Protocol, Self

from flowkeys.domain.errors import FlowkeysError
from flowkeys.service.ports.store import Store
from flowkeys.service.recurring import Recurring

_DAY_SECONDS: Final = 24 * 3600


class Log(Protocol):
    """Where it is said."""

    def info(self, event: str, **facts: Any) -> object:
        """Say something."""
        ...

    def error(self, event: str, **facts: Any) -> object:
        """Say what should not have happened."""
        ...


class DailyHead:
    """Says the head when a server starts, and once a day from then on."""

    def __init__(self, store: Store, log: Log, every_seconds: float = _DAY_SECONDS) -> None:
        self._store = store
        self._log = log
        self._recurring = Recurring("flowkeys-audit-head", self._say, every_seconds, self._tell, at_once=True)

    @classmethod
    def started(cls, store: Store, log: Log, every_seconds: float = _DAY_SECONDS) -> Self:
        """Return one that has begun."""
        made = cls(store, log, every_seconds)
        made._recurring.start()
        return made

    async def stop(self) -> None:
        """End."""
        await self._recurring.stop()

    async def _say(self) -> None:
        head = await self._store.read(lambda tx: tx.audit_chain.head())
        self._log.info("audit_head", head=str(head))

    def _tell(self, error: Exception) -> None:
        if not isinstance(error, FlowkeysError):  # else the database cannot be read: whoever needs it says so
            self._log.error("audit_head_failed", exc_info=error)
