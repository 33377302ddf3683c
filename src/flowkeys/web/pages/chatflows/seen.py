"""``/chatflows/{id}/executed-data``: what the callers of a chatflow see of a run."""

from typing import Final

from fastapi import Response

from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.predictions.executed import FIELD, ExecutedData
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

_BY_CALLER: Final = ""
_CHOICES: Final = (
    (
        _BY_CALLER,
        "as much as fits who calls",
        (
            "An outline with a key, nothing without one, and everything for who is signed in and for keys "
            "with the permission executions:view."
        ),
    ),
    (
        ExecutedData.FULL,
        "everything",
        "Prompts, addresses, states and whatever else its nodes were given and gave.",
    ),
    (ExecutedData.OUTLINE, "an outline", "Which nodes ran, in which order, and the names of tools."),
    (ExecutedData.NONE, "nothing", "The answer alone."),
)


@router.page("GET", "/chatflows/{chatflow_id}/executed-data", needs="chatflows:update")
async def ask(chatflow_id: str, call: PageCall) -> Response:
    """Show the form with what is chosen now."""
    chatflow = (await call.services.chatflows.get(call.caller, chatflow_id)).chatflow
    return _page(call, chatflow, chosen_of(chatflow), {})


@router.page("POST", "/chatflows/{chatflow_id}/executed-data", needs="chatflows:update")
async def change(chatflow_id: str, call: PageCall) -> Response:
    """Choose anew."""
    chosen = (await call.form()).text(FIELD)
    patch = ChatflowPatch(extras={FIELD: chosen or None})
    try:
        changed = await call.services.chatflows.update(call.caller, chatflow_id, patch)
    except InvalidInput as error:
        chatflow = (await call.services.chatflows.get(call.caller, chatflow_id)).chatflow
        return _page(call, chatflow, chosen, {item.field: item.message for item in error.errors})
    said = f"Callers of “{changed.chatflow.name}” see {words(changed.chatflow)} of a run now."
    return call.done(f"/chatflows/{chatflow_id}#access", said)


def chosen_of(chatflow: Chatflow) -> str:
    """Return what is chosen; what nobody could have chosen shows nothing."""
    field = chatflow.extras.get(FIELD)
    if field is None:
        return _BY_CALLER
    return field if field in tuple(ExecutedData) else ExecutedData.NONE


def words(chatflow: Chatflow) -> str:
    """Return what callers see, in words."""
    chosen = chosen_of(chatflow)
    return next(label for value, label, _ in _CHOICES if value == chosen)


def _page(call: PageCall, chatflow: Chatflow, chosen: str, errors: dict[str, str]) -> Response:
    return call.render(
        "executions/seen.html",
        422 if errors else 200,
        chatflow_id=chatflow.id,
        name=chatflow.name,
        choices=_CHOICES,
        chosen=chosen,
        errors=errors,
    )
