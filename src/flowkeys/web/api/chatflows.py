"""``/chatflows``: what keys open, and who may call it."""

from typing import Annotated, Any

from fastapi import Query, Response

from flowkeys.domain.chatflows.chatflow import ChatflowType
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.listing import ChatflowQuery, MessageQuery
from flowkeys.service.chatflows.input import EXTRAS, ChatflowPatch
from flowkeys.service.chatflows.reader import CheckedChatflow
from flowkeys.service.limits import read_limits
from flowkeys.web import render
from flowkeys.web.api.lists import Before, PageLimit, PageNumber, SearchText, Slice, list_response
from flowkeys.web.requests.putback import require_unchanged
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.chatflows import (
    ChatflowCreate,
    ChatflowFields,
    ChatflowOut,
    ChatflowPageOut,
    ChatflowUpdate,
    MessagePageOut,
)
from flowkeys.web.schemas.keys import AffectedOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Chatflows"])

_WRITABLE = frozenset(ChatflowFields.model_fields)
_BODY = ("validation_failed", "invalid_json", "too_large")
Approve = Annotated[
    bool,
    Query(description="Whether who holds `*` approves the code that is new in `flowData` by sending it."),
]
_PLAIN = ("name", "flow_data", "chatbot_config", "api_config", "category", "credentials")


@router.on("POST", "/chatflows", needs="chatflows:create", answers=ChatflowOut, status=201, errors=_BODY)
async def create_chatflow(body: ChatflowCreate, call: Call, approve: Approve = True) -> Response:
    """Store a chatflow. It answers nobody until a key is bound or it is made public."""
    made = await call.services.chatflows.create(call.caller, _patch(body), approves=approve)
    location = {"Location": f"/api/v1/chatflows/{made.chatflow.id}"}
    return json_response(render.chatflow(made), 201, location)


@router.on(
    "GET",
    "/chatflows",
    needs="chatflows:view",
    answers=list[ChatflowOut] | ChatflowPageOut,
    errors=("validation_failed",),
)
async def list_chatflows(
    call: Call,
    search: SearchText = "",
    kind: Annotated[ChatflowType | None, Query(alias="type")] = None,
    page: PageNumber = None,
    limit: PageLimit = None,
    before: Before = None,
) -> Response:
    """List chatflows, newest first: an array, or with `page` one page and the number of all."""
    part = Slice.of(page, limit)
    query = ChatflowQuery(
        workspace_id=call.caller.workspace_id,
        search=search,
        type=kind.value if kind else None,
        limit=part.limit,
        offset=part.offset,
        before=before,
    )
    found = await call.services.chatflows.page(call.caller, query)
    items = [render.chatflow(item) for item in found.items]
    return list_response(call, part, items, found.total, linked=True)


@router.on(
    "GET", "/chatflows/{chatflow_id}", needs="chatflows:view", answers=ChatflowOut, errors=("not_found",)
)
async def get_chatflow(chatflow_id: str, call: Call) -> Response:
    """Return a chatflow, `flowData` byte for byte as it was given."""
    return json_response(render.chatflow(await call.services.chatflows.get(call.caller, chatflow_id)))


@router.on(
    "PUT",
    "/chatflows/{chatflow_id}",
    needs="chatflows:update",
    answers=ChatflowOut,
    errors=("not_found", *_BODY),
)
async def update_chatflow(
    chatflow_id: str,
    body: ChatflowUpdate,
    call: Call,
    approve: Approve = True,
) -> Response:
    """Change what is sent. Writing `apikeyid` binds that key alone, and ends being public."""
    patch = _patch(body)
    read_only = body.model_dump(by_alias=True, include=body.model_fields_set - _WRITABLE)

    def expect(current: CheckedChatflow) -> None:
        require_unchanged(read_only, render.chatflow(current))

    updated = await call.services.chatflows.update(
        call.caller, chatflow_id, patch, expect if read_only else None, approves=approve
    )
    return json_response(render.chatflow(updated))


@router.on(
    "PUT",
    "/chatflows/{chatflow_id}/keys/{key_id}",
    needs="chatflows:update",
    answers=ChatflowOut,
    errors=("not_found", "validation_failed"),
)
async def bind_key(chatflow_id: str, key_id: str, call: Call) -> Response:
    """Bind one key more. It ends being public, and leaves the other keys as they are."""
    return json_response(
        render.chatflow(await call.services.chatflows.bind(call.caller, chatflow_id, key_id))
    )


@router.on(
    "DELETE",
    "/chatflows/{chatflow_id}/keys/{key_id}",
    needs="chatflows:update",
    answers=ChatflowOut,
    errors=("not_found",),
)
async def unbind_key(chatflow_id: str, key_id: str, call: Call) -> Response:
    """Unbind one key. The chatflow stays as closed as it was."""
    unbound = await call.services.chatflows.unbind(call.caller, chatflow_id, key_id)
    return json_response(render.chatflow(unbound))


@router.on(
    "DELETE", "/chatflows/{chatflow_id}", needs="chatflows:delete", answers=AffectedOut, errors=("not_found",)
)
async def delete_chatflow(chatflow_id: str, call: Call) -> Response:
    """Delete a chatflow with its conversations. Its keys stay, unbound from it."""
    await call.services.chatflows.delete(call.caller, chatflow_id)
    return json_response({"raw": [], "affected": 1})


@router.on(
    "GET",
    "/chatflows/{chatflow_id}/messages",
    needs="chatflows:view",
    answers=MessagePageOut,
    errors=("not_found", "validation_failed"),
)
async def list_messages(
    chatflow_id: str,
    call: Call,
    session_id: Annotated[str | None, Query(alias="sessionId", max_length=255)] = None,
    key_id: Annotated[str | None, Query(alias="keyId", max_length=64)] = None,
    page: PageNumber = None,
    limit: PageLimit = None,
) -> Response:
    """List the messages of a chatflow's conversations, newest first.

    What tools were given and gave is shown to holders of `executions:view`, to others their names.
    """
    part = Slice.of(page or 1, limit or 100)
    query = MessageQuery(
        workspace_id=call.caller.workspace_id,
        chatflow_id=chatflow_id,
        session_id=session_id,
        key_id=key_id,
        limit=part.limit,
        offset=part.offset,
    )
    found = await call.services.chatflows.messages(call.caller, query)
    outlined = not call.caller.holds("executions:view")
    data = [render.message(item, outlined=outlined) for item in found.items]
    return json_response({"total": found.total, "data": data})


def _patch(body: ChatflowFields) -> ChatflowPatch:
    """Return what was sent of a chatflow.

    Raises:
        InvalidInput: the type is not one of Flowise's.
    """
    given = body.given()
    values: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    values["extras"] = {
        alias: given[name]
        for name, field in ChatflowFields.model_fields.items()
        if (alias := field.alias) in EXTRAS and name in given
    }
    if "type" in given:
        if body.type not in ChatflowType.__members__:
            raise InvalidInput.of("type", f"Give one of {', '.join(ChatflowType)}.")
        values["type"] = ChatflowType(body.type)
    if "is_public" in given:
        values["is_public"] = bool(body.is_public)
    if "apikeyid" in given:
        values["key_id"] = body.apikeyid or None
    if "api_key_ids" in given:
        values["key_ids"] = tuple(body.api_key_ids)
    if "rate_limits" in given:
        values["rate_limits"] = read_limits([each.as_given() for each in body.rate_limits or ()])
    return ChatflowPatch(**values)
