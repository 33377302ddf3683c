"""What one process has at hand of a small table, and reads again as a whole when a row of it changes."""

import asyncio
from typing import Final

from flowkeys.domain.errors import Unavailable
from flowkeys.domain.journal import Subject

_AGAIN_SECONDS: Final = 1.0


class AtHand:
    """Reads all rows at the start and after each change in any process. Implements `ChangeListener`."""

    subject: Subject
    """Whose changes are listened to."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._reading: asyncio.Task[None] | None = None
        self._outdated = False

    async def load(self) -> None:
        """Read all.

        Raises:
            Unavailable: the store cannot be reached; what was at hand still is.
        """
        raise NotImplementedError

    def changed(self, subject: str, subject_id: str, position: int) -> None:
        """Read all again when a row was changed."""
        del subject_id, position
        if subject == self.subject:
            self.forget()

    def forget(self) -> None:
        """Read all again: changes may have been missed."""
        self._outdated = True
        if self._reading is None or self._reading.done():
            self._reading = asyncio.get_running_loop().create_task(self._read_again())

    async def aclose(self) -> None:
        """Read no more."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def _read_again(self) -> None:
        while self._outdated:
            self._outdated = False
            try:
                await self.load()
            except Unavailable:
                self._outdated = True
                await asyncio.sleep(_AGAIN_SECONDS)
