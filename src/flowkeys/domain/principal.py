"""Who is calling a service, and from where."""

from collections.abc import Iterable
from typing import Literal, Protocol

import msgspec

from flowkeys.domain.errors import Forbidden
from flowkeys.domain.keys.api_key import Creator
from flowkeys.domain.permissions import ALL, PermissionSet, covers


class Principal(msgspec.Struct, frozen=True):
    """An authenticated caller: a key, a signed-in person, or the operator on the server's machine.

    ``system`` is the server itself, which does by itself what it was told to do when it is time.
    """

    kind: Literal["key", "person", "operator", "system"]
    id: str | None
    name: str
    workspace_id: str
    permissions: PermissionSet

    def as_creator(self) -> Creator:
        """Return how a key that this principal makes remembers it."""
        return Creator("operator" if self.kind == "system" else self.kind, self.id, self.name)


class PermissionUses(Protocol):
    """Remembers, in memory, which of its permissions a key uses."""

    def exercised(self, key_id: str, held: PermissionSet, permissions: Iterable[str]) -> None:
        """Note that a key which holds `held` used `permissions`, by their names or by all that it holds."""
        ...


class Caller(msgspec.Struct, frozen=True):
    """A principal together with where the call came from: what an audit row says of it."""

    principal: Principal
    address: str | None = None
    request_id: str | None = None
    uses: "PermissionUses | None" = None
    """Where it is noted which permissions a key uses; None: of nobody else."""

    @property
    def workspace_id(self) -> str:
        """The workspace that every query of this call is limited to."""
        return self.principal.workspace_id

    def holds(self, permission: str) -> bool:
        """Tell whether the principal holds `permission`."""
        if not covers(self.principal.permissions, (permission,)):
            return False
        self.note_use((permission,))
        return True

    def note_use(self, permissions: Iterable[str]) -> None:
        """Note that a key used permissions: without them it would have been refused, or told less."""
        if self.uses is not None and self.principal.id is not None:
            self.uses.exercised(self.principal.id, self.principal.permissions, permissions)

    def require(self, permission: str) -> None:
        """Raise `Forbidden` unless the principal holds `permission`."""
        if not self.holds(permission):
            raise Forbidden(f"This needs the permission {permission}.", permission)

    def require_ceiling(self, permissions: PermissionSet) -> None:
        """Raise `Forbidden` unless the principal holds everything that a key holds or is to hold.

        So nobody turns a lesser key into a greater one, or takes over a greater one.
        """
        if covers(self.principal.permissions, permissions):
            self.note_use(permissions)
            return
        lacking = sorted(permissions - self.principal.permissions)
        what = "everything (*)" if ALL in lacking else ", ".join(lacking)
        raise Forbidden(f"The key holds or would hold more than you do: {what}.", lacking[0])


def server(workspace_id: str) -> Principal:
    """Return the principal of what the server does by itself, as it was told to when it was not yet time."""
    return Principal("system", None, "flowkeys", workspace_id, frozenset({ALL}))


def operator(workspace_id: str) -> Principal:
    """Return the principal of commands run on the server's own machine."""
    return Principal("operator", None, "command line", workspace_id, frozenset({ALL}))
