"""Binding keys to a chatflow and unbinding them."""

from typing import Final

from fastapi import Response

from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.errors import Forbidden, InvalidInput
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.listing import KeyQuery
from flowkeys.service.chatflows.access import is_limited
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

CHOICES: Final = 20
_SEARCH_LENGTH: Final = 200


@router.page("GET", "/chatflows/{chatflow_id}/keys/bind", needs="chatflows:update")
async def choose(chatflow_id: str, call: PageCall) -> Response:
    """Show the keys that could be bound, by name, narrowed by a search."""
    call.caller.require("apikeys:view")
    return await _choose(call, chatflow_id, call.query_params.get("search", ""), "", {})


@router.page("POST", "/chatflows/{chatflow_id}/keys", needs="chatflows:update")
async def bind(chatflow_id: str, call: PageCall) -> Response:
    """Bind the chosen key."""
    call.caller.require("apikeys:view")  # before it is bound: the answer names the key
    sent = await call.form()
    key_id, search = sent.text("key"), sent.text("search")
    if not key_id:
        return await _choose(call, chatflow_id, search, "", {"key": "Choose a key."})
    try:
        bound = await call.services.chatflows.bind(call.caller, chatflow_id, key_id)
        key = await call.services.keyring.get(call.caller, key_id)
    except InvalidInput as error:
        return await _choose(call, chatflow_id, search, key_id, {"key": error.errors[0].message})
    except Forbidden as error:
        return await _choose(call, chatflow_id, search, key_id, {"key": str(error)}, status=403)
    name = bound.chatflow.name
    return call.done(_place(call, chatflow_id), f"“{key.name}” opens “{name}” now.")


@router.page("GET", "/chatflows/{chatflow_id}/keys/{key_id}/unbind", needs="chatflows:update")
async def ask_to_unbind(chatflow_id: str, key_id: str, call: PageCall) -> Response:
    """Say what unbinding does."""
    checked = await call.services.chatflows.get(call.caller, chatflow_id)
    key = await call.services.keyring.get(call.caller, key_id)
    return call.render(
        "chatflows/unbind.html",
        chatflow=checked.chatflow,
        key=key,
        others=await _others(call, checked.chatflow, key),
        is_limited=key.status is not Status.REVOKED and is_limited(key, chatflow_id),
    )


@router.page("POST", "/chatflows/{chatflow_id}/keys/{key_id}/unbind", needs="chatflows:update")
async def unbind(chatflow_id: str, key_id: str, call: PageCall) -> Response:
    """Unbind a key."""
    key = await call.services.keyring.get(call.caller, key_id)
    unbound = await call.services.chatflows.unbind(call.caller, chatflow_id, key_id)
    message = f"“{key.name}” does not open “{unbound.chatflow.name}” any more."
    return call.done(f"/chatflows/{chatflow_id}", message)


def _place(call: PageCall, chatflow_id: str) -> str:
    """Return where to go on: the list, when the dialog was opened there, else the chatflow's page."""
    above = call.came_from
    if call.is_part and above is not None and above.path == "/chatflows":
        return above.path
    return f"/chatflows/{chatflow_id}"


async def _others(call: PageCall, chatflow: Chatflow, key: ApiKey) -> int:
    query = KeyQuery(workspace_id=chatflow.workspace_id, chatflow_id=chatflow.id, limit=1)
    bound = (await call.services.keyring.page(call.caller, query)).total
    return max(0, bound - 1) if key.id in chatflow.key_ids else bound


async def _choose(
    call: PageCall,
    chatflow_id: str,
    search: str,
    chosen: str,
    errors: dict[str, str],
    *,
    status: int = 422,
) -> Response:
    chatflow = (await call.services.chatflows.get(call.caller, chatflow_id)).chatflow
    search = search.strip()[:_SEARCH_LENGTH]
    query = KeyQuery(
        workspace_id=chatflow.workspace_id,
        search=search,
        sort="keyName",
        descending=False,
        limit=CHOICES
        + len(chatflow.key_ids),  # so that enough are left when those bound already are taken out
    )
    found = await call.services.keyring.page(call.caller, query)
    free = [key for key in found.items if key.id not in chatflow.key_ids]
    return call.render(
        "chatflows/bind.html",
        status if errors else 200,
        chatflow=chatflow,
        search=search,
        keys=free[:CHOICES],
        are_more=found.total > len(found.items) or len(free) > CHOICES,
        chosen=chosen,
        errors=errors,
    )
