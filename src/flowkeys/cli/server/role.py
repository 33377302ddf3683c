"""What a process of a server with several and the one that starts them all tell each other."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from typing import Any, Final

import msgspec

from flowkeys.cli.server.server import Server

READY: Final = b"ready"
STAND_IN: Final = b"."
"""With the sockets of all processes that are away, as open files; with none when all are back."""
_MOST_FILES: Final = 253
"""So many can be handed over at once (SCM_MAX_FD of Linux)."""


class Role(msgspec.Struct, frozen=True, kw_only=True):
    """Of one process. Sockets are the numbers of open files that it inherits."""

    number: int
    """Counted from 0; a process that takes the place of another gets its number."""
    tells: bool
    """Whether it says what a start says: the first of all does."""
    loads_first: bool
    """Whether it is ready only when all is loaded: one in the place of another, so no call waits for that."""
    control: int
    """Through it a process says that it is ready. When it ends, there is nobody left who would restart it."""
    listen: list[int]
    metrics: int | None
    given: dict[str, Any]
    """What the command line had of settings."""

    @staticmethod
    def read(text: str) -> "Role":
        """Read what `written` wrote."""
        return msgspec.json.decode(text, type=Role)

    def written(self) -> str:
        """Return it as an argument of a program."""
        return msgspec.json.encode(self).decode()

    def sockets(self) -> list[socket.socket]:
        """Return what is listened on."""
        return [_socket(number) for number in self.listen]

    def metrics_socket(self) -> socket.socket | None:
        """Return what those who ask for metrics come to."""
        return None if self.metrics is None else _socket(self.metrics)


class Line:
    """The connection to the process that has started this one."""

    def __init__(self, role: Role) -> None:
        self._control = _socket(role.control)
        self._control.setblocking(False)

    def attend(self, server: Server, loop: Any) -> None:
        """Do what one is told: at SIGHUP leave to a successor, and end when nobody is left to be told by."""
        signal.signal(signal.SIGHUP, lambda _number, _frame: server.replace())

        def heard() -> None:
            files: list[int] = []
            try:
                said, files, *_ = socket.recv_fds(self._control, len(STAND_IN), _MOST_FILES)
            except BlockingIOError:
                return
            except OSError:
                said = b""
            if said:
                server.stand_in([_socket(number) for number in files])
            else:
                loop.remove_reader(self._control)
                server.is_replaced = False
                server.should_exit = True

        loop.add_reader(self._control, heard)

    def ready(self) -> None:
        """Say that calls are answered."""
        self._control.send(READY)


class Worker:
    """A process, as the one that started it sees it."""

    def __init__(self, role: Role, control: socket.socket, process: subprocess.Popen[bytes]) -> None:
        self.role = role
        self.control = control
        self.process = process
        self.ready: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Whether it came so far as to answer calls."""
        self.began = time.monotonic()
        self.is_leaving = False

    @property
    def is_ready(self) -> bool:
        """Whether it answers calls."""
        return self.ready.done() and self.ready.result()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        self.process.send_signal(number)

    def stand_in(self, files: list[int]) -> None:
        """Have it take connections for others, on their sockets; it keeps none that it had before."""
        with contextlib.suppress(OSError):  # it has ended, which is seen next
            socket.send_fds(self.control, [STAND_IN], files)


def _socket(number: int) -> socket.socket:
    os.set_inheritable(number, False)
    return socket.socket(fileno=number)
