"""``/chatflows/{id}``: one chatflow: who can call it, from where, what it does, and what was said to it."""

import asyncio
from collections.abc import Sequence
from typing import Final

from fastapi import Response

from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.chatflows.visitors import VisitorRules, read_rules
from flowkeys.domain.ids import new_id
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.limits.gcra import CHATFLOW
from flowkeys.domain.listing import ConversationQuery, KeyQuery, Page
from flowkeys.service.keys.standing import left_of_scope
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.chatflows.seen import words
from flowkeys.web.pages.chatflows.snippets import snippets
from flowkeys.web.pages.graph.drawing import draw
from flowkeys.web.pages.predictions.start_form import start_form
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

KEYS_SHOWN: Final = 10
"""In the table; the others are in the list of keys."""
_KEYS_TO_CHOOSE: Final = 100
"""From which the programs choose one."""
_CONVERSATIONS: Final = 5
_WITH_CREDENTIALS: Final = ("ModelConfig", "httpAgentflow", "executeFlowAgentflow")
"""What the flowData of a chatflow has in it whose nodes can be given credentials."""


@router.page("GET", "/chatflows/{chatflow_id}", needs="chatflows:view")
async def show(chatflow_id: str, call: PageCall) -> Response:
    """Show a chatflow."""
    checked = await call.services.chatflows.get(call.caller, chatflow_id)
    chatflow = checked.chatflow
    keys = await keys_of(call, chatflow_id)
    now = call.services.clock()
    only_key = call.is_part and "key" in call.query_params  # another key was chosen for the programs
    drawing = None if only_key else await asyncio.to_thread(draw, chatflow.flow_data, checked.check.of_nodes)
    latest = ConversationQuery(
        workspace_id=chatflow.workspace_id, chatflow_id=chatflow.id, limit=_CONVERSATIONS
    )
    conversations = await call.services.chatflows.conversations(call.caller, latest)
    return call.render(
        "chatflows/view.html",
        chatflow=chatflow,
        check=checked.check,
        warnings=checked.warnings,
        uses_credentials=any(sign in chatflow.flow_data for sign in _WITH_CREDENTIALS),
        keys=keys.items if keys else None,
        keys_shown=KEYS_SHOWN,
        more_keys=max(keys.total - KEYS_SHOWN, 0) if keys else 0,
        nobody=keys is not None and all(key.status_at(now) is not Status.ACTIVE for key in keys.items),
        chosen=_chosen(keys.items if keys else (), call.query_params.get("key"), now),
        left=await left_of_scope(call.services.verifier, CHATFLOW, chatflow.id, chatflow.rate_limits),
        visitors=visitor_rules(chatflow),
        seen=words(chatflow),
        endpoint=f"{call.address}/api/v1/prediction/{chatflow.id}",
        snippets=snippets(call.address, chatflow_id=chatflow.id),
        drawing=drawing,
        conversations=conversations.items,
        start=await start_form(chatflow.flow_data),
        session_id=new_id(),
        turns=(),
        errors={},
        typed={},
    )


def visitor_rules(chatflow: Chatflow) -> VisitorRules:
    """Return what is asked of visitors; what cannot be understood is said by the chatflow's warnings."""
    try:
        return read_rules(chatflow.api_config, chatflow.chatbot_config) or VisitorRules()
    except (ValueError, RecursionError):
        return VisitorRules()


async def keys_of(call: PageCall, chatflow_id: str) -> Page[ApiKey] | None:
    """Return the keys of a chatflow that are not revoked, by name; None when the person may not see keys."""
    if not call.may("apikeys:view"):
        return None
    query = KeyQuery(
        workspace_id=call.caller.workspace_id,
        chatflow_id=chatflow_id,
        sort="keyName",
        descending=False,
        limit=_KEYS_TO_CHOOSE,
    )
    return await call.services.keyring.page(call.caller, query)


def _chosen(keys: Sequence[ApiKey], key_id: str | None, now: int) -> ApiKey | None:
    """Return the key that the snippets are shown for: the one asked for, else the first that works."""
    asked = [key for key in keys if key.id == key_id]
    working = [key for key in keys if key.status_at(now) is Status.ACTIVE]
    return next(iter([*asked, *working, *keys]), None)
