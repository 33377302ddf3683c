"""Trying passwords: counted in this process, and where several serve, in all of them together.

A try is counted here first, so that while nobody can be asked what all counted, each process slows down those
who try as if it was alone.
"""

from collections.abc import Hashable, Iterable

from flowkeys.domain.times import SECOND
from flowkeys.service.people.throttle import PER_ACCOUNT, SignInThrottle, Throttle, Try
from flowkeys.service.ports.people import Tries


class Trying:
    """The throttles of sign-ins and of changes of passwords."""

    def __init__(self, tries: Tries | None = None) -> None:
        """Count with `tries`, too, if there is any."""
        self._tries = tries
        self._sign_ins = SignInThrottle()
        self._changes = Throttle(PER_ACCOUNT, label="change")

    async def begin(
        self, account: str, address: str | None, now: int, signed_in_from: Iterable[str | None]
    ) -> Try | int:
        """Count a try to sign in and return it, or return for how many seconds nothing may be tried."""
        attempt = self._sign_ins.begin(account, address, now, signed_in_from)
        if isinstance(attempt, int) or self._tries is None:
            return attempt
        wait = await self._tries.begin(attempt.shared())
        if wait:
            self._sign_ins.undecided(attempt)
            return -(-wait // SECOND)
        return attempt

    def succeeded(self, attempt: Try) -> None:
        """Forget the account's failures in this network; what others failed there or elsewhere stays."""
        self._sign_ins.succeeded(attempt)
        if self._tries is not None:
            own, *others = [name for name, _ in attempt.shared()]
            self._tries.clear(own)
            self._tries.take_back(others)

    def undecided(self, attempt: Try) -> None:
        """Take a try back that an outage kept from being decided."""
        self._sign_ins.undecided(attempt)
        if self._tries is not None:
            self._tries.take_back([name for name, _ in attempt.shared()])

    def forgive(self, account: str, address: str | None) -> None:
        """Forget an account's failures in the network from which its holder came another way."""
        self._sign_ins.forgive(account, address)
        if self._tries is not None:
            self._tries.clear(self._sign_ins.shared(account, address))

    async def begin_change(self, person: Hashable, now: int) -> int:
        """Count a try to change a password and return 0, or return for how many seconds none may be tried."""
        wait = self._changes.wait(person, now)
        if not wait:
            # Looked at and counted without a pause between, so that many tries at once are many tries.
            self._changes.count(person, now)
            if self._tries is not None:
                wait = await self._tries.begin([self._changes.shared(person)]) or 0
                if wait:
                    self._changes.take_back(person)
        return -(-wait // SECOND)

    def changed(self, person: Hashable) -> None:
        """Forget the failures of a person who knew their password."""
        self._changes.clear(person)
        if self._tries is not None:
            self._tries.clear(self._changes.shared(person)[0])
