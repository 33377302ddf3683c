"""What services need of workspaces."""

from typing import Protocol

from flowkeys.domain.people.workspace import Workspace


class Workspaces(Protocol):
    """Workspaces within one transaction."""

    def insert(self, workspace: Workspace) -> None:
        """Add a workspace; its name must be free."""
        ...

    def find(self, name: str) -> Workspace | None:
        """Return a workspace by its name or id."""
        ...

    def all(self) -> list[Workspace]:
        """Return every workspace, oldest first."""
        ...
