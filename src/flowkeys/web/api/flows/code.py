"""``/chatflows/{id}/code``: the code that a chatflow would run, and approving it."""

from fastapi import Response

from flowkeys.domain.permissions import ALL
from flowkeys.service.chatflows.reader import CheckedChatflow
from flowkeys.web.api.flows.rendering import code_piece
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.chatflows import ApprovalIn, CodeOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Chatflows"])


@router.on(
    "GET",
    "/chatflows/{chatflow_id}/code",
    needs="chatflows:view",
    answers=list[CodeOut],
    errors=("not_found",),
)
async def chatflow_code(chatflow_id: str, call: Call) -> Response:
    """Return the code that running a chatflow would run, the nodes' and the tools', approved or not."""
    return _answer(await call.services.chatflows.get(call.caller, chatflow_id))


@router.on(
    "POST",
    "/chatflows/{chatflow_id}/code/approve",
    needs=ALL,
    answers=list[CodeOut],
    errors=("not_found", "validation_failed", "invalid_json", "too_large"),
)
async def approve_code(chatflow_id: str, body: ApprovalIn, call: Call) -> Response:
    """Approve code by its digests, all of it without any. Needs `*`."""
    return _answer(await call.services.chatflows.approve(call.caller, chatflow_id, body.digests))


@router.on(
    "POST",
    "/chatflows/{chatflow_id}/code/withdraw",
    needs=ALL,
    answers=list[CodeOut],
    errors=("not_found", "validation_failed", "invalid_json", "too_large"),
)
async def withdraw_code(chatflow_id: str, body: ApprovalIn, call: Call) -> Response:
    """Approve code no longer, in every chatflow of the workspace that has it. Needs `*`."""
    return _answer(await call.services.chatflows.withdraw(call.caller, chatflow_id, body.digests))


def _answer(checked: CheckedChatflow) -> Response:
    return json_response([code_piece(piece) for piece in checked.check.codes])
