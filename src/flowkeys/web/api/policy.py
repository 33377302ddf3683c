"""``/policy``: what a workspace asks of all its keys."""

from typing import Any

import msgspec
from fastapi import Response

from flowkeys.domain.keys.policy import Policy
from flowkeys.web import render
from flowkeys.web.requests.putback import require_unchanged
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.policy import PolicyCheckOut, PolicyOut, PolicyUpdate
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Policy"])

_BODY = ("validation_failed", "invalid_json", "too_large")


@router.on("GET", "/policy", needs="policy:view", answers=PolicyOut)
async def get_policy(call: Call) -> Response:
    """Return the policy of the workspace; one that asks for nothing when nobody made any."""
    return json_response(render.policy(await call.services.policies.get(call.caller)))


@router.on("PUT", "/policy", needs="policy:update", answers=PolicyOut, errors=_BODY)
async def update_policy(body: PolicyUpdate, call: Call) -> Response:
    """Change what is sent of the policy; null takes a part away.

    Keys that break it stay as they are, and `GET /policy/check` names them. Networks bind every call with a
    key of the workspace from the next one on; people who are signed in are not bound by them.
    """
    sent = body.given()
    updated_at = {"updatedAt": sent.pop("updated_at")} if "updated_at" in sent else {}
    if "allowed_ips" in sent:
        sent["allowed_ips"] = tuple(body.allowed_ips or ())

    def change(current: Policy) -> Policy:
        require_unchanged(updated_at, render.policy(current))
        changes: dict[str, Any] = sent
        return msgspec.structs.replace(current, **changes)

    return json_response(render.policy(await call.services.policies.update(call.caller, change)))


@router.on("GET", "/policy/check", needs="apikeys:view", answers=PolicyCheckOut)
async def check_policy(call: Call) -> Response:
    """Name the keys that do not keep to the policy, and what to do."""
    found = await call.services.policies.check(call.caller)
    return json_response(render.policy_check(found, call.services.clock()))
