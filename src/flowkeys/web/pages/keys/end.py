"""Disabling a key and enabling it again, and revoking it for good."""

from collections.abc import Mapping

from fastapi import Response

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.service.forms.confirmation import FIELD, require_name, used_recently
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.keys.form import by_field
from flowkeys.web.pages.keys.view import facts, list_of
from flowkeys.web.pages.router import PageRouter

router = PageRouter()


@router.page("POST", "/keys/{key_id}/disable", needs="apikeys:update")
async def disable_key(key_id: str, call: PageCall) -> Response:
    """Refuse the key until it is enabled again."""
    key = await call.services.keyring.disable(call.caller, key_id)
    return call.done(list_of(call), f"Key “{key.name}” was disabled. Calls with it are refused.")


@router.page("POST", "/keys/{key_id}/enable", needs="apikeys:update")
async def enable_key(key_id: str, call: PageCall) -> Response:
    """Accept the key again, and say so if that is not enough."""
    key = await call.services.keyring.enable(call.caller, key_id)
    expired = key.status_at(call.services.clock()) is Status.EXPIRED
    more = " It has expired: edit it to give it more time." if expired else ""
    return call.done(list_of(call), f"Key “{key.name}” was enabled.{more}")


@router.page("GET", "/keys/{key_id}/revoke", needs="apikeys:delete")
async def ask_to_revoke(key_id: str, call: PageCall) -> Response:
    """Say what revoking ends, and offer what can be undone."""
    return _question(call, await _revocable(call, key_id))


@router.page("POST", "/keys/{key_id}/revoke", needs="apikeys:delete")
async def revoke_key(key_id: str, call: PageCall) -> Response:
    """Revoke the key; one that was used in the last days only by its name."""
    sent = await call.form()
    key = await _revocable(call, key_id)
    try:
        if key.status is not Status.REVOKED:
            require_name(key.name, sent.text(FIELD), key.last_used_at, call.services.clock())
    except InvalidInput as refused:
        return _question(call, key, by_field(refused.errors), sent.text(FIELD))
    ended = await call.services.keyring.revoke(call.caller, key_id)
    done = "was revoked." if ended else "was revoked before."
    return call.done(list_of(call), f"Key “{key.name}” {done} It will never work again.")


async def _revocable(call: PageCall, key_id: str) -> ApiKey:
    """Return a key that the person may revoke.

    Raises:
        Forbidden: the key holds more than the person does.
        NotFound: the workspace has no such key.
    """
    key = await call.services.keyring.get(call.caller, key_id, permission="apikeys:delete")
    call.caller.require_ceiling(key.permissions)
    return key


def _question(
    call: PageCall, key: ApiKey, errors: Mapping[str, str] | None = None, typed: str = ""
) -> Response:
    if key.status is Status.REVOKED:
        return call.render("keys/view.html", title=key.name, **facts(call, key))
    return call.render(
        "keys/revoke.html",
        422 if errors else 200,
        title=f"Revoke {key.name}",
        errors=errors or {},
        typed=typed,
        asks_name=used_recently(key.last_used_at, call.services.clock()),
        **facts(call, key),
    )
