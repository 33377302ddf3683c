"""Calls at a steady rate, each at its time, however long those before it take."""

import asyncio
import time
from collections import Counter, deque
from typing import Final

from tests.conformance.as_one.recording import Gone, Line

PER_SECOND: Final = 500
_AT_A_TIME: Final = 64
"""So many wait for their answers at most: a machine that cannot do all has fewer calls, and no others."""
_NEW: Final = 10
"""Each tenth call is on a connection of its own."""
_MANAGES: Final = 25
"""Each so-manieth lists keys, and the next one changes a chatflow."""


class Steady:
    """The load, and what came of it."""

    def __init__(self, url: str, chatflow: str, token: str, owner: str) -> None:
        self._url, self._chatflow, self._token, self._owner = url, chatflow, token, owner
        self._idle: deque[Line] = deque()
        self.statuses: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.is_over = False
        self._seconds = 0.0

    @property
    def said(self) -> str:
        """How many calls there were, and how many in a second."""
        return f"{self.statuses.total()} calls, {self.statuses.total() / self._seconds:.0f} a second"

    async def run(self) -> None:
        """Call until it is over; what is late is called at once, or as soon as the machine can."""
        began = time.monotonic()
        count = 0
        running: set[asyncio.Task[None]] = set()
        while not self.is_over:
            due = (time.monotonic() - began) * PER_SECOND
            while count < due and len(running) < _AT_A_TIME:
                count += 1
                task = asyncio.create_task(self._call(count))
                running.add(task)
                task.add_done_callback(running.discard)
            await asyncio.sleep(1 / PER_SECOND)
        self._seconds = time.monotonic() - began
        await asyncio.gather(*running)
        for line in self._idle:
            line.close()

    async def _call(self, number: int) -> None:
        what, method, path, token, body = (
            "check",
            "GET",
            f"/auth/verify/chatflow/{self._chatflow}",
            self._token,
            None,
        )
        if number % _MANAGES == 0:
            what, method, path, token = "list", "GET", "/apikey?limit=5&page=1", self._owner
        elif number % _MANAGES == 1 and number > 1:
            what, method, path, token = "change", "PUT", f"/chatflows/{self._chatflow}", self._owner
            body = {"name": f"name {number}"}
        try:
            line = self._idle.popleft() if self._idle and number % _NEW else await Line.open(self._url)
            status, _, _ = await line.call(method, path, token, body)
            self.statuses[f"{what} {status}"] += 1
        except Gone as gone:
            self.failures[f"{what}: {gone.__cause__!r}"] += 1
            return
        if not line.is_over:
            self._idle.append(line)
