"""What services need for variables: their table, and how chatflows read them."""

from collections.abc import Mapping
from typing import Protocol

from flowkeys.domain.chatflows.variable import Variable


class Variables(Protocol):
    """Variables, within one transaction."""

    def insert(self, item: Variable) -> None:
        """Add a variable."""
        ...

    def get(self, workspace_id: str, variable_id: str) -> Variable | None:
        """Return a variable of the workspace, by its id."""
        ...

    def all(self, workspace_id: str) -> list[Variable]:
        """Return the workspace's variables, by name."""
        ...

    def update(self, item: Variable) -> None:
        """Write what may change of a variable."""
        ...

    def delete(self, workspace_id: str, variable_id: str) -> None:
        """Delete a variable."""
        ...

    def everywhere(self) -> list[Variable]:
        """Return the variables of all workspaces."""
        ...


class VariableValues(Protocol):
    """The values of all workspaces' variables, as this process has them at hand."""

    def of(self, workspace_id: str) -> Mapping[str, str]:
        """Return what each name stands for in the chatflows of a workspace."""
        ...
