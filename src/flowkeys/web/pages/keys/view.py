"""``/keys/{id}``: what there is to know about one key."""

from typing import Any, Final

from fastapi import Response

from flowkeys.domain.errors import NotFound
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.domain.limits.gcra import CUSTOMER
from flowkeys.service.keys.standing import left_of_keys, left_of_scope
from flowkeys.web.pages import words
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.limits.quotas import standings_of
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

EXTENSIONS: Final = (86_400, 3600, 7 * 86_400, 30 * 86_400)
"""By how many seconds from now on an old token may be let work; the first is offered first."""


@router.page("GET", "/keys/{key_id}", needs="apikeys:view")
async def view_key(key_id: str, call: PageCall) -> Response:
    """Show a key in any status, with the buttons that would work."""
    key = await call.services.keyring.get(call.caller, key_id)
    return call.render("keys/view.html", title=key.name, **(facts(call, key) | await _limits(call, key)))


async def changeable(call: PageCall, key_id: str) -> ApiKey:
    """Return a key that the person may change.

    Raises:
        Forbidden: the key holds more than the person does.
        NotFound: the workspace has no such key.
    """
    key = await call.services.keyring.get(call.caller, key_id, permission="apikeys:update")
    call.caller.require_ceiling(key.permissions)
    return key


async def _limits(call: PageCall, key: ApiKey) -> dict[str, Any]:
    """Return what the key may still do, what those of its customer may, and whether it is to be rotated."""
    verifier = call.services.verifier
    found: dict[str, Any] = {"left": (await left_of_keys(verifier, [key])).get(key.id, [])}
    found["reminder"] = (await call.services.policies.reminders(call.caller, [key])).get(key.id)
    if key.customer is not None and call.may("customers:view"):
        try:
            customer = await call.services.customers.get(call.caller, key.customer.id)
        except NotFound:  # it was deleted meanwhile
            return found
        found["standings_of_customer"] = standings_of(customer, call.services.clock())
        found["left_of_customer"] = await left_of_scope(verifier, CUSTOMER, customer.id, customer.rate_limits)
    return found


def facts(call: PageCall, key: ApiKey) -> dict[str, Any]:
    """Return what templates say about a key, and what the person may do to it."""
    alive = key.status is not Status.REVOKED and call.may(*key.permissions)
    rotation = key.rotation_at(call.services.clock())
    if key.status is Status.REVOKED:
        rotation = None
    unused = None if rotation is None else rotation.finish_when_unused_seconds
    return {
        "key": key,
        "left": (),
        "reminder": None,
        "left_of_customer": (),
        "standings": standings_of(key, call.services.clock()),
        "standings_of_customer": (),
        "may_limit": alive and call.may("apikeys:update", "chatflows:update"),
        "rotation": rotation,
        "unused_for": None if unused is None else words.duration(unused),
        "extensions": [(each, words.duration(each)) for each in EXTENSIONS],
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
