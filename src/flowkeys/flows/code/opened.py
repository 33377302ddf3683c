"""An answer of another server, as it comes."""

from typing import Final

from flowkeys.flows.code.wire import CallRefused
from flowkeys.outbound.http.connection import Connection, NotHttpError

MOST_BYTES: Final = 10_000_000
"""The most that is read of one."""


class Opened:
    """An answer that is read as it comes, no more of it than `fetch` reads. Whoever opened it leaves it."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        """`seconds` is how long the next part may take."""
        self._connection = connection
        self._seconds = seconds
        self._left = MOST_BYTES
        self.status = connection.status

    def header(self, name: str) -> str:
        """Return a header by its name in small letters, empty where there is none."""
        return header_of(self._connection, name.encode())

    async def part(self) -> bytes:
        """Return the next bytes, none at the end.

        Raises:
            CallRefused: they do not come, or the answer is too long.
        """
        try:
            found = await self._connection.read(self._seconds)
        except Exception as error:
            raise broken("the server", error) from error
        self._left -= len(found)
        if self._left < 0:
            raise CallRefused(f"the answer is longer than {MOST_BYTES} bytes.")
        return found

    async def rest(self) -> bytes:
        """Return all that is not read yet.

        Raises:
            CallRefused: it does not come, or the answer is too long.
        """
        read = bytearray()
        while part := await self.part():
            read += part
        return bytes(read)

    def leave(self) -> None:
        """Read no more."""
        self._connection.leave(is_enough=False)


def header_of(connection: Connection, name: bytes) -> str:
    """Return a header, empty where there is none."""
    return next((value.decode("latin-1") for known, value in connection.headers if known == name), "")


def broken(where: str, error: BaseException) -> BaseException:
    """Return what is said of an exchange that came to nothing."""
    if not isinstance(error, Exception):
        return error
    if isinstance(error, TimeoutError):
        return CallRefused(f"{where} does not answer in time.")
    if isinstance(error, NotHttpError):
        return CallRefused(f"what {where} answers is no HTTP.")
    return CallRefused(f"{where} ended the connection before its answer was there.")
