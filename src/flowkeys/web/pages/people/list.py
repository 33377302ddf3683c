"""``/people``: who is here, and who is invited."""

from fastapi import Response

from flowkeys.domain.errors import NotFound
from flowkeys.domain.people.person import USERS_MANAGE, Role, held_by
from flowkeys.domain.permissions import covers
from flowkeys.service.people.leavers import KeysOf
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter

router = PageRouter()


@router.page("GET", "/people", needs=USERS_MANAGE)
async def people(call: PageCall) -> Response:
    """List people with what they may do and how many keys they made, and the invitations."""
    services, held = call.services, call.person.held()
    keys = KeysOf(services.keyring)
    found = await services.people.all(call.caller)
    owners = sum(seen.person.role is Role.OWNER for seen in found)
    rows = [
        {
            "person": seen.person,
            "last_seen_at": seen.last_seen_at,
            "made": await keys.count(call.caller, seen.person.id),
            "is_you": seen.person.id == call.person.id,
            "may_change": covers(held, seen.person.held()),
            "is_last_owner": seen.person.role is Role.OWNER and owners == 1,
        }
        for seen in found
    ]
    invitations = [
        {"link": link, "may_withdraw": covers(held, held_by(link.role, link.permissions))}
        for link in await services.links.invitations(call.caller)
    ]
    return call.render("people/list.html", title="People", rows=rows, invitations=invitations)


@router.page("POST", "/people/invitations/{link_id}/withdraw", needs=USERS_MANAGE)
async def withdraw(link_id: str, call: PageCall) -> Response:
    """Withdraw an invitation: its link works no more. Of one that is gone already: the same."""
    try:
        await call.services.links.withdraw(call.caller, link_id)
    except NotFound:
        return call.done("/people", "That invitation was used or withdrawn already.")
    return call.done("/people", "The invitation was withdrawn. Its link does not work any more.")
