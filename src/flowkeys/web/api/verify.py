"""``/apikey/verify``: is a token good, and for what."""

import msgspec
from fastapi import Response

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.keys.bearer import UNKNOWN, read_credential
from flowkeys.domain.keys.decision import AccessRequest, Decision, Denied
from flowkeys.domain.keys.networks import Client
from flowkeys.domain.keys.token import Token
from flowkeys.domain.permissions import KNOWN
from flowkeys.service.keys.input import client_of
from flowkeys.web import render
from flowkeys.web.auth import authenticate
from flowkeys.web.errors import Refused
from flowkeys.web.requests.context import context_of
from flowkeys.web.routes import ANY_KEY, GuardedRouter, json_response
from flowkeys.web.schemas.keys import VerifiedManyOut, VerifiedOut, VerifyIn
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Verification"])


@router.on(
    "POST",
    "/apikey/verify",
    needs=ANY_KEY,
    answers=VerifiedOut | VerifiedManyOut,
    errors=("validation_failed", "invalid_json", "too_large", "chatflow_not_allowed", "rate_limited"),
)
async def verify(call: Call, body: VerifyIn) -> Response:
    """Say whether tokens are good, for a chatflow, a permission or an address if one is named.

    Without a token in the body the caller asks about itself, and a refusal is this call's own. With `token`
    or `tokens` the caller needs `apikeys:view`, and the answer is always 200. Only what is allowed counts as
    use, of the caller and of the keys that are asked about.

    `address` is where a call comes from that a gateway asks about. It decides about a key that is bound to
    networks, also when the caller asks about itself; without it that is decided by where this call comes
    from, and a token in the body that is bound to networks is refused.

    With `"count": true` what is allowed is a call, which counts against the limits of the key in question;
    the answer says what is left of each.
    """
    wanted = _wanted(body)
    sent = body.given()
    client = client_of(body.address) if "address" in sent else None
    count = bool(body.count)
    if "token" not in sent and "tokens" not in sent:
        return json_response(await _about_caller(call, wanted, client, takes=count))
    await authenticate(call.services, call.scope, None, counts=False)  # from where it calls counts, too
    call.caller.require("apikeys:view")
    if "token" in sent and "tokens" in sent:
        raise InvalidInput.of("tokens", "Send token or tokens, not both.")
    await authenticate(call.services, call.scope, "apikeys:view")  # counts as use
    if "token" not in sent:
        decisions = [await _decide(call, text, wanted, client, takes=count) for text in body.tokens]
        for decision in decisions:
            _note(call, decision)
        return json_response({"results": [render.verified(decision) for decision in decisions]})
    decision = await _decide(call, body.token, wanted, client, takes=count)
    _note(call, decision)
    context_of(call.scope).taken = decision.taken
    return json_response(render.verified(decision))


async def _about_caller(
    call: Call, wanted: AccessRequest, client: Client | None, *, takes: bool
) -> render.Json:
    credential = read_credential(call.scope["headers"])
    verifier = call.services.verifier
    context = context_of(call.scope)
    decision: Decision = (
        await verifier.verify(credential, wanted, client or context.client, takes=takes)
        if isinstance(credential, bytes)
        else credential
    )
    if isinstance(decision, Denied):
        raise Refused(call.services.refusals.refuse(decision, context.address))
    context.taken = decision.taken
    call.services.calls.tally.decided(None)
    return render.verified(decision)


async def _decide(
    call: Call, text: str, wanted: AccessRequest, client: Client | None, *, takes: bool
) -> Decision:
    """Decide about a token of the caller's workspace; one of another is unknown here."""
    token = Token.parse(text)
    if token is None:
        return UNKNOWN
    own = msgspec.structs.replace(wanted, workspace_id=call.caller.workspace_id)
    return await call.services.verifier.verify(token, own, client, takes=takes)


def _note(call: Call, decision: Decision) -> None:
    call.services.calls.tally.decided(decision.reason.value if isinstance(decision, Denied) else None)


def _wanted(body: VerifyIn) -> AccessRequest:
    sent = body.given()
    if "permission" in sent and body.permission not in KNOWN:
        raise InvalidInput.of("permission", "There is no such permission.")
    chatflow_id = body.chatflow_id if "chatflow_id" in sent else None
    permissions = (body.permission,) if "permission" in sent else ()
    return AccessRequest(chatflow_id=chatflow_id, permissions=permissions)
