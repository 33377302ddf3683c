"""Conversations with a chatflow, and one of them."""

import asyncio
from typing import Final

from fastapi import Response

from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.listing import ConversationQuery, MessageQuery
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.frame.paging import page_number
from flowkeys.web.pages.predictions.said import LONGEST, said
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

_LISTED: Final = 25
_MESSAGES: Final = 100


@router.page("GET", "/chatflows/{chatflow_id}/conversations", needs="chatflows:view")
async def conversations(chatflow_id: str, call: PageCall) -> Response:
    """Show the conversations with a chatflow, the latest first."""
    chatflow = (await call.services.chatflows.get(call.caller, chatflow_id)).chatflow
    older = call.query_params.get("older")
    query = ConversationQuery(
        workspace_id=chatflow.workspace_id, chatflow_id=chatflow.id, limit=_LISTED, older_than=older
    )
    try:
        part = await call.services.chatflows.conversations(call.caller, query)
    except InvalidInput:
        raise NotFound("page of conversations") from None
    return call.render(
        "chatflows/conversations.html",
        chatflow=chatflow,
        conversations=part.items,
        older=part.older,
        is_first=older is None,
    )


@router.page("GET", "/chatflows/{chatflow_id}/conversations/{conversation_id}", needs="chatflows:view")
async def conversation(chatflow_id: str, conversation_id: str, call: PageCall) -> Response:
    """Show one conversation, its latest messages in the order in which they were said."""
    service = call.services.chatflows
    chatflow = (await service.get(call.caller, chatflow_id)).chatflow
    found = await service.conversation(call.caller, chatflow_id, conversation_id)
    page = page_number(call.query_params)
    query = MessageQuery(
        workspace_id=chatflow.workspace_id,
        chatflow_id=chatflow_id,
        conversation_id=conversation_id,
        limit=_MESSAGES,
        offset=(page - 1) * _MESSAGES,
        shorten_to=LONGEST,
    )
    messages = await service.messages(call.caller, query)

    def draw() -> Response:
        return call.render(
            "chatflows/conversation.html",
            chatflow=chatflow,
            conversation=found,
            messages=said(messages.items, outlined=not call.may("executions:view")),
            page=page,
            are_earlier=page * _MESSAGES < messages.total,
        )

    return await asyncio.to_thread(draw)  # it may be large, and nobody else should wait for it
