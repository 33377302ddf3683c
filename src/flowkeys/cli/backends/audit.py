"""The audit log for commands: of the data directory, or of a server."""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, Final, cast

import msgspec

from flowkeys.cli.backends.backend import AuditFilter, Json, Listed, Part
from flowkeys.client.call import Call, Listing, as_listing, as_type, following, path, query
from flowkeys.client.sync import Client
from flowkeys.domain.audit.entry import AuditQuery, AuditRecord
from flowkeys.domain.listing import UNPAGED_LIMIT
from flowkeys.domain.principal import Caller
from flowkeys.service.audit.input import read_query
from flowkeys.service.audit.log import AuditService
from flowkeys.web import render

PAGE: Final = 12
_anything: Final = as_type(object)


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
            return [render.audit_entry(item) for item in self._run(self._audit.part(self._caller, query))]
        found = self._run(self._audit.page(self._caller, query))
        return {"total": found.total, "data": [render.audit_entry(item) for item in found.items]}

    def every(self, wanted: AuditFilter) -> Iterator[Json]:
        """Yield all entries."""
        parts = self._audit.every(self._caller, _query(wanted, UNPAGED_LIMIT, 0))
        while (part := self._run(_next(parts))) is not None:
            yield from (render.audit_entry(item) for item in part)

    def head(self) -> Json:
        """Return the head."""
        return render.audit_head(self._run(self._audit.head(self._caller)))


class RemoteAudit:
    """The log of a server, with the right of a key."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def entries(self, wanted: AuditFilter, part: Part) -> Listed:
        """Return entries."""
        params = _params(wanted) | query(page=part.page, limit=part.limit)
        found = self._client.run(Call(method="GET", path=path("audit"), params=params, decode=_anything))
        return cast("Listed", found)

    def every(self, wanted: AuditFilter) -> Iterator[Json]:
        """Yield all entries, a thousand in a call: each can be asked for again when it broke off."""
        call: Call[Listing[Json]] | None = Call(
            method="GET", path=path("audit"), params=_params(wanted), decode=as_listing(list[dict[str, Any]])
        )
        while call is not None:
            part = self._client.run(call)
            yield from part.items
            call = following(call, part)

    def head(self) -> Json:
        """Return the head."""
        found: Json = self._client.run(
            Call(method="GET", path=path("audit", "head"), decode=as_type(dict[str, Any]))
        )
        return found


async def _next(parts: AsyncIterator[list[AuditRecord]]) -> list[AuditRecord] | None:
    return await anext(parts, None)


def _query(wanted: AuditFilter, limit: int, offset: int) -> AuditQuery:
    return read_query(**msgspec.structs.asdict(wanted), limit=limit, offset=offset)


def _params(wanted: AuditFilter) -> dict[str, str]:
    named = {**msgspec.structs.asdict(wanted), "from": wanted.since, "to": wanted.until}
    return query(**{name: value for name, value in named.items() if name not in {"since", "until"}})
