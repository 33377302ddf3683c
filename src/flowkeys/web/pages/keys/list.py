"""``/keys``: the API keys of the workspace, searched, sorted, filtered and in pages."""

from collections.abc import Collection
from typing import Any, Final

import msgspec
from fastapi import Response

from flowkeys.domain.keys.api_key import ApiKey
from flowkeys.domain.listing import KeyQuery, Page
from flowkeys.service.keys.standing import left_of_keys
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.keys import list_columns as key_list_columns
from flowkeys.web.pages.keys.list_rows import row
from flowkeys.web.pages.keys.query import PATH, SIZES, STATUSES, KeyList
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

CHOICES: Final = 20
"""Chatflows that the filter offers at once; more of the name narrows them."""


class Chip(msgspec.Struct, frozen=True):
    """A filter that is set, and the list without it."""

    says: str
    what: str
    url: str


@router.page("GET", PATH, needs="apikeys:view")
async def keys(call: PageCall) -> Response:
    """Show the keys that the URL asks for; a page beyond the last one is the last one."""
    return await show(call, KeyList.read(call.query_params))


@router.page("GET", "/keys/filter/chatflow", needs="chatflows:view")
async def choose_chatflow(call: PageCall) -> Response:
    """Offer chatflows to filter a list by, which the query names; ``find`` is a part of a chatflow's name."""
    shown = KeyList.read(call.query_params)
    find = call.query_params.get("find", "").strip()
    found = await call.services.chatflows.choices(call.caller, find, CHOICES + 1)
    return call.render(
        "keys/choose_chatflow.html",
        shown=shown,
        find=find,
        choices=[(item, shown.at(chatflow=item.id)) for item in found[:CHOICES]],
        has_more=len(found) > CHOICES,
    )


async def show(
    call: PageCall, shown: KeyList, *, status: int = 200, selected: Collection[str] = (), problem: str = ""
) -> Response:
    """Return the page with a list, with some keys selected, and with what went wrong."""
    page, shown = await _fetch(call, shown)
    held, now = call.person.held(), call.services.clock()
    left = await left_of_keys(call.services.verifier, [key for key in page.items if key.rate_limits])
    rows = [row(key, shown, held, now, left.get(key.id, ())) for key in page.items]
    reminders = await call.services.policies.reminders(call.caller, page.items)
    first = (shown.page - 1) * shown.size + 1
    response = call.render(
        "keys/list.html",
        status,
        shown=shown,
        rows=rows,
        reminders=reminders,
        total=page.total,
        first=first,
        last=first + len(rows) - 1,
        pages=shown.pages(page.total),
        heads=key_list_columns.heads(shown),
        orders=key_list_columns.choices(shown),
        sizes=SIZES,
        statuses=STATUSES,
        chips=await _chips(call, shown, page.items),
        is_without_keys=await _is_without_keys(call, shown, page),
        may_select=call.may("apikeys:update") or call.may("apikeys:delete"),
        selected=frozenset(selected),
        problem=problem,
    )
    if call.is_part:
        response.headers["HX-Push-Url"] = shown.url
    return response


async def _fetch(call: PageCall, shown: KeyList) -> tuple[Page[ApiKey], KeyList]:
    keyring, workspace_id = call.services.keyring, call.caller.workspace_id
    page = await keyring.page(call.caller, shown.query(workspace_id))
    if page.items or shown.page == 1:
        return page, shown
    shown = msgspec.structs.replace(shown, page=shown.pages(page.total))
    return await keyring.page(call.caller, shown.query(workspace_id)), shown


async def _is_without_keys(call: PageCall, shown: KeyList, page: Page[ApiKey]) -> bool:
    """Tell whether the workspace never had a key; revoked ones are left out of a list but not of this."""
    if page.total or shown.is_filtered:
        return False
    query = KeyQuery(workspace_id=call.caller.workspace_id, status="all", limit=1)
    return not (await call.services.keyring.page(call.caller, query)).total


async def _chips(call: PageCall, shown: KeyList, found: list[ApiKey]) -> list[Chip]:
    chips = []
    if shown.search:
        chips.append(_chip(shown, "Search", shown.search, search=""))
    if shown.status:
        chips.append(_chip(shown, "Status", STATUSES[shown.status], status=""))
    if shown.chatflow:
        chips.append(_chip(shown, "Chatflow", await _chatflow_name(call, shown, found), chatflow=""))
    if shown.customer:
        belongs = [key.customer.name for key in found if key.customer is not None]
        chips.append(
            _chip(shown, "Customer", belongs[0] if belongs else "one without such keys", customer="")
        )
    if shown.created_by:
        names = [key.created_by.name for key in found if key.created_by.id == shown.created_by]
        chips.append(_chip(shown, "Created by", names[0] if names else "somebody else", created_by=""))
    return chips


def _chip(shown: KeyList, says: str, what: str, **without: Any) -> Chip:
    return Chip(says, what, shown.at(**without))


async def _chatflow_name(call: PageCall, shown: KeyList, found: list[ApiKey]) -> str:
    for key in found:
        for chatflow in key.chatflows:
            if chatflow.id == shown.chatflow:
                return chatflow.name
    if call.may("chatflows:view"):
        for choice in await call.services.chatflows.choices(call.caller, "", 0, (shown.chatflow,)):
            return choice.name
    return "one that is not here"
