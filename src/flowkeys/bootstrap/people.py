"""The parts that know people."""

from typing import TYPE_CHECKING

from flowkeys.bootstrap.clock import clock
from flowkeys.bootstrap.once import once
from flowkeys.config import Settings
from flowkeys.service.people.set_up import SetUp

if TYPE_CHECKING:
    from flowkeys.bootstrap.engine import ServerStore
    from flowkeys.passwords.argon2 import Argon2Passwords
    from flowkeys.service.people.links import LinkService
    from flowkeys.service.people.people import PeopleService
    from flowkeys.service.people.sign_ins import SignInService
    from flowkeys.service.ports.people import Tries


class PeopleParts:
    """People, how they sign in, and the links that they get."""

    settings: Settings
    store: "ServerStore"
    set_up: SetUp
    tries: "Tries | None" = None
    """Counts tries of passwords for several processes; None: this one counts alone."""

    @once
    def passwords(self) -> "Argon2Passwords":
        """What passwords are kept as."""
        from flowkeys.passwords.argon2 import Argon2Passwords

        return Argon2Passwords()

    @once
    def sign_ins(self) -> "SignInService":
        """Where people are signed in."""
        from flowkeys.service.people.sign_ins import SignInLimits, SignInService

        settings = self.settings
        staying = SignInLimits(days=settings.sign_in_days, idle_days=settings.sign_in_idle_days)
        return SignInService(self.store, self.passwords, clock, staying, self.tries)

    @once
    def links(self) -> "LinkService":
        """One-time links."""
        from flowkeys.service.people.links import LinkService

        return LinkService(self.store, self.passwords, self.sign_ins, clock, self.set_up)

    @once
    def people(self) -> "PeopleService":
        """Who may sign in."""
        from flowkeys.service.people.people import PeopleService

        return PeopleService(self.store, clock)
