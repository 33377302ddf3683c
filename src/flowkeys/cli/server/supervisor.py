"""The processes of a server with several: started, replaced one after the other, started anew when they die.

Each is a program of its own, not a copy of this one, so that a restart loads what is installed and configured
by then. This process opens the sockets and keeps them, so that no connection is lost with a process.
"""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any, Final

from flowkeys.cli.server.beginning import LINK_FILE
from flowkeys.cli.server.notify import Notify
from flowkeys.cli.server.places import Places
from flowkeys.cli.server.role import READY, Role, Worker
from flowkeys.config import Settings
from flowkeys.domain.errors import ConfigurationError
from flowkeys.telemetry import logs

STEADY_SECONDS: Final = 10.0
"""What ran for so long is started anew at once when it dies; after less there is a wait, longer each time."""
MOST_SECONDS: Final = 30.0
_LATE_SECONDS: Final = 15.0
"""Behind the time that a process has to end until it is killed."""
_START_SECONDS: Final = 300.0
"""A migration of a large database may take long."""


class Supervisor:
    """Runs until a signal ends it."""

    def __init__(self, settings: Settings, given: dict[str, Any], places: Places, notify: Notify) -> None:
        """Run `settings.workers` processes on what `places` listen on; `given` goes to each of them."""
        self._settings = settings
        self._given = given
        self._places = places
        self._notify = notify
        self._log = logs.logger()
        self._all: set[Worker] = set()
        self._now: dict[int, Worker] = {}
        """By number; those that leave are not among them."""
        self._away: set[int] = set()
        """The numbers of those that died and are not ready again."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._rolling: asyncio.Task[None] | None = None
        self._again = False
        self._signals = 0
        self._has_begun = False
        self._ended = asyncio.Event()
        self._code = 0

    async def run(self) -> int:
        """Return the exit code."""
        self._listen_to_signals()
        if await self._begin():
            self._has_begun = True
            self._notify.ready(f"{self._settings.workers} processes")
        else:
            self._stop()
        await self._ended.wait()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        return self._code

    def _listen_to_signals(self) -> None:
        loop = asyncio.get_running_loop()
        has_terminal = _has_terminal()

        def hang_up() -> None:
            if has_terminal and not _has_terminal():  # it was closed, and this is not meant as a restart
                self._stop()
            else:
                self._roll()

        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop)
        loop.add_signal_handler(signal.SIGHUP, hang_up)
        loop.add_signal_handler(signal.SIGCHLD, self._look)

    # Starting

    async def _begin(self) -> bool:
        """Start all: one first, which migrates, and says what there is to say."""
        first = self._start(0, tells=True)
        if not await self._is_ready(first):
            return False
        others = [self._start(number) for number in range(1, self._settings.workers)]
        return all([await self._is_ready(one) for one in others])

    def _start(self, number: int, *, tells: bool = False) -> Worker:
        ours, its = socket.socketpair()
        listening = [one.fileno() for one in self._places.of(number)]
        metrics = self._places.metrics[number].fileno() if self._places.metrics else None
        role = Role(
            number=number,
            tells=tells,
            loads_first=self._has_begun and any(one.is_ready for one in self._now.values()),
            control=its.fileno(),
            listen=listening,
            metrics=metrics,
            given=self._given,
        )
        files = [its.fileno(), *listening, *([] if metrics is None else [metrics])]
        with its:
            process = subprocess.Popen(  # noqa: S603  # this program itself
                [sys.executable, "-P", "-m", "flowkeys.cli.server.worker", role.written()],
                pass_fds=files,
                stdin=subprocess.DEVNULL,
                process_group=0,  # what is typed at the terminal is for this process alone
            )
        worker = Worker(role, ours, process)
        ours.setblocking(False)
        asyncio.get_running_loop().add_reader(ours, self._heard, worker)
        self._all.add(worker)
        self._now.setdefault(number, worker)
        if self._signals:
            worker.signal(signal.SIGTERM)
        return worker

    def _heard(self, worker: Worker) -> None:
        try:
            said = worker.control.recv(len(READY))
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if said and not worker.ready.done():
            worker.ready.set_result(True)
            if self._away:
                self._share_out()
        if not said:
            asyncio.get_running_loop().remove_reader(worker.control)
            worker.control.close()

    async def _is_ready(self, worker: Worker) -> bool:
        try:
            async with asyncio.timeout(_START_SECONDS):
                return await worker.ready
        except TimeoutError:
            worker.is_leaving = True
            worker.signal(signal.SIGKILL)
            return False

    # Ending

    def _look(self) -> None:
        """See who has ended."""
        for worker in list(self._all):
            code = worker.process.poll()
            if code is None:
                continue
            self._all.discard(worker)
            was_ready = worker.is_ready
            if not worker.ready.done():
                if not self._signals and not self._has_begun:
                    self._code = self._code or code  # later on one that does not start ends nothing
                worker.ready.set_result(False)
            is_current = self._now.get(worker.role.number) is worker
            if is_current:
                del self._now[worker.role.number]
            if is_current and was_ready and not self._signals:
                self._log.error("worker died", worker=worker.role.number, pid=worker.process.pid, code=code)
                self._away.add(worker.role.number)
                self._share_out()
                self._later(self._revive(worker))
        if self._signals and not self._all:
            self._ended.set()

    def _share_out(self) -> None:
        """Have the others take what waits, and what comes, for those that are away.

        All of them are told all of it: any of them may be the next that dies.
        """
        here = {number: one for number, one in self._now.items() if one.is_ready}
        self._away -= here.keys()
        files = [one.fileno() for number in self._away for one in self._places.own[number : number + 1]]
        for one in here.values():
            one.stand_in(files)

    async def _revive(self, dead: Worker) -> None:
        """Start another in the place of one that died; wait before, if it died soon."""
        number, wait = dead.role.number, 0.0
        began = dead.began
        while not self._signals and number not in self._now:
            if time.monotonic() - began < STEADY_SECONDS:
                wait = min(max(1.0, 2 * wait), MOST_SECONDS)
                await asyncio.sleep(wait)
            if number in self._now:
                return
            began = time.monotonic()
            worker = self._start(number)
            if await self._is_ready(worker):
                self._log.warning("worker started", worker=number, pid=worker.process.pid)
                return

    def _stop(self) -> None:
        """End all, the second time at once."""
        self._signals += 1
        if self._signals == 1:
            self._notify.stopping()
            limit = self._settings.stop_delay_seconds + self._settings.shutdown_seconds + _LATE_SECONDS
            for worker in self._all:
                self._later(_kill_late(worker, limit))
        for worker in self._all:
            worker.signal(signal.SIGTERM)
        self._look()

    # Replacing

    def _roll(self) -> None:
        """Replace all, one after the other; once more, if that is asked for meanwhile."""
        if self._signals:
            return
        self._again = True
        if self._rolling is None or self._rolling.done():
            self._rolling = self._later(self._replace_all())

    async def _replace_all(self) -> None:
        while self._again:
            self._again = False
            self._notify.reloading()
            self._log.info("restarting", workers=self._settings.workers)
            for number in range(self._settings.workers):
                old = self._now.get(number)
                if old is not None and not await self._replace(old):
                    if self._signals:
                        return  # it was stopped, which is no failure
                    self._log.error(
                        "restart given up",
                        worker=number,
                        detail="The new process did not start. Those that run go on.",
                    )
                    break
            else:
                self._log.info("restarted", workers=self._settings.workers)
        self._notify.ready(f"{self._settings.workers} processes")

    async def _replace(self, old: Worker) -> bool:
        """Start a process in the place of another, which leaves once that is ready."""
        number = old.role.number
        new = self._start(number)
        if not await self._is_ready(new) or self._signals:
            return False
        self._now[number] = new
        if self._away:
            self._share_out()
        if old in self._all:
            old.is_leaving = True
            old.signal(signal.SIGHUP)
            self._later(_kill_late(old, self._settings.drain_seconds + _LATE_SECONDS))
        return True

    def _later(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _kill_late(worker: Worker, seconds: float) -> None:
    await asyncio.sleep(seconds)
    worker.signal(signal.SIGKILL)


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def supervise(settings: Settings, given: dict[str, Any]) -> int:
    """Serve with several processes until a signal ends it; return the exit code.

    Raises:
        ConfigurationError: the address is taken.
    """
    if not hasattr(signal, "SIGHUP"):
        raise ConfigurationError("This system cannot hand sockets to processes. Leave FLOWKEYS_WORKERS at 1.")
    logs.configure(settings.log_level, settings.log_format)
    if not logs.is_text(settings.log_format):
        logs.take_over()
    notify = Notify()
    places = Places(settings, settings.workers)
    try:
        return asyncio.run(Supervisor(settings, given, places, notify).run())
    finally:
        places.close()
        (settings.data_dir / LINK_FILE).unlink(missing_ok=True)
