"""The audit log for commands, of the data directory."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Final

import msgspec

from flowkeys.cli.backends.backend import AuditFilter, Json, Listed, Part
from flowkeys.domain.audit.entry import AuditQuery, AuditRecord
from flowkeys.domain.listing import UNPAGED_LIMIT
from flowkeys.domain.principal import Caller
from flowkeys.service.audit.input import read_query
from flowkeys.service.audit.log import AuditService
from flowkeys.web.schemas import audit_json

PAGE: Final = 12


class LocalAudit:
    """The log of the data directory, read as the operator."""

    def __init__(
        self, run: Callable[[Coroutine[Any, Any, Any]], Any], audit: AuditService, caller: Caller
    ) -> None:
        """Let `run` run what `audit` is asked."""
        self._run = run
        self._audit = audit
        self._caller = caller

    def entries(self, wanted: AuditFilter, part: Part) -> Listed:
        """Return entries."""
        limit = part.limit or (UNPAGED_LIMIT if part.page is None else PAGE)
        query = _query(wanted, limit, 0 if part.page is None else (part.page - 1) * limit)
        if part.page is None:
            return [audit_json.entry(item) for item in self._run(self._audit.part(self._caller, query))]
        found = self._run(self._audit.page(self._caller, query))
        return {"total": found.total, "data": [audit_json.entry(item) for item in found.items]}

    def every(self, wanted: AuditFilter) -> Iterator[Json]:
        """Yield all entries."""
        parts = self._audit.every(self._caller, _query(wanted, UNPAGED_LIMIT, 0))
        while (part := self._run(_next(parts))) is not None:
            yield from (audit_json.entry(item) for item in part)

    def head(self) -> Json:
        """Return the head."""
        return audit_json.head(self._run(self._audit.head(self._caller)))


async def _next(parts: AsyncIterator[list[AuditRecord]]) -> list[AuditRecord] | None:
    return await anext(parts, None)


def _query(wanted: AuditFilter, limit: int, offset: int) -> AuditQuery:
    return read_query(**msgspec.structs.asdict(wanted), limit=limit, offset=offset)
