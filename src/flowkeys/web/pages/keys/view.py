"""``/keys/{id}``: what there is to know about one key."""

from typing import Any

from fastapi import Response

from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.router import PageRouter

router = PageRouter()


@router.page("GET", "/keys/{key_id}", needs="apikeys:view")
async def view_key(key_id: str, call: PageCall) -> Response:
    """Show a key in any status, with the buttons that would work."""
    key = await call.services.keyring.get(call.caller, key_id)
    return call.render("keys/view.html", title=key.name, **facts(call, key))


def facts(call: PageCall, key: ApiKey) -> dict[str, Any]:
    """Return what templates say about a key, and what the person may do to it."""
    alive = key.status is not Status.REVOKED and call.may(*key.permissions)
    return {
        "key": key,
        "key_status": key.status_at(call.services.clock()).value,
        "may_change": alive and call.may("apikeys:update"),
        "may_revoke": alive and call.may("apikeys:delete"),
        "is_disabled": key.status is Status.DISABLED,
    }


def list_of(call: PageCall) -> str:
    """Return where somebody came from to change a key: the list as it was filtered, or a chatflow's page."""
    current = call.came_from
    if current is None or not (current.path == "/keys" or current.path.startswith("/chatflows/")):
        return "/keys"
    return f"{current.path}?{current.query}" if current.query else current.path
