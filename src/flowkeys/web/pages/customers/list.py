"""``/customers``: whom keys belong to, searched, filtered and in pages."""

from typing import Any, Final
from urllib.parse import urlencode

from fastapi import Response

from flowkeys.domain.customers.customer import CustomerStatus
from flowkeys.domain.listing import CustomerQuery
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.frame.paging import page_number
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

SHOWN: Final = 25
STATUSES: Final = {
    "": "All but revoked",
    "active": "Active",
    "disabled": "Disabled",
    "revoked": "Revoked",
    "all": "All",
}
SORTS: Final = {
    "-createdAt": "Newest first",
    "name": "Name",
    "externalId": "External id",
    "-keys": "Most keys first",
    "-updatedAt": "Changed last",
}
_LONGEST: Final = 200


@router.page("GET", "/customers", needs="customers:view")
async def customers(call: PageCall) -> Response:
    """Show the customers that the address asks for; a page beyond the last one is the last one."""
    asked = call.query_params
    search = asked.get("search", "").strip()[:_LONGEST]
    status = asked.get("status", "") if asked.get("status", "") in STATUSES else ""
    sort = asked.get("sort", "") if asked.get("sort", "") in SORTS else "-createdAt"
    number = page_number(asked)
    found = await call.services.customers.page(call.caller, _query(search, status, sort, number))
    pages = max(1, -(-found.total // SHOWN))
    if number > pages:
        number = pages
        found = await call.services.customers.page(call.caller, _query(search, status, sort, number))
    usual = {"search": "", "status": "", "sort": "-createdAt"}
    here = {"search": search, "status": status, "sort": sort}
    kept = {name: value for name, value in here.items() if value != usual[name]}

    def at(page: int) -> str:
        return f"/customers?{urlencode({**kept, 'page': page})}"

    return call.render(
        "customers/list.html",
        title="Customers",
        customers=found.items,
        total=found.total,
        search=search,
        chosen_status=status,
        sort=sort,
        statuses=STATUSES,
        sorts=SORTS,
        page=number,
        pages=pages,
        before=at(number - 1) if number > 1 else None,
        after=at(number + 1) if number < pages else None,
        is_filtered=bool(search or status),
    )


def _query(search: str, status: str, sort: str, number: int) -> CustomerQuery:
    chosen: Any = "all" if status == "all" else CustomerStatus(status) if status else None
    return CustomerQuery(
        workspace_id="",
        search=search,
        status=chosen,
        sort=sort.removeprefix("-"),  # type: ignore[arg-type]  # it is one of SORTS
        descending=sort.startswith("-"),
        limit=SHOWN,
        offset=(number - 1) * SHOWN,
    )
