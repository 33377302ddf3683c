"""Deleting a chatflow."""

from collections.abc import Mapping
from typing import Final

from fastapi import Response

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.listing import ConversationQuery
from flowkeys.service.forms.confirmation import FIELD, require_name, used_recently
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.chatflows.view import keys_of
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

_COUNTED: Final = 100
"""Conversations are counted up to here."""


@router.page("GET", "/chatflows/{chatflow_id}/delete", needs="chatflows:delete")
async def ask_to_delete(chatflow_id: str, call: PageCall) -> Response:
    """Say what goes with the chatflow."""
    return await _question(call, chatflow_id)


@router.page("POST", "/chatflows/{chatflow_id}/delete", needs="chatflows:delete")
async def delete(chatflow_id: str, call: PageCall) -> Response:
    """Delete the chatflow; one that was called in the last days only by its name."""
    typed = (await call.form()).text(FIELD)
    service = call.services.chatflows
    chatflow = (await service.get(call.caller, chatflow_id, permission="chatflows:delete")).chatflow
    try:
        last_call_at = await _last_call_at(call, chatflow_id)
        require_name(chatflow.name, typed, last_call_at, call.services.clock())
    except InvalidInput as refused:
        return await _question(call, chatflow_id, {FIELD: refused.errors[0].message}, typed)
    await service.delete(call.caller, chatflow_id)
    return call.done("/chatflows", f"The chatflow “{chatflow.name}” was deleted.")


async def _last_call_at(call: PageCall, chatflow_id: str) -> int | None:
    query = ConversationQuery(workspace_id=call.caller.workspace_id, chatflow_id=chatflow_id, limit=1)
    found = await call.services.chatflows.conversations(call.caller, query)
    return found.items[0].last_at if found.items else None


async def _question(
    call: PageCall, chatflow_id: str, errors: Mapping[str, str] | None = None, typed: str = ""
) -> Response:
    service = call.services.chatflows
    chatflow = (await service.get(call.caller, chatflow_id, permission="chatflows:delete")).chatflow
    query = ConversationQuery(workspace_id=chatflow.workspace_id, chatflow_id=chatflow_id, limit=_COUNTED)
    conversations = await service.conversations(call.caller, query)
    last_call_at = conversations.items[0].last_at if conversations.items else None
    keys = await keys_of(call, chatflow_id)
    return call.render(
        "chatflows/delete.html",
        422 if errors else 200,
        chatflow=chatflow,
        keys=keys,
        conversations=len(conversations.items),
        are_more=conversations.older is not None,
        last_call_at=last_call_at,
        asks_name=used_recently(last_call_at, call.services.clock()),
        errors=errors or {},
        typed=typed,
    )
