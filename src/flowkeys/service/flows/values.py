"""What variables stand for, in each workspace."""

from collections.abc import Mapping

from flowkeys.domain.chatflows.variable import VariableType
from flowkeys.domain.journal import Subject
from flowkeys.service.flows.at_hand import AtHand
from flowkeys.service.ports.store import Store


class Values(AtHand):
    """Implements the port `VariableValues`.

    The operator's own variables win over those of workspaces. One of the type runtime has the value that the
    environment had at the start, if the operator names it: else whoever may write variables could read what
    the server's environment holds.
    """

    subject = Subject.VARIABLE

    def __init__(self, store: Store, configured: Mapping[str, str], environment: Mapping[str, str]) -> None:
        """`environment` has what variables of the type runtime may read, and nothing else."""
        super().__init__()
        self._store = store
        self._configured = configured
        self._environment = environment
        self._by_workspace: dict[str, Mapping[str, str]] = {}

    def of(self, workspace_id: str) -> Mapping[str, str]:
        """Return what each name stands for in the chatflows of a workspace."""
        return self._by_workspace.get(workspace_id, self._configured)

    async def load(self) -> None:
        """Read all variables."""
        found: dict[str, dict[str, str]] = {}
        for item in await self._store.read(lambda tx: tx.variables.everywhere()):
            value = item.value if item.type is VariableType.STATIC else self._environment.get(item.name)
            if value is not None:
                found.setdefault(item.workspace_id, {})[item.name] = value
        self._by_workspace = {
            workspace_id: {**values, **self._configured} for workspace_id, values in found.items()
        }
