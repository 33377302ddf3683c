"""The processes that run code: a few, started when they are needed, each for one run at a time."""

import asyncio
from collections import deque
from typing import Final

from flowkeys.flows.code.process import Process
from flowkeys.flows.code.wire import CodeFailed, Job, Outward, Returned, Sent
from flowkeys.flows.settings import FlowSettings

_GROW_SECONDS: Final = 0.05
"""Another process is started when somebody has waited so long for one."""
_IDLE_SECONDS: Final = 60.0


class CodeProcesses:
    """Runs code. One event loop only; `aclose` ends the processes."""

    def __init__(self, settings: FlowSettings) -> None:
        """Start nothing yet: the first code does."""
        self._settings = settings
        self._idle: list[Process] = []
        self._count = 0
        """How many there are, those that are being started among them."""
        self._waiting: deque[asyncio.Future[Process]] = deque()
        self._growing: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._runs = 0

    async def run(self, job: Job, outward: Outward) -> Returned:
        """Run code to its end; cancelling it ends its process.

        Raises:
            CodeFailed: it threw, or took more than it may.
        """
        settings = self._settings
        self._runs += 1
        sent = Sent(
            self._runs, job.code, job.given, job.now, settings.code_seconds, settings.code_output_bytes
        )
        try:
            async with asyncio.timeout(settings.code_timeout_seconds):
                process = await self._take()
                try:
                    return await process.run(sent, outward, self._words)
                finally:
                    self._give(process)
        except TimeoutError:
            raise CodeFailed(self._words("waiting")) from None

    async def aclose(self) -> None:
        """End the processes; those at work end with the call that waits for them."""
        if self._growing is not None:
            self._growing.cancel()
        while self._idle:
            self._end(self._idle.pop())
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def count(self) -> int:
        """How many processes there are."""
        return self._count

    def _words(self, over: str) -> str:
        settings = self._settings
        return {
            "time": f"it computed for longer than the {settings.code_seconds:g} seconds that are allowed.",
            "waiting": f"it took longer than the {settings.code_timeout_seconds:g} seconds that are allowed.",
            "memory": f"it needs more than the {settings.code_memory_bytes >> 20} MB that are allowed.",
            "output": f"it returns more than the {settings.code_output_bytes} bytes that are allowed.",
            "unsettled": "what it waits for never comes: a promise that nothing settles.",
        }.get(over, "its process ended.")

    async def _take(self) -> "Process":
        while self._idle:
            process = self._idle.pop()
            if process.is_fit:
                return process
            self._end(process)
        future: asyncio.Future[Process] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        if self._count == 0:
            self._start()
        elif self._growing is None:
            self._growing = asyncio.get_running_loop().call_later(_GROW_SECONDS, self._grow)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._give(future.result())
            raise

    def _give(self, process: "Process") -> None:
        """Lend a process to who waits longest; end one that is not fit for another run."""
        if not process.is_fit:
            self._end(process)
            if self._count == 0 and self._next() is not None:
                self._start()
            return
        waiting = self._next()
        if waiting is not None:
            self._waiting.popleft()
            waiting.set_result(process)
            return
        self._idle.append(process)
        loop = asyncio.get_running_loop()
        loop.call_later(_IDLE_SECONDS, self._dismiss, process, process.runs)

    def _next(self) -> "asyncio.Future[Process] | None":
        while self._waiting and self._waiting[0].done():
            self._waiting.popleft()
        return self._waiting[0] if self._waiting else None

    def _grow(self) -> None:
        self._growing = None
        if self._next() is None:
            return
        if self._count < self._settings.code_processes:
            self._start()
        self._growing = asyncio.get_running_loop().call_later(_GROW_SECONDS, self._grow)

    def _start(self) -> None:
        self._count += 1
        task = asyncio.get_running_loop().create_task(self._started())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _started(self) -> None:
        try:
            process = await Process.start(self._settings.code_memory_bytes)
        except (OSError, CodeFailed) as error:
            self._count -= 1
            while (waiting := self._next()) is not None:
                self._waiting.popleft()
                waiting.set_exception(CodeFailed(f"no process can be started to run it ({error})."))
            return
        self._give(process)

    def _end(self, process: "Process") -> None:
        self._count -= 1
        process.end()

    def _dismiss(self, process: "Process", runs: int) -> None:
        """Let a process go that has had nothing to do since its run number `runs`."""
        if process in self._idle and process.runs == runs:
            self._idle.remove(process)
            self._end(process)
