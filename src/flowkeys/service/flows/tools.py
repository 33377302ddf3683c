"""The use cases of custom tools: made, listed, changed, deleted."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from flowkeys.domain.chatflows.code import CodePiece, CustomTool, digest_of
from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.chatflows.approving import approve, may_approve
from flowkeys.service.flows.tool_input import ToolPatch, require_free, require_right
from flowkeys.service.forms.once import spend
from flowkeys.service.journal import record
from flowkeys.service.ports.store import Store, Transaction

VIEW: Final = "tools:view"
CREATE: Final = "tools:create"
UPDATE: Final = "tools:update"
DELETE: Final = "tools:delete"

_MOST: Final = 1000
_COLOR: Final = "#888888"
T = TypeVar("T")

Expectation = Callable[[CustomTool], None]
"""Raises `InvalidInput` when a tool is not as its caller believes."""


class CustomToolService:
    """Custom tools of a workspace."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(
        self, caller: Caller, patch: ToolPatch, once: str | None = None, *, approves: bool = False
    ) -> CustomTool:
        """Make a tool. With `approves`, its code is approved along, if the caller holds ``*``.

        `once` is the form's one-time value.

        Raises:
            AlreadySent: the form of `once` made a tool before, which the exception names.
            Forbidden: the caller lacks ``tools:create``.
            InvalidInput: a field is wrong, or there are too many already.
        """
        caller.require(CREATE)
        now = self._clock()
        made = _new(caller, patch, now)
        pieces = _pieces(made) if approves and may_approve(caller) else []

        def work(tx: Transaction) -> None:
            if once is not None:
                spend(tx, caller, once, made.id, now)
            _add(tx, caller, now, made, tx.tools.all(caller.workspace_id))
            approve(tx, caller, now, pieces, {"tool": made.name, "toolId": made.id})

        await self._store.write(work)
        return made

    async def bring(self, caller: Caller, patches: Sequence[ToolPatch]) -> list[CustomTool]:
        """Make the tools of an export, in one transaction; their code is approved by nobody.

        One that is there already, by the id that the export has for it, stays as it is, and is returned.

        Raises:
            Forbidden: the caller lacks ``tools:create``.
            InvalidInput: one of them cannot be made, or is another here than in the export; its name is told.
        """
        caller.require(CREATE)
        now = self._clock()
        brought = [_named(patch, partial(_new, caller, patch, now)) for patch in patches]

        def work(tx: Transaction) -> list[CustomTool]:
            there = tx.tools.all(caller.workspace_id)
            return [_bring(tx, caller, now, one, there) for one in brought]

        return await self._store.write(work)

    async def all(self, caller: Caller) -> list[CustomTool]:
        """Return the workspace's tools, the first made first."""
        caller.require(VIEW)
        return await self._store.read(lambda tx: tx.tools.all(caller.workspace_id))

    async def get(self, caller: Caller, tool_id: str, *, permission: str = VIEW) -> CustomTool:
        """Return a tool; `permission` is what the caller is to use.

        Raises:
            NotFound: the workspace has no such tool.
        """
        caller.require(permission)
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
        given = patch.given()
        approving = approves and "func" in given and may_approve(caller)

        def work(tx: Transaction) -> CustomTool:
            before = _get(tx, caller, tool_id)
            if expect is not None:
                expect(before)
            after = msgspec.structs.replace(before, **given)
            require_right(after)
            if after != before:
                require_free(tx.tools.all(caller.workspace_id), after)
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


def _new(caller: Caller, patch: ToolPatch, now: int) -> CustomTool:
    given = {name: value for name, value in patch.given().items() if value is not None}
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
    require_right(made)
    return made


def _named(patch: ToolPatch, make: Callable[[], T]) -> T:
    """Return what `make` makes; what is wrong with it is said of the file that the tool stands in."""
    try:
        return make()
    except InvalidInput as error:
        why = " ".join(f"{item.field}: {item.message}" for item in error.errors)
        raise InvalidInput.of("file", f"The tool {str(patch.name)[:100]!r} cannot be made: {why}") from error


def _bring(tx: Transaction, caller: Caller, now: int, one: CustomTool, there: list[CustomTool]) -> CustomTool:
    if one.export_id is not None:
        for other in there:
            if one.export_id not in (other.id, other.export_id):
                continue
            if _for_runs(other) == _for_runs(one):
                return other
            raise InvalidInput.of(
                "file",
                f"The tool {one.name!r} is another one here than in this file, under the same id: delete it,"
                " or take it out of the file.",
            )
    _add(tx, caller, now, one, there)
    there.append(one)
    return one


def _for_runs(tool: CustomTool) -> tuple[str, ...]:
    return tool.name, tool.description, tool.schema or "", tool.func or ""


def _add(tx: Transaction, caller: Caller, now: int, made: CustomTool, there: Sequence[CustomTool]) -> None:
    if len(there) >= _MOST:
        raise InvalidInput.of("name", f"There are {_MOST} already. Delete one first.")
    require_free(there, made)
    tx.tools.insert(made)
    _record(tx, caller, now, "tool.create", None, made)


def _get(tx: Transaction, caller: Caller, tool_id: str) -> CustomTool:
    found = tx.tools.get(caller.workspace_id, tool_id)
    if found is None:
        raise NotFound("tool")
    return found


def _pieces(tool: CustomTool) -> list[CodePiece]:
    code = tool.func or ""
    return [CodePiece("", tool.name, code, digest_of(code), approved=False)]


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
    found = {"name": tool.name, "description": tool.description, "digest": digest_of(tool.func or "")}
    return found if tool.export_id is None else {**found, "exportId": tool.export_id}
