"""Argon2id (RFC 9106), in threads: a password costs a tenth of a second and 64 MiB, and nobody else waits."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from argon2 import Parameters, PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from flowkeys.domain.errors import Unavailable
from flowkeys.service.ports.people import Verified

T = TypeVar("T")

AT_ONCE: Final = 2
"""Each takes its memory; more at once would not be faster on few cores."""
WAITING: Final = 64
"""Behind these nobody waits: the answer would come after the browser gave up."""
_RETRY_SECONDS: Final = 5


class Argon2Passwords:
    """Implements the port `PasswordHasher`."""

    def __init__(self, parameters: Parameters = RFC_9106_LOW_MEMORY) -> None:
        self._hasher = PasswordHasher.from_parameters(parameters)
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="flowkeys-password")
        self._dummy: str | None = None
        self._pending = 0

    async def hash(self, password: str) -> str:
        """Return the encoded hash: ``$argon2id$v=19$m=…``."""
        return await self._run(lambda: self._hasher.hash(_bytes(password)))

    async def verify(self, stored: str | None, password: str) -> Verified:
        """Compare with a hash; without one, with that of a password that nobody has."""
        return await self._run(lambda: self._verify(stored, password))

    def close(self) -> None:
        """End the threads, after what they are doing."""
        self._threads.shutdown(wait=True, cancel_futures=True)

    def _verify(self, stored: str | None, password: str) -> Verified:
        # Made at the first sign-in, whosever it is: only then is there something to hide.
        dummy = self._dummy = self._dummy or self._hasher.hash(b"")
        try:
            self._hasher.verify(dummy if stored is None else stored, _bytes(password))
        except (VerificationError, InvalidHashError):
            return Verified(matches=False)
        if stored is None:
            return Verified(matches=False)
        return Verified(matches=True, outdated=self._hasher.check_needs_rehash(stored))

    async def _run(self, work: Callable[[], T]) -> T:
        if self._pending >= WAITING:
            raise Unavailable("Too many people are signing in at once.", _RETRY_SECONDS)
        self._pending += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._pending -= 1


def _bytes(password: str) -> bytes:
    """Return a password as bytes; a lone surrogate, which is no text, is no reason to fail."""
    return password.encode("utf-8", "surrogatepass")
