"""``/audit``: who did what."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Final, Literal

import msgspec
from fastapi import Query, Response
from fastapi.responses import StreamingResponse

from flowkeys.domain.audit.entry import AuditQuery, AuditRecord
from flowkeys.domain.principal import Caller
from flowkeys.service.audit.input import read_query
from flowkeys.service.audit.log import AUDIT_VIEW, AuditService
from flowkeys.web.api.lists import PageLimit, PageNumber, Slice, list_response
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas import audit_json
from flowkeys.web.schemas.audit import AuditEntryOut, AuditHeadOut, AuditPageOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Audit"])

JSON_LINES: Final = "application/jsonl"
_LARGEST: Final = 2**63 - 1
_encode: Final = msgspec.json.Encoder().encode


@router.on(
    "GET",
    "/audit",
    needs=AUDIT_VIEW,
    answers=list[AuditEntryOut] | AuditPageOut,
    errors=("validation_failed",),
    extra={"responses": {"200": {"content": {JSON_LINES: {}}}}},
)
async def list_entries(
    call: Call,
    subject: Annotated[
        str | None,
        Query(max_length=200, description="The id of a key, a chatflow, a person…, or a kind: `key`."),
    ] = None,
    actor: Annotated[
        str | None,
        Query(max_length=200, description="An id, a name, or a kind: `key`, `person`, `operator`, `system`."),
    ] = None,
    action: Annotated[str | None, Query(max_length=200, examples=["key.revoke"])] = None,
    since: Annotated[
        str | None, Query(alias="from", max_length=40, description="Not before this time or day.")
    ] = None,
    until: Annotated[
        str | None, Query(alias="to", max_length=40, description="Not after this time or day.")
    ] = None,
    page: PageNumber = None,
    limit: PageLimit = None,
    before: Annotated[int | None, Query(ge=0, le=_LARGEST, description="Follow `Link`.")] = None,
    output: Annotated[
        Literal["json", "jsonl"],
        Query(alias="format", description="`jsonl`: all that match, an entry a line, however many."),
    ] = "json",
) -> Response:
    """List what was done, newest first: an array, or with `page` one page and the number of all."""
    part = Slice.of(page, limit)
    query = read_query(
        subject=subject,
        actor=actor,
        action=action,
        since=since,
        until=until,
        limit=part.limit,
        offset=part.offset,
        before=before,
    )
    audit = call.services.audit
    if output == "jsonl":
        return await stream(audit, call.caller, query)
    if part.paged:
        found = await audit.page(call.caller, query)
        return list_response(call, part, _rendered(found.items), found.total, linked=False)
    items = await audit.part(call.caller, query)
    return list_response(call, part, _rendered(items), 0, linked=True)


@router.on("GET", "/audit/head", needs=AUDIT_VIEW, answers=AuditHeadOut)
async def head(call: Call) -> Response:
    """Return the head of the log's chain, to be kept elsewhere: it shows that the end was cut."""
    return json_response(audit_json.head(await call.services.audit.head(call.caller)))


def _rendered(items: list[AuditRecord]) -> list[dict[str, Any]]:
    return [audit_json.entry(item) for item in items]


async def stream(audit: AuditService, caller: Caller, query: AuditQuery) -> Response:
    """Return all entries that match, a line each, of which a thousand are in memory at once."""
    parts = audit.every(caller, query)
    # What is refused, or cannot be read, is said before anything is sent.
    first: list[AuditRecord] = await anext(parts, [])

    async def lines() -> AsyncIterator[bytes]:
        yield _lines(first)
        async for part in parts:
            yield _lines(part)

    return StreamingResponse(lines(), media_type=JSON_LINES, headers={"Cache-Control": "no-store"})


def _lines(items: list[AuditRecord]) -> bytes:
    return b"".join(_encode(audit_json.entry(item)) + b"\n" for item in items)
