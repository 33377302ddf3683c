"""``/keys/{id}/chatflows/{id}/limits``: how often a key may call one of the chatflows that it opens."""

from collections.abc import Mapping

from fastapi import Response

from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.keys.api_key import ApiKey, BoundChatflow
from flowkeys.service.keys.input import KeyPatch
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.keys.form import by_field
from flowkeys.web.pages.keys.view import changeable, list_of
from flowkeys.web.pages.limits.rates import LimitRows
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

PATH = "/keys/{key_id}/chatflows/{chatflow_id}/limits"


@router.page("GET", PATH, needs="apikeys:update")
async def show_limits(key_id: str, chatflow_id: str, call: PageCall) -> Response:
    """Show the limits of a key on a chatflow as they are now."""
    key, bound = await _bound(call, key_id, chatflow_id)
    return _form(call, key, bound, LimitRows.of_limits(bound.rate_limits), str(key.version))


@router.page("POST", PATH, needs="apikeys:update")
async def save_limits(key_id: str, chatflow_id: str, call: PageCall) -> Response:
    """Set them, if the key is still as the form showed it."""
    sent = await call.form()
    limits, version = LimitRows.of(sent), sent.text("version")
    key, bound = await _bound(call, key_id, chatflow_id)
    if limits.is_longer:
        return _form(call, key, bound, limits, version)

    def expect(current: ApiKey) -> None:
        if str(current.version) != version:
            raise InvalidInput.of("version", "The key was changed after you opened this form. Open it again.")

    try:
        patch = KeyPatch(binding_limits={chatflow_id: limits.read()})
        await call.services.keyring.update(call.caller, key_id, patch, expect)
    except InvalidInput as refused:
        return _form(call, key, bound, limits, version, by_field(refused.errors))
    place = list_of(call)
    message = f"What “{key.name}” may do on “{bound.name}” was saved."
    return call.done(place if place.startswith("/chatflows/") else f"/keys/{key.id}", message)


async def _bound(call: PageCall, key_id: str, chatflow_id: str) -> tuple[ApiKey, BoundChatflow]:
    """Return a key that the person may change, and one of its chatflows.

    Raises:
        Forbidden: the key holds more than the person does, or they may not change chatflows.
        NotFound: the workspace has no such key, or the key does not open the chatflow.
    """
    call.caller.require("chatflows:update")
    key = await changeable(call, key_id)
    for item in key.chatflows:
        if item.id == chatflow_id:
            return key, item
    raise NotFound("chatflow")


def _form(
    call: PageCall,
    key: ApiKey,
    bound: BoundChatflow,
    limits: LimitRows,
    version: str,
    errors: Mapping[str, str] | None = None,
) -> Response:
    return call.render(
        "limits/binding.html",
        422 if errors else 200,
        title=f"Limits of {key.name}",
        key=key,
        chatflow=bound,
        limits=limits,
        version_shown=version,
        errors=errors or {},
    )
