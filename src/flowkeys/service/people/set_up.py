"""Whether the server has an owner, and the link by which somebody becomes the first: asked at each start."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from flowkeys.domain.people.workspace import DEFAULT_NAME
from flowkeys.domain.principal import Caller, operator
from flowkeys.domain.times import Clock
from flowkeys.service.ports.store import Store, Transaction

if TYPE_CHECKING:
    from flowkeys.domain.people.link import Purpose
    from flowkeys.domain.people.random_secret import RandomSecret


class SetUp:
    """The first owner of the default workspace. What makes links is loaded when there is one to be made."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self.used: list[Callable[[Purpose], None]] = []
        """Told when a link was used, in this process."""

    async def is_done(self) -> bool:
        """Tell whether there is an owner: until then a set-up link is waited for."""

        def work(tx: Transaction) -> bool:
            workspace = tx.workspaces.find(DEFAULT_NAME)
            return workspace is not None and tx.people.count_owners(workspace.id) > 0

        return await self._store.read(work)

    async def link(self) -> "RandomSecret | None":
        """Return the secret of a link that makes the first owner, or None when there is one.

        It works for an hour, and those that were made before it work no more.
        """
        if await self.is_done():
            return None
        from flowkeys.domain.people.link import Purpose
        from flowkeys.domain.people.person import Role
        from flowkeys.service.people.link_rows import issue

        now = self._clock()

        def work(tx: Transaction) -> "RandomSecret | None":
            workspace = tx.workspaces.find(DEFAULT_NAME)
            if workspace is None or tx.people.count_owners(workspace.id):
                return None
            caller = Caller(operator(workspace.id))
            tx.links.void(workspace.id, Purpose.SET_UP)
            return issue(tx, caller, now, Purpose.SET_UP, role=Role.OWNER).secret

        return await self._store.write(work)
