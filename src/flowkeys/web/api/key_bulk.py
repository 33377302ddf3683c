"""``/apikey/bulk``: many keys at once, all of them or none.

One route for each action, since each has a permission of its own. They come before those of a single key, one
of whose paths has the same shape; no key has the id ``bulk``.

``/reports`` names the keys that somebody should look at, and probably do something to.
"""

from typing import Final

from fastapi import Response

from flowkeys.service.keys.bulk import BulkResult
from flowkeys.web import render
from flowkeys.web.api.lists import PageLimit, PageNumber, Slice, list_response
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.keys import BulkOut, KeyIds, KeyOut, KeyPageOut
from flowkeys.web.schemas.reports import ReportOut
from flowkeys.web.schemas.reports import report as report_of
from flowkeys.web.services import Call

router = GuardedRouter(tags=["API keys"])

_BODY: Final = ("validation_failed", "invalid_json", "too_large")


@router.on("POST", "/apikey/bulk/disable", needs="apikeys:update", answers=BulkOut, errors=_BODY)
async def disable_keys(body: KeyIds, call: Call) -> Response:
    """Refuse keys until they are enabled again: all of them, or none."""
    return _answer(await call.services.keyring.disable_many(call.caller, body.ids))


@router.on(
    "POST", "/apikey/bulk/enable", needs="apikeys:update", answers=BulkOut, errors=("policy_violated", *_BODY)
)
async def enable_keys(body: KeyIds, call: Call) -> Response:
    """Accept disabled keys again: all of them, or none."""
    return _answer(await call.services.keyring.enable_many(call.caller, body.ids))


@router.on("POST", "/apikey/bulk/revoke", needs="apikeys:delete", answers=BulkOut, errors=_BODY)
async def revoke_keys(body: KeyIds, call: Call) -> Response:
    """Revoke keys for good: all of them, or none. Their names and histories stay."""
    return _answer(await call.services.keyring.revoke_many(call.caller, body.ids))


def _answer(result: BulkResult) -> Response:
    return json_response(result)


@router.on("GET", "/reports", needs="apikeys:view", answers=list[ReportOut])
async def list_reports(call: Call) -> Response:
    """List the reports, with the number of keys in each."""
    found = await call.services.keyring.reports.all(call.caller)
    return json_response([report_of(item) for item in found])


@router.on(
    "GET",
    "/reports/{report}",
    needs="apikeys:view",
    answers=list[KeyOut] | KeyPageOut,
    errors=("not_found", "validation_failed"),
)
async def show_report(report: str, call: Call, page: PageNumber = None, limit: PageLimit = None) -> Response:
    """List a report's keys, masked, the first made first: an array of up to 1,000, or a page.

    `never-used`, `unused-90-days`, `never-expiring`, `bound-to-nothing`, `owner-gone`,
    `unused-permissions`: of the keys that are
    accepted now.
    """
    part = Slice.of(page, limit)
    found = await call.services.keyring.reports.page(call.caller, report, part.limit, part.offset)
    now = call.services.clock()
    return list_response(
        call, part, [render.key(item, now) for item in found.items], found.total, linked=False
    )
