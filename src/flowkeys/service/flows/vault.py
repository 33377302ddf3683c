"""The credentials of all workspaces, open, as one process has them at hand."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from flowkeys.domain.chatflows.credential import OpenCredential
from flowkeys.domain.journal import Subject
from flowkeys.domain.webhooks.webhook import Sealed
from flowkeys.service.flows.at_hand import AtHand
from flowkeys.service.ports.credentials import KeptCredential
from flowkeys.service.ports.store import Store, Transaction
from flowkeys.service.ports.webhooks import CannotOpen, Seal

LOST: Final = "what it holds cannot be read: it is kept under a server secret that is not here"
MISSING: Final = "what it holds has to be given anew"


class Vault(AtHand):
    """Implements the port `CredentialVault`.

    Flows are compiled with what is at hand. When a credential changes, in any process, all are read again,
    and who has compiled anything is told to forget it.
    """

    subject = Subject.CREDENTIAL

    def __init__(self, store: Store, seal: Seal, forget: Callable[[], object]) -> None:
        """Know nothing yet; `forget` is told that what flows were compiled with is another."""
        super().__init__()
        self._store = store
        self._seal = seal
        self._forget = forget
        self._by_id: dict[tuple[str, str], OpenCredential] = {}
        self._by_name: dict[tuple[str, str], OpenCredential] = {}
        self._names: dict[str, list[str]] = {}

    def find(self, workspace_id: str, ref: str) -> OpenCredential | None:
        """Return the credential of a workspace that has this id, else the one that has this name."""
        return self._by_id.get((workspace_id, ref)) or self._by_name.get((workspace_id, ref))

    def names(self, workspace_id: str) -> Sequence[str]:
        """Return the names of a workspace's credentials, sorted."""
        return self._names.get(workspace_id, ())

    async def load(self) -> None:
        """Read all credentials.

        Raises:
            Unavailable: the store cannot be reached; what was at hand still is.
        """
        kept = await self._store.read(lambda tx: tx.credentials.everywhere())
        by_id: dict[tuple[str, str], OpenCredential] = {}
        names: dict[str, list[str]] = {}
        for each in kept:
            opened, workspace_id = self._open(each), each.credential.workspace_id
            by_id[workspace_id, opened.id] = opened
            names.setdefault(workspace_id, []).append(opened.name)
        if by_id != self._by_id:
            self._by_id = by_id
            self._by_name = {(workspace_id, one.name): one for (workspace_id, _), one in by_id.items()}
            self._names = {workspace_id: sorted(some) for workspace_id, some in names.items()}
            self._forget()

    def _open(self, kept: KeptCredential) -> OpenCredential:
        item = kept.credential
        values: dict[str, str] = {}
        problem = item.problem
        if kept.sealed is None:
            problem = problem or MISSING
        else:
            try:
                values = msgspec.json.decode(self._seal.open(kept.sealed, item.id), type=dict[str, str])
            except (CannotOpen, msgspec.MsgspecError):
                problem = LOST
        return OpenCredential(
            id=item.id,
            name=item.name,
            kind=item.kind,
            base_url=item.base_url,
            version=item.version,
            values={} if problem else values,
            problem=problem,
        )


async def move_credentials(store: Store, seal: Seal) -> tuple[str, ...]:
    """Seal anew what is kept under an older server secret; return what people have to know of the rest."""
    kept = await store.read(lambda tx: tx.credentials.everywhere())
    moved: list[tuple[str, Sealed, Sealed]] = []
    lost: dict[str, int] = {}
    for each in kept:
        sealed, about = each.sealed, each.credential.id
        if sealed is None or sealed.made_under == seal.newest:
            continue
        try:
            moved.append((about, seal.seal(seal.open(sealed, about), about), sealed))
        except CannotOpen:
            lost[sealed.made_under] = lost.get(sealed.made_under, 0) + 1

    def work(tx: Transaction) -> None:
        for about, after, before in moved:
            tx.credentials.reseal(about, after, before)

    if moved:
        await store.write(work)
    return tuple(lost_credentials(name, count) for name, count in sorted(lost.items()))


def lost_credentials(secret_id: str, count: int) -> str:
    """Return what people have to know of credentials under a server secret that is not here."""
    many = "1 credential is" if count == 1 else f"{count} credentials are"
    return (
        f"{many} kept under the server secret {secret_id}, and cannot be read with those that are here: "
        "chatflows that name them cannot run. Bring that secret back, or give what they hold anew."
    )
