"""``/credentials``: what chatflows may send to models and services. What they hold never comes out."""

from typing import Any, Final

from fastapi import Response

from flowkeys.domain.chatflows.credential import Credential
from flowkeys.service.flows.credential_input import CredentialPatch
from flowkeys.web.requests.putback import require_unchanged
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas import credentials as render
from flowkeys.web.schemas.credentials import (
    CredentialCreate,
    CredentialFields,
    CredentialOut,
    CredentialUpdate,
    UsedCredentialOut,
)
from flowkeys.web.schemas.keys import AffectedOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Credentials"])

_BODY: Final = ("validation_failed", "invalid_json", "too_large")
_WRITABLE: Final = {"name", "base_url", "plain_data_obj"}
_ONE: Final = "/credentials/{credential_id}"


@router.on(
    "POST", "/credentials", needs="credentials:create", answers=CredentialOut, status=201, errors=_BODY
)
async def create_credential(body: CredentialCreate, call: Call) -> Response:
    """Make a credential. What it holds is kept encrypted, and sent to its base URL alone."""
    made = await call.services.credentials.create(call.caller, body.credential_name, _patch(body))
    return json_response(render.credential(made), 201, {"Location": f"/api/v1/credentials/{made.id}"})


@router.on("GET", "/credentials", needs="credentials:view", answers=list[CredentialOut])
async def list_credentials(call: Call) -> Response:
    """List credentials, by name."""
    found = await call.services.credentials.all(call.caller)
    return json_response([render.credential(item) for item in found])


@router.on("GET", _ONE, needs="credentials:view", answers=UsedCredentialOut, errors=("not_found",))
async def get_credential(credential_id: str, call: Call) -> Response:
    """Return a credential, with the chatflows that name it."""
    found = await call.services.credentials.get(call.caller, credential_id)
    return json_response(render.used_credential(found))


@router.on("PUT", _ONE, needs="credentials:update", answers=CredentialOut, errors=("not_found", *_BODY))
async def update_credential(credential_id: str, body: CredentialUpdate, call: Call) -> Response:
    """Change what is sent of a credential; with another `baseUrl` give what it holds anew."""
    fixed = body.model_fields_set - _WRITABLE - {"used_by"}
    read_only = body.model_dump(by_alias=True, include=fixed)

    def expect(current: Credential) -> None:
        require_unchanged(read_only, render.credential(current))

    changed = await call.services.credentials.update(call.caller, credential_id, _patch(body), expect)
    return json_response(render.credential(changed))


@router.on("DELETE", _ONE, needs="credentials:delete", answers=AffectedOut, errors=("not_found",))
async def delete_credential(credential_id: str, call: Call) -> Response:
    """Delete a credential. Chatflows that name it cannot run until they name another."""
    await call.services.credentials.delete(call.caller, credential_id)
    return json_response({"raw": [], "affected": 1})


def _patch(body: CredentialFields) -> CredentialPatch:
    """Return what was sent of a credential, as values."""
    values: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set & _WRITABLE}
    if "plain_data_obj" in values:
        values["values"] = values.pop("plain_data_obj")
    return CredentialPatch(**values)
