"""Variables within one transaction."""

from typing import Final

import msgspec
from sqlalchemy import bindparam, delete, insert, select, update

from flowkeys.domain.chatflows.variable import Variable, VariableType
from flowkeys.storage.schema import variable
from flowkeys.storage.statement import Connection, Row, Statement

_NAMES: Final = list(Variable.__struct_fields__)

_own = variable.c.workspace_id == bindparam("workspace")
_this = (_own, variable.c.id == bindparam("variable"))
_SELECT = select(*(variable.c[name] for name in _NAMES))
_INSERT = Statement(insert(variable), _NAMES)
_GET = Statement(_SELECT.where(*_this))
_ALL = Statement(_SELECT.where(_own).order_by(variable.c.name, variable.c.seq))
_UPDATE = Statement(update(variable).where(*_this), ["name", "type", "value", "updated_at", "version"])
_DELETE = Statement(delete(variable).where(*_this))
# Of every workspace: a process has all of them at hand.
_EVERYWHERE = Statement(_SELECT.order_by(variable.c.seq))


class VariableTable:
    """Implements the port `Variables`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def insert(self, item: Variable) -> None:
        """Add a variable."""
        self._connection.run(_INSERT, msgspec.structs.asdict(item))

    def get(self, workspace_id: str, variable_id: str) -> Variable | None:
        """Return a variable of the workspace, by its id."""
        row = self._connection.row(_GET, {"workspace": workspace_id, "variable": variable_id})
        return _variable(row) if row else None

    def all(self, workspace_id: str) -> list[Variable]:
        """Return the workspace's variables, by name."""
        return [_variable(row) for row in self._connection.rows(_ALL, {"workspace": workspace_id})]

    def update(self, item: Variable) -> None:
        """Write what may change of a variable."""
        where = {"workspace": item.workspace_id, "variable": item.id}
        self._connection.run(_UPDATE, {**msgspec.structs.asdict(item), **where})

    def delete(self, workspace_id: str, variable_id: str) -> None:
        """Delete a variable."""
        self._connection.run(_DELETE, {"workspace": workspace_id, "variable": variable_id})

    def everywhere(self) -> list[Variable]:
        """Return the variables of all workspaces; one that was spoilt by hand is left out."""
        rows = self._connection.rows(_EVERYWHERE)
        return [_variable(row) for row in rows if row[_NAMES.index("type")] in tuple(VariableType)]


def _variable(row: Row) -> Variable:
    values = dict(zip(_NAMES, row, strict=True))
    return Variable(**{**values, "type": VariableType(values["type"])})
