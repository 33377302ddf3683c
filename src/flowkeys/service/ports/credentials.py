"""What services need for credentials: their table, and how chatflows find them."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from flowkeys.domain.chatflows.credential import Credential, OpenCredential
from flowkeys.domain.webhooks.webhook import Sealed


class KeptCredential(msgspec.Struct, frozen=True):
    """A credential with what it holds, sealed; None: that is lost, or was never given."""

    credential: Credential
    sealed: Sealed | None


class Credentials(Protocol):
    """Credentials, within one transaction."""

    def insert(self, kept: KeptCredential) -> None:
        """Add a credential."""
        ...

    def get(self, workspace_id: str, credential_id: str) -> KeptCredential | None:
        """Return a credential of the workspace, by its id."""
        ...

    def named(self, workspace_id: str, name: str) -> Credential | None:
        """Return the credential of the workspace that has this name."""
        ...

    def all(self, workspace_id: str) -> list[Credential]:
        """Return the workspace's credentials, by name."""
        ...

    def update(self, kept: KeptCredential) -> None:
        """Write what may change of a credential, and what it holds."""
        ...

    def delete(self, workspace_id: str, credential_id: str) -> None:
        """Delete a credential."""
        ...

    def used_by(self, credential: Credential) -> list[tuple[str, str]]:
        """Return (id, name) of chatflows that seem to name it: its id or name is in their graph."""
        ...

    def everywhere(self) -> list[KeptCredential]:
        """Return the credentials of all workspaces."""
        ...

    def reseal(self, credential_id: str, sealed: Sealed, old: Sealed) -> None:
        """Write how a credential is sealed, where it still is as before."""
        ...

    def count_by_secret(self) -> dict[str, int]:
        """Count the credentials of all workspaces by the id of the server secret they are under."""
        ...


class CredentialVault(Protocol):
    """The credentials of all workspaces, open, as this process has them at hand."""

    def find(self, workspace_id: str, ref: str) -> OpenCredential | None:
        """Return the credential of a workspace that has this id, else the one that has this name."""
        ...

    def names(self, workspace_id: str) -> Sequence[str]:
        """Return the names of a workspace's credentials, sorted."""
        ...
