"""Processes that serve the database, within one transaction."""

from contextlib import suppress
from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, exists, insert, select, text, update

from flowkeys.domain.limits.process import Process
from flowkeys.domain.limits.stored import rates_from
from flowkeys.storage.schema import api_key, binding, chatflow, customer, server
from flowkeys.storage.statement import Connection, Statement

_NAMES = list(Process.__struct_fields__)
_ALL = Statement(select(*(server.c[name] for name in _NAMES)).order_by(server.c.started_at, server.c.id))
_ADD = Statement(insert(server), _NAMES)
_BEAT = Statement(update(server).where(server.c.id == bindparam("its_id")), ["beat_at"])
_NOW = Statement(text("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint"))
_REMOVE = Statement(delete(server).where(server.c.id == bindparam("its_id")))
_LIMITED = Statement(
    select(
        exists().where(api_key.c.rate_limits.is_not(None) | api_key.c.quotas.is_not(None))
        | exists().where(customer.c.rate_limits.is_not(None) | customer.c.quotas.is_not(None))
        | exists().where(chatflow.c.rate_limits.is_not(None))
        | exists().where(binding.c.rate_limits.is_not(None))
    )
)
_STORED_LIMITS: Final = tuple(
    Statement(select(table.c.rate_limits).where(table.c.rate_limits.is_not(None)).distinct())
    for table in (api_key, customer, chatflow, binding)
)


class ProcessTable:
    """Implements the port `Processes`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def all(self) -> list[Process]:
        """Return the rows of all, those that may be gone included."""
        rows = self._connection.rows(_ALL)
        return [Process(**dict(zip(_NAMES, row, strict=True))) for row in rows]

    def now(self, given: int) -> int:
        """Return the time of the clock that all go by: PostgreSQL's own, or the machine's, as `given`."""
        if not self._connection.is_postgres:
            return given
        row = self._connection.row(_NOW, {})
        assert row is not None
        return int(row[0])

    def add(self, process: Process) -> None:
        """Add a process."""
        self._connection.run(_ADD, msgspec.structs.asdict(process))

    def beat(self, process_id: str, now: int) -> bool:
        """Note that a process is there; False: it is not known any more."""
        return self._connection.run(_BEAT, {"its_id": process_id, "beat_at": now}) > 0

    def remove(self, process_id: str) -> None:
        """Remove a process that ends, or has."""
        self._connection.run(_REMOVE, {"its_id": process_id})

    def has_limits(self) -> bool:
        """Tell whether a limit or a quota is stored, in any workspace."""
        row = self._connection.row(_LIMITED, {})
        return bool(row and row[0])

    def limit_names(self) -> set[str]:
        """Return the names of all limits that are stored, in any workspace."""
        found: set[str] = set()
        for statement in _STORED_LIMITS:
            for (stored,) in self._connection.rows(statement):
                with suppress(ValueError, TypeError):  # spoilt by hand: whoever calls is told
                    found.update(rate.name for rate in rates_from(stored))
        return found
