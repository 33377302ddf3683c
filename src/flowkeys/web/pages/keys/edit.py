"""``/keys/{id}/edit``: the same fields as when a key is made, without a token."""

from collections.abc import Mapping

import msgspec
from fastapi import Response

from flowkeys.domain.errors import InvalidInput
from flowkeys.domain.keys.api_key import ApiKey, Status
from flowkeys.web.pages import words
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.keys import customers as key_customers
from flowkeys.web.pages.keys.choices import chatflow_choices, permission_choices
from flowkeys.web.pages.keys.form import KeyForm, by_field
from flowkeys.web.pages.keys.view import changeable, facts, list_of
from flowkeys.web.pages.router import PageRouter

router = PageRouter()


@router.page("GET", "/keys/{key_id}/edit", needs="apikeys:update")
async def edit_key(key_id: str, call: PageCall) -> Response:
    """Show the form as the key is now."""
    key = await changeable(call, key_id)
    if key.status is Status.REVOKED:
        return call.render("keys/view.html", title=key.name, **facts(call, key))
    return await _form(call, key, KeyForm.of_key(key), str(key.version))


@router.page("POST", "/keys/{key_id}/edit", needs="apikeys:update")
async def save_key(key_id: str, call: PageCall) -> Response:
    """Change the key, if it is still as the form showed it."""
    sent = await call.form()
    form, version = KeyForm.of(sent), sent.text("version")
    key = await changeable(call, key_id)
    if form.is_unfinished:
        return await _form(call, key, form, version)

    def expect(current: ApiKey) -> None:
        if str(current.version) != version:
            when = words.relative(current.updated_at, call.services.clock())
            raise InvalidInput.of("version", f"This key was changed {when}, after you opened this form.")

    try:
        offered = permission_choices(call.caller, key.permissions).offered
        patch = form.patch(call.caller, key, offered, call.services.clock())
        if form.customer is not None and form.customer != KeyForm.of_key(key).customer:
            patch = msgspec.structs.replace(patch, customer_id=await key_customers.chosen(call, form))
        saved = await call.services.keyring.update(call.caller, key_id, patch, expect)
    except InvalidInput as refused:
        return await _form(call, key, form, version, by_field(refused.errors))
    return call.done(list_of(call), f"Key “{saved.name}” was saved.")


async def _form(
    call: PageCall, key: ApiKey, form: KeyForm, version: str, errors: Mapping[str, str] | None = None
) -> Response:
    return call.render(
        "keys/edit.html",
        422 if errors else 200,
        title=f"Edit {key.name}",
        key=key,
        form=form,
        version_shown=version,
        errors=errors or {},
        chatflows=await chatflow_choices(call.services.chatflows, call.caller, form),
        permissions=permission_choices(call.caller, form.permissions),
        keep=_present_end(key, call.services.clock()),
    )


def _present_end(key: ApiKey, now: int) -> str:
    if key.expires_at is None:
        return "Keep: it never ends"
    verb = "ends" if key.expires_at > now else "ended"
    return f"Keep: {verb} {words.exact(key.expires_at)}"
