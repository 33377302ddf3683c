"""Which of the server's credentials the nodes of a chatflow use."""

from fastapi import Response

from flowkeys.domain.errors import InvalidInput
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.chatflows.sent import Errors
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

_FIELD = "credential:"


@router.page("GET", "/chatflows/{chatflow_id}/credentials", needs="chatflows:update")
async def choose_credentials(chatflow_id: str, call: PageCall) -> Response:
    """Show the nodes that use credentials, each with the credential that was named for it."""
    return await _show(call, chatflow_id, None, {})


@router.page("POST", "/chatflows/{chatflow_id}/credentials", needs="chatflows:update")
async def name_credentials(chatflow_id: str, call: PageCall) -> Response:
    """Name them."""
    form = await call.form()
    names: dict[str, str | None] = {
        field.removeprefix(_FIELD): form.text(field) or None
        for field in form.values
        if field.startswith(_FIELD)
    }
    try:
        await call.services.chatflows.update(call.caller, chatflow_id, ChatflowPatch(credentials=names))
    except InvalidInput as error:
        return await _show(call, chatflow_id, form, {"form": " ".join(e.message for e in error.errors)})
    return call.done(f"/chatflows/{chatflow_id}", "The credentials of its nodes were named.")


async def _show(call: PageCall, chatflow_id: str, form: Form | None, errors: Errors) -> Response:
    found = await call.services.chatflows.credentials(call.caller, chatflow_id)
    named = {
        node.id: form.text(f"{_FIELD}{node.id}") if form else found.chatflow.credentials.get(node.id, "")
        for node in found.nodes
    }
    return call.render(
        "chatflows/credentials.html",
        422 if errors else 200,
        chatflow=found.chatflow,
        nodes=found.nodes,
        credentials=found.credentials,
        named=named,
        errors=errors,
    )
