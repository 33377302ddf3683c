"""``/reports``: the keys that somebody should look at, with what can be done to many of them beside each."""

from typing import Final

from fastapi import Response

from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.keys.report import DESCRIBED
from flowkeys.service.keys.reports import named
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.frame.paging import page_number
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

SHOWN: Final = 50
"""Keys of a page."""


@router.page("GET", "/reports", needs="apikeys:view")
async def reports(call: PageCall) -> Response:
    """List the reports with the number of keys in each."""
    found = await call.services.keyring.reports.all(call.caller)
    rows = [
        {"report": item.report, "said": DESCRIBED[item.report], "says": item.says, "total": item.total}
        for item in found
    ]
    return call.render("reports/list.html", title="Reports", rows=rows)


@router.page("GET", "/reports/{report}", needs="apikeys:view")
async def show(report: str, call: PageCall) -> Response:
    """List a report's keys, to be disabled, revoked or changed."""
    said, number = DESCRIBED[named(report)], page_number(call.query_params)
    found = await call.services.keyring.reports.page(call.caller, report, SHOWN, (number - 1) * SHOWN)
    return call.render(
        "reports/view.html",
        title=said.title,
        name=report,
        said=said,
        says=await call.services.keyring.reports.says(call.caller, report),
        rows=[{"key": key, "may_change": _may(call, key)} for key in found.items],
        total=found.total,
        number=number,
        pages=max(1, -(-found.total // SHOWN)),
        may_select=call.may("apikeys:update") or call.may("apikeys:delete"),
    )


def _may(call: PageCall, key: ApiKey) -> bool:
    return call.may(*key.permissions) and (call.may("apikeys:update") or call.may("apikeys:delete"))
