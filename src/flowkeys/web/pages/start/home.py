"""``/``: what is used, what fails and what runs out, at a glance; and where to begin."""

from typing import Final

from fastapi import Response
from fastapi.responses import RedirectResponse

from flowkeys.domain.listing import ChatflowQuery, KeyQuery
from flowkeys.domain.times import DAY
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter
from flowkeys.web.pages.usage.figures import figures, words
from flowkeys.web.routes import OPEN

router = PageRouter()

SOON: Final = 14 * DAY
SHOWN: Final = 5
"""Of each list; a link leads to the rest."""


@router.page("GET", "/", needs=OPEN)
async def home(call: PageCall) -> Response:
    """Show how things stand, or go to what the person may see instead; without a sign-in, to that."""
    if not call.is_signed_in:
        return RedirectResponse("/sign-in", 303)
    if call.may("apikeys:view"):
        return await _glance(call)
    return RedirectResponse("/chatflows" if call.may("chatflows:view") else "/account", 303)


async def _glance(call: PageCall) -> Response:
    services, caller = call.services, call.caller
    usage = await services.usage.glance(caller)
    ending = KeyQuery(
        workspace_id=caller.workspace_id,
        expires_by=services.clock() + SOON,
        sort="expiresAt",
        descending=False,
        limit=SHOWN,
    )
    keys = KeyQuery(workspace_id=caller.workspace_id, limit=1)
    flows = ChatflowQuery(workspace_id=caller.workspace_id, limit=1)
    has_keys = usage.is_used or bool((await services.keyring.page(caller, keys)).total)
    sees_flows = call.may("chatflows:view")
    has_flows = usage.is_used or (sees_flows and bool((await services.chatflows.page(caller, flows)).total))
    due = await services.policies.due(caller, SHOWN + 1)
    return call.render(
        "start/home.html",
        title="Overview",
        spans=[
            ("The last 24 hours", "24h", figures(usage.day)),
            ("The last 7 days", "7d", figures(usage.week)),
        ],
        failing=[(each, words(each.outcome)) for each in usage.failing],
        ending=await services.keyring.page(caller, ending) if has_keys else None,
        due=due[:SHOWN],
        quotas=await services.usage.ending(caller),
        more_due=len(due) > SHOWN,
        webhooks=await services.webhooks.failing(caller) if call.may("webhooks:view") else [],
        steps={"flow": has_flows, "key": has_keys, "call": usage.is_used},
    )
