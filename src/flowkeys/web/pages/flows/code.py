"""``/chatflows/{id}/code``: the code that a chatflow would run, to be read and approved."""

from fastapi import Response

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.permissions import ALL
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

_FIELD = "digests"


@router.page("GET", "/chatflows/{chatflow_id}/code", needs="chatflows:view")
async def show(chatflow_id: str, call: PageCall) -> Response:
    """Show the code, and what nobody approved yet first."""
    return await _page(call, chatflow_id, {})


@router.page("POST", "/chatflows/{chatflow_id}/code", needs=ALL)
async def approve(chatflow_id: str, call: PageCall) -> Response:
    """Approve what was shown, or no longer what is approved."""
    form = await call.form()
    digests = form.text(_FIELD).split()
    withdraws = form.text("withdraw") == "yes"
    of = call.services.chatflows
    try:
        changed = await (of.withdraw if withdraws else of.approve)(call.caller, chatflow_id, digests)
    except InvalidInput as error:
        return await _page(call, chatflow_id, {item.field: item.message for item in error.errors})
    name = changed.chatflow.name
    said = f"The code of “{name}” is {'no longer approved' if withdraws else 'approved'}."
    return call.done(f"/chatflows/{chatflow_id}", said)


async def _page(call: PageCall, chatflow_id: str, errors: dict[str, str]) -> Response:
    checked = await call.services.chatflows.get(call.caller, chatflow_id)
    pieces = {piece.digest: piece for piece in checked.check.codes}.values()
    return call.render(
        "flows/code.html",
        422 if errors else 200,
        chatflow_id=chatflow_id,
        name=checked.chatflow.name,
        pieces=sorted(pieces, key=lambda piece: piece.approved),
        waiting=" ".join(piece.digest for piece in pieces if not piece.approved),
        approved=" ".join(piece.digest for piece in pieces if piece.approved),
        errors=errors,
    )
