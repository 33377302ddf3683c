"""``/apikey/bulk``: many keys at once, all of them or none.

One route for each action, since each has a permission of its own. They come before those of a single key, one
of whose paths has the same shape; no key has the id ``bulk``.
"""

from typing import Final

from fastapi import Response

from flowkeys.service.keys.bulk import BulkResult
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.keys import BulkOut, KeyIds
from flowkeys.web.services import Call

router = GuardedRouter(tags=["API keys"])

_BODY: Final = ("validation_failed", "invalid_json", "too_large")


@router.on("POST", "/apikey/bulk/disable", needs="apikeys:update", answers=BulkOut, errors=_BODY)
async def disable_keys(body: KeyIds, call: Call) -> Response:
    """Refuse keys until they are enabled again: all of them, or none."""
    return _answer(await call.services.keyring.disable_many(call.caller, body.ids))


@router.on(
    "POST", "/apikey/bulk/enable", needs="apikeys:update", answers=BulkOut, errors=("policy_violated", *_BODY)
)
async def enable_keys(body: KeyIds, call: Call) -> Response:
    """Accept disabled keys again: all of them, or none."""
    return _answer(await call.services.keyring.enable_many(call.caller, body.ids))


@router.on("POST", "/apikey/bulk/revoke", needs="apikeys:delete", answers=BulkOut, errors=_BODY)
async def revoke_keys(body: KeyIds, call: Call) -> Response:
    """Revoke keys for good: all of them, or none. Their names and histories stay."""
    return _answer(await call.services.keyring.revoke_many(call.caller, body.ids))


def _answer(result: BulkResult) -> Response:
    return json_response(result)
