"""What is done again and again in the background, for as long as the process runs."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

STOP_SECONDS: Final = 3.0
"""So long is what a stop has to store tried again: longer than a moment of the store's, and no outage."""
PAUSES: Final = (0.25, 0.5, 1.0, 1.0)
"""Between the tries, in seconds."""


async def at_the_end(work: Callable[[], Awaitable[bool]]) -> bool:
    """Do `work` until it says that all is done, since there is no next time; tell whether it was in the end.

    One try may take its time, as with a store that says nothing: then there is no other.
    """
    loop = asyncio.get_running_loop()
    end = loop.time() + STOP_SECONDS
    for pause in PAUSES:
        if await work():
            return True
        if loop.time() + pause > end:
            return False
        await asyncio.sleep(pause)
    return await work()


class Recurring:
    """Does a piece of work, waits, and does it again until it is stopped.

    No error ends it: a task that ends does so in silence, and whatever it was there for is missed much later.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        seconds: float,
        failed: Callable[[Exception], object],
        *,
        at_once: bool = False,
        whole: bool = False,
    ) -> None:
        """Do `work` every `seconds`, counted from when it was done, in a task called `name`.

        Whatever it raises is told to `failed`, outages among it, and it is done again the next time.
        `at_once`: the first time when it begins, not after a pause. `whole`: a stop waits until what is under
        way is done; else that is cancelled.
        """
        self._name = name
        self._work = work
        self._seconds = seconds
        self._failed = failed
        self._at_once = at_once
        self._whole = whole
        self._working = False
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin in the background."""
        self._stopping = False
        self._task = asyncio.get_running_loop().create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End it; nothing, where it has not begun or has ended."""
        task, self._task = self._task, None
        if task is None:
            return
        self._stopping = True
        if not (self._whole and self._working):
            task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _run(self) -> None:
        if not self._at_once:
            await asyncio.sleep(self._seconds)
        while not self._stopping:
            self._working = True
            try:
                await self._work()
            except Exception as error:  # noqa: BLE001 - whatever it is, the next time may go well
                with suppress(Exception):  # a log that cannot be written
                    self._failed(error)
            self._working = False
            if not self._stopping:
                await asyncio.sleep(self._seconds)
