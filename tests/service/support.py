"""The services of people over a real SQLite file, with a clock that tests set."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from argon2 import Parameters, Type

from flowkeys.domain.people.link import Purpose
from flowkeys.domain.people.person import Person, Role
from flowkeys.domain.principal import Caller, operator
from flowkeys.domain.times import SECOND
from flowkeys.passwords.argon2 import Argon2Passwords
from flowkeys.service.people.links import LinkService
from flowkeys.service.people.people import PeopleService
from flowkeys.service.people.sign_ins import SignInService, Started
from flowkeys.service.people.workspaces import WorkspaceService
from flowkeys.service.ports.people import Verified
from flowkeys.storage.sqlite.database import SqliteStore

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
BEGIN = 1_795_400_000 * SECOND
PASSWORD = "correct horse battery"
OTHER_PASSWORD = "staple of another horse"
CHEAP = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
)
"""What the tests of rules hash with: the strength of the hash is not theirs."""


class Clock:
    """A time that moves when a test says so."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> int:
        """Return the time."""
        return self.now

    def pass_(self, microseconds: int) -> None:
        """Let time pass."""
        self.now += microseconds


class Passwords(Argon2Passwords):
    """Real hashes, cheap ones, and a record of what was compared."""

    def __init__(self) -> None:
        super().__init__(CHEAP)
        self.compared: list[str | None] = []

    async def verify(self, stored: str | None, password: str) -> Verified:
        """Remember against what was compared."""
        self.compared.append(stored)
        return await super().verify(stored, password)


class House:
    """Everything that the use cases of people need."""

    def __init__(self, database: Path) -> None:
        self.database = database
        self.clock = Clock()
        self.store = SqliteStore(database)
        self.passwords = Passwords()
        self.sign_ins = SignInService(self.store, self.passwords, self.clock)
        self.links = LinkService(self.store, self.passwords, self.sign_ins, self.clock)
        self.people = PeopleService(self.store, self.clock)
        self.workspaces = WorkspaceService(self.store, self.clock)

    async def close(self) -> None:
        """Write what is on its way, and close."""
        await self.sign_ins.settled()
        self.passwords.close()
        self.store.close()

    async def operator(self) -> Caller:
        """Return the caller of commands on the server's machine."""
        return Caller(operator((await self.workspaces.default()).id))

    async def owner(self, email: str = "ada@example.com") -> Started:
        """Set up: the first owner, signed in."""
        secret = await self.links.set_up_link()
        assert secret is not None
        return await self.links.accept(Purpose.SET_UP, secret.reveal(), email=email, password=PASSWORD)

    async def join(
        self,
        email: str,
        role: Role = Role.MEMBER,
        permissions: frozenset[str] | None = None,
        by: Caller | None = None,
    ) -> Started:
        """Invite somebody, by the operator unless somebody else does, and let them come."""
        issued = await self.links.invite(by or await self.operator(), email, role, permissions)
        return await self.links.accept(Purpose.INVITATION, issued.secret.reveal(), password=PASSWORD)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return rows of the database, past the services."""
        with closing(sqlite3.connect(self.database)) as connection:
            return connection.execute(query).fetchall()


def caller(who: Started | Person, address: str | None = None) -> Caller:
    """Return somebody as the caller of a service."""
    person = who.person if isinstance(who, Started) else who
    return Caller(person.as_principal(), address)
