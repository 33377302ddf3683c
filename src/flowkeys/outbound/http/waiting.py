"""One wait after the other, each limited in time, with one timer for them all."""

import asyncio


class Waiting:
    """Waits for what somebody else tells it."""

    __slots__ = ("_loop", "_seconds", "_since", "_timer", "_waiter")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0
        self._seconds = 0.0

    async def wait(self, seconds: float) -> None:
        """Wait until it is woken.

        Raises:
            TimeoutError: it is not, for so long.
        """
        loop = self._loop
        self._waiter = waiter = loop.create_future()
        self._since = loop.time()
        if self._timer is None or seconds != self._seconds:
            self.stop()
            self._seconds = seconds
            self._timer = loop.call_later(seconds, self._look)
        try:
            await waiter
        finally:
            self._waiter = None

    def wake(self) -> None:
        """End the present wait, if there is one."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def stop(self) -> None:
        """Let go of the timer: there will be no wait soon."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """End a wait that has lasted too long; a later one goes on."""
        self._timer = None
        if self._waiter is None or self._waiter.done():
            return
        left = self._since + self._seconds - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._waiter.set_exception(TimeoutError())
