"""``/variables``: what ``{{ $vars.name }}`` stands for in the chatflows of a workspace."""

from typing import Final

from fastapi import Response

from flowkeys.domain.chatflows.variable import Variable
from flowkeys.service.flows.variables import VariablePatch
from flowkeys.web.api.flows import variable_schemas as render
from flowkeys.web.api.flows.variable_schemas import (
    VariableCreate,
    VariableFields,
    VariableOut,
    VariableUpdate,
)
from flowkeys.web.requests.putback import require_unchanged
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.keys import AffectedOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Variables"])

_BODY: Final = ("validation_failed", "invalid_json", "too_large")
_WRITABLE: Final = frozenset(VariableFields.model_fields)
_ONE: Final = "/variables/{variable_id}"


@router.on("POST", "/variables", needs="variables:create", answers=VariableOut, status=201, errors=_BODY)
async def create_variable(body: VariableCreate, call: Call) -> Response:
    """Make a variable: every chatflow of the workspace reads it from its next call on."""
    made = await call.services.variables.create(call.caller, _patch(body))
    return json_response(render.variable(made), 201, {"Location": f"/api/v1/variables/{made.id}"})


@router.on("GET", "/variables", needs="variables:view", answers=list[VariableOut])
async def list_variables(call: Call) -> Response:
    """List variables, by name."""
    return json_response([render.variable(item) for item in await call.services.variables.all(call.caller)])


@router.on("GET", _ONE, needs="variables:view", answers=VariableOut, errors=("not_found",))
async def get_variable(variable_id: str, call: Call) -> Response:
    """Return a variable."""
    return json_response(render.variable(await call.services.variables.get(call.caller, variable_id)))


@router.on("PUT", _ONE, needs="variables:update", answers=VariableOut, errors=("not_found", *_BODY))
async def update_variable(variable_id: str, body: VariableUpdate, call: Call) -> Response:
    """Change what is sent of a variable."""
    read_only = body.model_dump(by_alias=True, include=body.model_fields_set - _WRITABLE)

    def expect(current: Variable) -> None:
        require_unchanged(read_only, render.variable(current))

    changed = await call.services.variables.update(call.caller, variable_id, _patch(body), expect)
    return json_response(render.variable(changed))


@router.on("DELETE", _ONE, needs="variables:delete", answers=AffectedOut, errors=("not_found",))
async def delete_variable(variable_id: str, call: Call) -> Response:
    """Delete a variable. Where chatflows name it, the name stays as it is written."""
    await call.services.variables.delete(call.caller, variable_id)
    return json_response({"raw": [], "affected": 1})


def _patch(body: VariableFields) -> VariablePatch:
    """Return what was sent of a variable; a value of null is an empty one."""
    given = {name: getattr(body, name) for name in body.model_fields_set & _WRITABLE}
    if "value" in given:
        given["value"] = given["value"] or ""
    return VariablePatch(**given)
