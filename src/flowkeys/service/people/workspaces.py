"""Workspaces, made on the server's machine only."""

from flowkeys.domain.errors import InvalidInput, NotFound
from flowkeys.domain.ids import new_id
from flowkeys.domain.journal import Subject
from flowkeys.domain.keys.api_key import clean_name
from flowkeys.domain.people.workspace import DEFAULT_NAME, Workspace
from flowkeys.domain.principal import Caller, operator
from flowkeys.domain.times import Clock
from flowkeys.service.journal import record
from flowkeys.service.ports.store import Store, Transaction


class WorkspaceService:
    """Makes and lists workspaces. Its callers are the operator's commands; no HTTP route leads here."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def create(self, name: str) -> Workspace:
        """Make a workspace.

        Raises:
            InvalidInput: the name is empty, too long or taken.
        """
        cleaned = clean_name(name)
        if cleaned is None:
            raise InvalidInput.of("name", "Give a name of 1 to 100 characters, without control characters.")
        return await self._store.write(lambda tx: self._insert(tx, cleaned))

    async def default(self) -> Workspace:
        """Return the default workspace; the first call makes it."""
        found = await self._store.read(lambda tx: tx.workspaces.find(DEFAULT_NAME))
        if found is not None:
            return found
        return await self._store.write(
            lambda tx: tx.workspaces.find(DEFAULT_NAME) or self._insert(tx, DEFAULT_NAME)
        )

    async def get(self, name: str) -> Workspace:
        """Return a workspace by its name or id.

        Raises:
            NotFound: there is none.
        """
        found = await self._store.read(lambda tx: tx.workspaces.find(name))
        if found is None:
            raise NotFound(f"workspace: {name}")
        return found

    async def all(self) -> list[Workspace]:
        """Return every workspace, oldest first."""
        return await self._store.read(lambda tx: tx.workspaces.all())

    def _insert(self, tx: Transaction, name: str) -> Workspace:
        if tx.workspaces.find(name) is not None:
            raise InvalidInput.of("name", f"There is a workspace named {name} already.")
        now = self._clock()
        made = Workspace(new_id(), name, now)
        tx.workspaces.insert(made)
        record(
            tx,
            Caller(operator(made.id)),
            now,
            action="workspace.create",
            subject=Subject.WORKSPACE,
            subject_id=made.id,
            version=1,
            after={"name": name},
        )
        return made
