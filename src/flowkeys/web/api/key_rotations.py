"""``/apikey/{id}/rotate`` and ``/rotation``: a new token for a key, and the end of the old one."""

from typing import Any, Final

from fastapi import Response

from flowkeys.service.keys.rotations import NewRotation
from flowkeys.web import render
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.keys import KeyOut, MadeKeyOut, RotationBegin, RotationChange
from flowkeys.web.services import Call

router = GuardedRouter(tags=["API keys"])

_AS_USUAL: Final = RotationBegin()
"""What is meant by a call without a body."""
_BODY = ("not_found", "validation_failed", "invalid_json", "too_large")


@router.on(
    "POST",
    "/apikey/{key_id}/rotate",
    needs="apikeys:update",
    answers=MadeKeyOut,
    status=201,
    errors=("rotation_under_way", *_BODY),
)
async def rotate_key(key_id: str, call: Call, body: RotationBegin = _AS_USUAL) -> Response:
    """Give a key a new token, which is shown this once; the old one works until the grace is over.

    Id, name, chatflows, permissions and limits stay: both tokens are one key. A key that leaked is rotated
    with `graceSeconds` 0.
    """
    new = NewRotation(
        grace_seconds=body.grace_seconds, finish_when_unused_seconds=body.finish_when_unused_seconds
    )
    made = await call.services.keyring.rotations.begin(call.caller, key_id, new)
    location = {"Location": f"/api/v1/apikey/{made.key.id}"}
    return json_response(render.made_key(made, call.services.clock()), 201, location)


@router.on(
    "PUT",
    "/apikey/{key_id}/rotation",
    needs="apikeys:update",
    answers=KeyOut,
    errors=("no_rotation", *_BODY),
)
async def change_rotation(key_id: str, body: RotationChange, call: Call) -> Response:
    """End the rotation that is under way, with `graceSeconds` 0, or set when it ends, from now on."""
    key = await call.services.keyring.rotations.set_grace(call.caller, key_id, body.grace_seconds)
    return json_response(render.key(key, call.services.clock()))


def is_earlier(sent: Any, now: Any) -> bool:
    """Tell whether a sent `rotation` is an earlier reading of what moved on by itself: uses, or its end."""
    if not isinstance(sent, dict):
        return False
    return now is None or all(
        sent.get(name) == now[name] for name in ("startedAt", "endsAt", "finishWhenUnusedSeconds")
    )
