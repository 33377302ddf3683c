"""``/credentials`` and what is below it: credentials are made, changed and deleted, never shown."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from fastapi import Response
from msgspec import UNSET

from flowkeys.domain.chatflows.credential import KINDS, Credential
from flowkeys.domain.errors import AlreadySent, InvalidInput
from flowkeys.service.flows.credential_input import CredentialPatch
from flowkeys.service.flows.credentials import DELETE, UPDATE
from flowkeys.service.forms.once import issue
from flowkeys.web.pages.call import PageCall
from flowkeys.web.pages.form import Form
from flowkeys.web.pages.router import PageRouter

router = PageRouter()

_HELD = "plainDataObj."
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class CredentialForm(msgspec.Struct, frozen=True):
    """What a person has typed so far; what is to be secret is never sent back."""

    name: str = ""
    base_url: str = ""

    @classmethod
    def of(cls, sent: Form) -> "CredentialForm":
        """Return the form that was sent."""
        return cls(sent.text("name"), sent.text("baseUrl"))


@router.page("GET", "/credentials", needs="credentials:view")
async def credentials(call: PageCall) -> Response:
    """Show the workspace's credentials, by name."""
    found = await call.services.credentials.all(call.caller)
    labels = {name: kind.label for name, kind in KINDS.items()}
    return call.render("flows/credentials/list.html", title="Credentials", credentials=found, labels=labels)


@router.page("GET", "/credentials/new", needs="credentials:create")
async def new_credential(call: PageCall) -> Response:
    """Ask for a kind, then for what a credential of it consists of."""
    kind = call.query_params.get("kind", "")
    if kind not in KINDS:
        kinds = sorted(((name, item.label) for name, item in KINDS.items()), key=lambda one: one[1].lower())
        return call.render("flows/credentials/kind.html", title="Create a credential", kinds=kinds)
    form = CredentialForm(base_url=KINDS[kind].base_url)
    return _form(call, kind, form, once=issue(call.services.clock))


@router.page("POST", "/credentials/new", needs="credentials:create")
async def create_credential(call: PageCall) -> Response:
    """Make the credential."""
    sent = await call.form()
    form, kind, once = CredentialForm.of(sent), sent.text("kind"), sent.text("form")
    patch = CredentialPatch(name=form.name, base_url=form.base_url, values=_held(sent, kind))
    try:
        await call.services.credentials.create(call.caller, kind, patch, once)
    except InvalidInput as refused:
        errors = _by_field(refused)
        once = issue(call.services.clock) if "form" in errors else once
        return _form(call, kind if kind in KINDS else "openAIApi", form, errors, once=once)
    except AlreadySent:
        return _done(call, "This form was sent before: no second credential was made.")
    return _done(call, "The credential was created.")


@router.page("GET", "/credentials/{credential_id}/edit", needs="credentials:update")
async def edit_credential(credential_id: str, call: PageCall) -> Response:
    """Show the form as the credential is now, and where it is used."""
    found = await call.services.credentials.get(call.caller, credential_id, permission=UPDATE)
    item = found.credential
    form = CredentialForm(item.name, item.base_url)
    return _form(call, item.kind, form, credential=item, used=found.used_by, version=str(item.version))


@router.page("POST", "/credentials/{credential_id}/edit", needs="credentials:update")
async def save_credential(credential_id: str, call: PageCall) -> Response:
    """Change the credential, if it is still as the form showed it."""
    sent = await call.form()
    form, version = CredentialForm.of(sent), sent.text("version")
    found = await call.services.credentials.get(call.caller, credential_id, permission=UPDATE)
    kind = found.credential.kind
    held = _held(sent, kind)
    patch = CredentialPatch(name=form.name, base_url=form.base_url, values=held or UNSET)

    def expect(current: Credential) -> None:
        if str(current.version) != version:
            message = "This credential was changed after you opened this form. Open it again."
            raise InvalidInput.of("version", message)

    try:
        await call.services.credentials.update(call.caller, credential_id, patch, expect)
    except InvalidInput as refused:
        errors = _by_field(refused)
        item, used = found.credential, found.used_by
        return _form(call, kind, form, errors, credential=item, used=used, version=version)
    return _done(call, "The credential was saved.")


@router.page("GET", "/credentials/{credential_id}/delete", needs="credentials:delete")
async def ask_to_delete(credential_id: str, call: PageCall) -> Response:
    """Say what deleting does, and to whom."""
    found = await call.services.credentials.get(call.caller, credential_id, permission=DELETE)
    return call.render(
        "flows/credentials/delete.html",
        title="Delete a credential",
        credential=found.credential,
        used=found.used_by,
    )


@router.page("POST", "/credentials/{credential_id}/delete", needs="credentials:delete")
async def delete_credential(credential_id: str, call: PageCall) -> Response:
    """Delete the credential."""
    await call.form()
    await call.services.credentials.delete(call.caller, credential_id)
    return _done(call, "The credential was deleted.")


def _held(sent: Form, kind: str) -> dict[str, str]:
    """Return what was typed of what it is to hold."""
    found = KINDS.get(kind)
    names = () if found is None else (*found.secrets, *found.optional)
    return {name: text for name in names if (text := sent.text(name).strip())}


def _form(
    call: PageCall,
    kind: str,
    form: CredentialForm,
    errors: Mapping[str, str] | None = None,
    *,
    once: str = "",
    credential: Credential | None = None,
    used: tuple[tuple[str, str], ...] = (),
    version: str = "",
) -> Response:
    known = KINDS.get(kind)
    secrets = () if known is None else known.secrets
    names: tuple[str, ...] = () if known is None else (*secrets, *known.optional)
    context: dict[str, Any] = {
        "members": [(name, _words(name), name in secrets) for name in names],
        "shown": ["name", "baseUrl", *names],
        "label": kind if known is None else known.label,
        "anywhere": known is not None and known.anywhere,
    }
    return call.render(
        "flows/credentials/form.html",
        422 if errors else 200,
        title="Create a credential" if credential is None else "Edit a credential",
        form=form,
        kind=kind,
        once=once,
        errors=errors or {},
        credential=credential,
        used=used,
        version_shown=version,
        **context,
    )


def _words(name: str) -> str:
    """Return the name of a member in words: ``basicAuthUsername`` is *Basic Auth Username*."""
    words = _HUMP.sub(" ", name).replace("Open AI", "OpenAI").replace("open AI", "OpenAI")
    return (words[:1].upper() + words[1:]).replace("Api", "API")


def _by_field(refused: InvalidInput) -> dict[str, str]:
    return {error.field.removeprefix(_HELD): error.message for error in refused.errors}


def _done(call: PageCall, message: str) -> Response:
    return call.done("/credentials" if call.may("credentials:view") else "/", message)
