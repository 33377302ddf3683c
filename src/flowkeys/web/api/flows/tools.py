"""``/tools``: tools that consist of code, in Flowise's shape."""

from typing import Any, Final

from fastapi import Response

from flowkeys.domain.chatflows.code import CustomTool
from flowkeys.service.flows.tool_input import ToolPatch
from flowkeys.web.api.chatflows import Approve
from flowkeys.web.api.flows.rendering import custom_tool
from flowkeys.web.requests.putback import require_unchanged
from flowkeys.web.routes import GuardedRouter, json_response
from flowkeys.web.schemas.chatflows import ToolCreate, ToolFields, ToolOut, ToolsImport, ToolUpdate
from flowkeys.web.schemas.keys import AffectedOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Tools"])

_BODY: Final = ("validation_failed", "invalid_json", "too_large")
_WRITABLE: Final = frozenset(ToolFields.model_fields)
_ONE: Final = "/tools/{tool_id}"


@router.on("POST", "/tools", needs="tools:create", answers=ToolOut, status=201, errors=_BODY)
async def create_tool(body: ToolCreate, call: Call, approve: Approve = True) -> Response:
    """Make a custom tool. Its code runs once it is approved, which who holds `*` does by sending it."""
    made = await call.services.tools.create(call.caller, _patch(body), approves=approve)
    return json_response(custom_tool(made), 201, {"Location": f"/api/v1/tools/{made.id}"})


@router.on("POST", "/tools/import", needs="tools:create", answers=list[ToolOut], errors=_BODY)
async def import_tools(body: ToolsImport, call: Call) -> Response:
    """Make the custom tools of an export, all or none; nobody approves their code by that.

    One that is there already by its `exportId` stays as it is. One that is another there is 422.
    """
    made = await call.services.tools.bring(call.caller, [_patch(one) for one in body.tools])
    return json_response([custom_tool(item) for item in made])


@router.on("GET", "/tools", needs="tools:view", answers=list[ToolOut])
async def list_tools(call: Call) -> Response:
    """List the custom tools, the first made first."""
    return json_response([custom_tool(item) for item in await call.services.tools.all(call.caller)])


@router.on("GET", _ONE, needs="tools:view", answers=ToolOut, errors=("not_found",))
async def get_tool(tool_id: str, call: Call) -> Response:
    """Return a custom tool."""
    return json_response(custom_tool(await call.services.tools.get(call.caller, tool_id)))


@router.on("PUT", _ONE, needs="tools:update", answers=ToolOut, errors=("not_found", *_BODY))
async def update_tool(tool_id: str, body: ToolUpdate, call: Call, approve: Approve = True) -> Response:
    """Change what is sent of a custom tool."""
    read_only = body.model_dump(by_alias=True, include=body.model_fields_set - _WRITABLE)

    def expect(current: CustomTool) -> None:
        require_unchanged(read_only, custom_tool(current))

    changed = await call.services.tools.update(
        call.caller, tool_id, _patch(body), expect if read_only else None, approves=approve
    )
    return json_response(custom_tool(changed))


@router.on("DELETE", _ONE, needs="tools:delete", answers=AffectedOut, errors=("not_found",))
async def delete_tool(tool_id: str, call: Call) -> Response:
    """Delete a custom tool. Chatflows that name it cannot run until they name another."""
    await call.services.tools.delete(call.caller, tool_id)
    return json_response({"raw": [], "affected": 1})


def _patch(body: ToolFields) -> ToolPatch:
    values: dict[str, Any] = {name: getattr(body, name) for name in body.model_fields_set & _WRITABLE}
    if "parameters" in values:
        values["schema"] = values.pop("parameters")
    return ToolPatch(**values)
