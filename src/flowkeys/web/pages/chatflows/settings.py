"""A chatflow's name, and whether it is public."""

from fastapi import Response

from flowkeys.domain.errors import InvalidInput
from flowkeys.service.chatflows.input import NAME_LENGTH, ChatflowPatch
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.chatflows.view import visitor_rules
from flowkeys.web.pages.router import PageRouter

router = PageRouter()


@router.page("GET", "/chatflows/{chatflow_id}/rename", needs="chatflows:update")
async def ask_for_name(chatflow_id: str, call: PageCall) -> Response:
    """Show the form with the present name."""
    chatflow = (await call.services.chatflows.get(call.caller, chatflow_id)).chatflow
    return _rename(call, chatflow_id, chatflow.name, chatflow.name, {})


@router.page("POST", "/chatflows/{chatflow_id}/rename", needs="chatflows:update")
async def rename(chatflow_id: str, call: PageCall) -> Response:
    """Give the chatflow another name."""
    name = (await call.form()).text("name")
    try:
        renamed = await call.services.chatflows.update(call.caller, chatflow_id, ChatflowPatch(name=name))
    except InvalidInput as error:
        present = (await call.services.chatflows.get(call.caller, chatflow_id)).chatflow.name
        return _rename(call, chatflow_id, present, name, {item.field: item.message for item in error.errors})
    return call.done(f"/chatflows/{chatflow_id}", f"The chatflow is called “{renamed.chatflow.name}” now.")


@router.page("GET", "/chatflows/{chatflow_id}/public", needs="chatflows:update")
async def ask_to_open(chatflow_id: str, call: PageCall) -> Response:
    """Say what making a chatflow public means."""
    return await _open(call, chatflow_id, {})


@router.page("POST", "/chatflows/{chatflow_id}/public", needs="chatflows:update")
async def make_public(chatflow_id: str, call: PageCall) -> Response:
    """Let everybody call the chatflow."""
    try:
        made = await call.services.chatflows.update(call.caller, chatflow_id, ChatflowPatch(is_public=True))
    except InvalidInput as error:
        return await _open(call, chatflow_id, {item.field: item.message for item in error.errors})
    return call.done(f"/chatflows/{chatflow_id}", f"“{made.chatflow.name}” is public now.")


@router.page("POST", "/chatflows/{chatflow_id}/closed", needs="chatflows:update")
async def close(chatflow_id: str, call: PageCall) -> Response:
    """Let only bound keys call the chatflow."""
    made = await call.services.chatflows.update(call.caller, chatflow_id, ChatflowPatch(is_public=False))
    message = f"“{made.chatflow.name}” is closed now: it answers only keys that are bound to it."
    return call.done(f"/chatflows/{chatflow_id}", message)


def _rename(call: PageCall, chatflow_id: str, present: str, name: str, errors: dict[str, str]) -> Response:
    return call.render(
        "chatflows/rename.html",
        422 if errors else 200,
        chatflow_id=chatflow_id,
        present=present,
        name=name,
        longest=NAME_LENGTH,
        errors=errors,
    )


async def _open(call: PageCall, chatflow_id: str, errors: dict[str, str]) -> Response:
    checked = await call.services.chatflows.get(call.caller, chatflow_id)
    return call.render(
        "chatflows/public.html",
        422 if errors else 200,
        chatflow=checked.chatflow,
        visitors=visitor_rules(checked.chatflow),
        endpoint=f"{call.address}/api/v1/prediction/{chatflow_id}",
        errors=errors,
    )
