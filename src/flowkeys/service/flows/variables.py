"""The use cases of variables: made, listed, changed, deleted."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.variable import (
    MOST_VARIABLES,
    NAME,
    NAME_LENGTH,
    VALUE_LENGTH,
    Variable,
    VariableType,
)
from flowkeys.domain.errors import FieldError, InvalidInput, NotFound
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.flows.values import Values
from flowkeys.service.forms.once import spend
from flowkeys.service.journal import record
from flowkeys.service.ports.store import Store, Transaction

VIEW: Final = "variables:view"
CREATE: Final = "variables:create"
UPDATE: Final = "variables:update"
DELETE: Final = "variables:delete"

Expectation = Callable[[Variable], None]
"""Raises `InvalidInput` when a variable is not as its caller believes."""


class VariablePatch(msgspec.Struct, frozen=True, kw_only=True):
    """What is to change of a variable; what is not given stays."""

    name: str | msgspec.UnsetType = msgspec.UNSET
    type: str | msgspec.UnsetType = msgspec.UNSET
    value: str | msgspec.UnsetType = msgspec.UNSET


class VariableService:
    """Variables of a workspace."""

    def __init__(
        self,
        store: Store,
        values: Values,
        configured: Mapping[str, str],
        readable: Collection[str],
        clock: Clock,
    ) -> None:
        """`configured` are the operator's own; `readable` what the environment may be asked for."""
        self._store = store
        self._values = values
        self._configured = frozenset(configured)
        self._readable = readable
        self._clock = clock

    async def create(self, caller: Caller, patch: VariablePatch, once: str | None = None) -> Variable:
        """Make a variable. `once` is the form's one-time value.

        Raises:
            AlreadySent: the form of `once` made a variable before, which the exception names.
            Forbidden: the caller lacks ``variables:create``.
            InvalidInput: a field is wrong, another has this name, or there are too many already.
        """
        caller.require(CREATE)
        now = self._clock()
        blank = Variable(
            id=new_id(),
            workspace_id=caller.workspace_id,
            name="",
            type=VariableType.STATIC,
            value="",
            created_at=now,
            updated_at=now,
            version=1,
        )
        made = self._patched(blank, patch)

        def work(tx: Transaction) -> None:
            if once is not None:
                spend(tx, caller, once, made.id, now)
            there = tx.variables.all(caller.workspace_id)
            if len(there) >= MOST_VARIABLES:
                raise InvalidInput.of("name", f"There are {MOST_VARIABLES} already. Delete one first.")
            _require_free(there, made)
            tx.variables.insert(made)
            _record(tx, caller, now, "variable.create", None, made)

        await self._store.write(work)
        await self._values.load()
        return made

    async def all(self, caller: Caller) -> list[Variable]:
        """Return the workspace's variables, by name."""
        caller.require(VIEW)
        return await self._store.read(lambda tx: tx.variables.all(caller.workspace_id))

    async def get(self, caller: Caller, variable_id: str, *, permission: str = VIEW) -> Variable:
        """Return a variable; `permission` is what the caller is to use.

        Raises:
            NotFound: the workspace has no such variable.
        """
        caller.require(permission)
        return await self._store.read(lambda tx: _get(tx, caller, variable_id))

    async def update(
        self, caller: Caller, variable_id: str, patch: VariablePatch, expect: Expectation | None = None
    ) -> Variable:
        """Change what the patch names, if the variable is as the caller expects it.

        Raises:
            Forbidden: the caller lacks ``variables:update``.
            InvalidInput: a field is wrong, or another has this name.
            NotFound: the workspace has no such variable.
        """
        caller.require(UPDATE)
        now = self._clock()

        def work(tx: Transaction) -> Variable:
            before = _get(tx, caller, variable_id)
            if expect is not None:
                expect(before)
            after = self._patched(before, patch)
            if after == before:
                return before
            after = msgspec.structs.replace(after, updated_at=now, version=before.version + 1)
            _require_free(tx.variables.all(caller.workspace_id), after)
            tx.variables.update(after)
            _record(tx, caller, now, "variable.update", before, after)
            return after

        changed = await self._store.write(work)
        await self._values.load()
        return changed

    async def delete(self, caller: Caller, variable_id: str) -> None:
        """Delete a variable. Where chatflows name it, the name stays as it is written.

        Raises:
            NotFound: the workspace has no such variable.
        """
        caller.require(DELETE)
        now = self._clock()

        def work(tx: Transaction) -> None:
            before = _get(tx, caller, variable_id)
            tx.variables.delete(caller.workspace_id, variable_id)
            _record(tx, caller, now, "variable.delete", before, None)

        await self._store.write(work)
        await self._values.load()

    def state(self, item: Variable) -> str | None:
        """Return why a variable does not stand for its value, in words; None when it does."""
        if item.name in self._configured:
            return "The server's configuration has a variable of this name, which is used instead."
        if item.type is VariableType.RUNTIME and item.name not in self._readable:
            return (
                "The server's environment is not asked for it: "
                "its operator names what may be read in FLOWKEYS_RUNTIME_VARIABLES."
            )
        return None

    def _patched(self, before: Variable, patch: VariablePatch) -> Variable:
        given = {
            name: value
            for name in ("name", "type", "value")
            if not isinstance(value := getattr(patch, name), msgspec.UnsetType)
        }
        errors = []
        name = given.get("name", before.name)
        if len(name) > NAME_LENGTH or NAME.fullmatch(name) is None:
            what = f"Give at most {NAME_LENGTH} letters, digits and underscores, a digit not first."
            errors.append(FieldError("name", what))
        kind = given.get("type", before.type)
        if kind not in tuple(VariableType):
            errors.append(FieldError("type", f"Give one of {', '.join(VariableType)}."))
            kind = before.type
        value = given.get("value", before.value)
        if len(value) > VALUE_LENGTH or "\0" in value:
            errors.append(FieldError("value", f"Give at most {VALUE_LENGTH:,} characters."))
        if errors:
            raise InvalidInput(*errors)
        kind = VariableType(kind)
        kept = value if kind is VariableType.STATIC else ""
        return msgspec.structs.replace(before, name=name, type=kind, value=kept)


def _get(tx: Transaction, caller: Caller, variable_id: str) -> Variable:
    found = tx.variables.get(caller.workspace_id, variable_id)
    if found is None:
        raise NotFound("variable")
    return found


def _require_free(there: list[Variable], item: Variable) -> None:
    if any(other.name == item.name and other.id != item.id for other in there):
        raise InvalidInput.of("name", "Another variable has this name.")


def _record(
    tx: Transaction, caller: Caller, now: int, action: str, before: Variable | None, after: Variable | None
) -> None:
    subject = after or before
    assert subject is not None
    record(
        tx,
        caller,
        now,
        action=action,
        subject=Subject.VARIABLE,
        subject_id=subject.id,
        version=subject.version if after is not None else subject.version + 1,
        before=None if before is None else _for_people(before),
        after=None if after is None else _for_people(after),
    )


def _for_people(item: Variable) -> dict[str, Any]:
    return {"name": item.name, "type": item.type.value, "value": item.value}
