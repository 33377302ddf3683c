"""``/apikey/explain``: why a token is good or refused, step by step."""

from fastapi import Response

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.keys.decision import AccessRequest
from flowkeys.domain.permissions import KNOWN
from flowkeys.service.keys.input import client_of
from flowkeys.web import render
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.explain import ExplainedOut, ExplainIn
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Verification"])


@router.on(
    "POST",
    "/apikey/explain",
    needs="apikeys:view",
    answers=ExplainedOut,
    errors=("validation_failed", "invalid_json", "too_large"),
)
async def explain(call: Call, body: ExplainIn) -> Response:
    """Say step by step why a token is good or refused, for a chatflow, permission or address if one is named.

    It does not count as use. A key of another workspace reads as one that there is not.
    """
    sent = body.given()
    if "permission" in sent and body.permission not in KNOWN:
        raise InvalidInput.of("permission", "There is no such permission.")
    client = client_of(body.address) if "address" in sent else None
    wanted = AccessRequest(
        chatflow_id=body.chatflow_id if "chatflow_id" in sent else None,
        permissions=(body.permission,) if "permission" in sent else (),
        workspace_id=call.caller.workspace_id,
    )
    explanation = await call.services.explainer.explain(body.token, wanted, client)
    return json_response(render.explained(explanation))
