"""The use cases of custom tools: made, listed, changed, deleted."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from flowkeys.domain.chatflows.code import CodePiece, CustomTool, digest_of, parameters_of
from flowkeys.domain.errors import FieldError, InvalidInput, NotFound
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.chatflows.approving import approve, may_approve
from flowkeys.service.journal import record
from flowkeys.service.ports.store import Store, Transaction

VIEW: Final = "tools:view"
CREATE: Final = "tools:create"
UPDATE: Final = "tools:update"
DELETE: Final = "tools:delete"

_MOST: Final = 1000
_NAME: Final = 200
_DESCRIPTION: Final = 10_000
_SCHEMA: Final = 100_000
_CODE: Final = 200_000
_COLOR: Final = "#888888"

Expectation = Callable[[CustomTool], None]
"""Raises `InvalidInput` when a tool is not as its caller believes."""


class ToolPatch(msgspec.Struct, frozen=True, kw_only=True):
    """The members that a change names."""

    name: str | UnsetType = UNSET
    description: str | UnsetType = UNSET
    color: str | UnsetType = UNSET
    icon_src: str | UnsetType | None = UNSET
    schema: str | UnsetType | None = UNSET
    func: str | UnsetType | None = UNSET


class CustomToolService:
    """Custom tools of a workspace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, caller: Caller, patch: ToolPatch, *, approves: bool = False) -> CustomTool:
        """Make a tool. With `approves`, its code is approved along, if the caller holds ``*``.

        Raises:
            Forbidden: the caller lacks ``tools:create``.
            InvalidInput: a field is wrong, or there are too many already.
        """
        caller.require(CREATE)
        now = self._clock()
        given = {name: value for name, value in _given(patch).items() if value is not None}
        made = CustomTool(
            **{
                "name": "",
                "description": "",
                "color": _COLOR,
                "icon_src": None,
                "schema": None,
                "func": None,
                **given,
            },
            id=new_id(),
            workspace_id=caller.workspace_id,
            created_at=now,
            updated_at=now,
            version=1,
        )
        _check(made)
        pieces = _pieces(made) if approves and may_approve(caller) else []

        def work(tx: Transaction) -> None:
            if len(tx.tools.all(caller.workspace_id)) >= _MOST:
                raise InvalidInput.of("name", f"There are {_MOST} already. Delete one first.")
            tx.tools.insert(made)
            _record(tx, caller, now, "tool.create", None, made)
            approve(tx, caller, now, pieces, {"tool": made.name, "toolId": made.id})

        await self._store.write(work)
        return made

    async def all(self, caller: Caller) -> list[CustomTool]:
        """Return the workspace's tools, the first made first."""
        caller.require(VIEW)
        return await self._store.read(lambda tx: tx.tools.all(caller.workspace_id))

    async def get(self, caller: Caller, tool_id: str) -> CustomTool:
        """Return a tool.

        Raises:
            NotFound: the workspace has no such tool.
        """
        caller.require(VIEW)
        return await self._store.read(lambda tx: _get(tx, caller, tool_id))

    async def update(
        self,
        caller: Caller,
        tool_id: str,
        patch: ToolPatch,
        expect: Expectation | None = None,
        *,
        approves: bool = False,
    ) -> CustomTool:
        """Change what the patch names. With `approves`, code that is new is approved along, as in `create`.

        Raises:
            Forbidden: the caller lacks ``tools:update``.
            InvalidInput: a field is wrong.
            NotFound: the workspace has no such tool.
        """
        caller.require(UPDATE)
        now = self._clock()
        given = _given(patch)
        approving = approves and "func" in given and may_approve(caller)

        def work(tx: Transaction) -> CustomTool:
            before = _get(tx, caller, tool_id)
            if expect is not None:
                expect(before)
            after = msgspec.structs.replace(before, **given)
            _check(after)
            if after != before:
                after = msgspec.structs.replace(after, updated_at=now, version=before.version + 1)
                tx.tools.update(after)
                _record(tx, caller, now, "tool.update", before, after)
            if approving and after.func != before.func:
                approve(tx, caller, now, _pieces(after), {"tool": after.name, "toolId": after.id})
            return after

        return await self._store.write(work)

    async def delete(self, caller: Caller, tool_id: str) -> None:
        """Delete a tool; chatflows that name it cannot run until they name another.

        Raises:
            Forbidden: the caller lacks ``tools:delete``.
            NotFound: the workspace has no such tool.
        """
        caller.require(DELETE)
        now = self._clock()

        def work(tx: Transaction) -> None:
            before = _get(tx, caller, tool_id)
            tx.tools.delete(caller.workspace_id, tool_id)
            gone = msgspec.structs.replace(before, version=before.version + 1)
            _record(tx, caller, now, "tool.delete", before, gone)

        await self._store.write(work)


def _given(patch: ToolPatch) -> dict[str, Any]:
    values = msgspec.structs.asdict(patch)
    return {name: value for name, value in values.items() if not isinstance(value, UnsetType)}


def _get(tx: Transaction, caller: Caller, tool_id: str) -> CustomTool:
    found = tx.tools.get(caller.workspace_id, tool_id)
    if found is None:
        raise NotFound("tool")
    return found


def _pieces(tool: CustomTool) -> list[CodePiece]:
    code = tool.func or ""
    return [CodePiece("", tool.name, code, digest_of(code), approved=False)]


def _check(tool: CustomTool) -> None:
    errors = []
    if not tool.name.strip() or len(tool.name) > _NAME:
        errors.append(FieldError("name", f"Give the tool a name of 1 to {_NAME} characters."))
    for field, value, most in (
        ("description", tool.description, _DESCRIPTION),
        ("color", tool.color, _NAME),
        ("iconSrc", tool.icon_src or "", _DESCRIPTION),
        ("schema", tool.schema or "", _SCHEMA),
        ("func", tool.func or "", _CODE),
    ):
        if len(value) > most:
            errors.append(FieldError(field, f"At most {most} characters."))
    try:
        parameters_of(tool.schema)
    except ValueError as error:
        message = f"Give a JSON list of {{property, description, type, required}}, as text: {error}"
        errors.append(FieldError("schema", message))
    if errors:
        raise InvalidInput(*errors)


def _record(
    tx: Transaction, caller: Caller, now: int, action: str, before: CustomTool | None, after: CustomTool
) -> None:
    record(
        tx,
        caller,
        now,
        action=action,
        subject=Subject.TOOL,
        subject_id=after.id,
        version=after.version,
        before=None if before is None else _for_people(before),
        after=None if action == "tool.delete" else _for_people(after),
    )


def _for_people(tool: CustomTool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "digest": digest_of(tool.func or "")}
