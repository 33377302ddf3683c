"""People who are signed in, for tests that are about something else than signing in."""

from dataclasses import dataclass, field
from itertools import count

from flowkeys.domain.people.link import Purpose
from flowkeys.domain.people.person import Person, Role
from flowkeys.domain.principal import Caller, operator
from flowkeys.web.requests.sign_in_cookie import COOKIE
from tests.support.server import Running

PASSWORD = "a password for tests"
_numbers = count(1)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A person, and the secret of one sign-in of theirs."""

    person: Person
    secret: str = field(repr=False)
    url: str

    @property
    def headers(self) -> dict[str, str]:
        """What their browser sends with a request that changes something; for httpx."""
        return {"Cookie": f"{COOKIE}={self.secret}", "Origin": self.url}

    @property
    def cookies(self) -> list[dict[str, str]]:
        """The cookies of their browser; for playwright."""
        return [{"name": COOKIE, "value": self.secret, "url": self.url}]


def person(
    server: Running,
    role: str = "owner",
    *,
    email: str | None = None,
    name: str | None = None,
    permissions: tuple[str, ...] | None = None,
    workspace: str = "default",
) -> SignedIn:
    """Invite somebody as the operator, accept with `PASSWORD`, and return them signed in.

    A member gets the usual permissions unless some are given.
    """

    async def work() -> SignedIn:
        address = email or f"{role}{next(_numbers)}@example.com"
        given = None if permissions is None else frozenset(permissions)
        links = server.runtime.links
        issued = await links.invite(caller, address, Role(role), given)
        secret = issued.secret.reveal()
        started = await links.accept(Purpose.INVITATION, secret, password=PASSWORD, name=name)
        return SignedIn(started.person, started.secret.reveal(), server.url)

    caller = Caller(operator(server.workspace(workspace)))
    made: SignedIn = server.do(work())
    return made
