"""Where a server listens, as its one process or several use it."""

import contextlib
import socket
from contextlib import ExitStack
from typing import Final

from flowkeys.cli.server import activation
from flowkeys.cli.server.port import listen, listen_beside, listen_for_metrics, url_of
from flowkeys.cli.server.unix_socket import UnixSocket
from flowkeys.config import Settings

BACKLOG: Final = 2048


class Places:
    """The sockets of a server with so many processes.

    Of a port each process has a socket of its own (SO_REUSEPORT), so that the system spreads connections
    evenly; they are kept here while a process is replaced, with all that waits in them. What systemd has
    opened, and a Unix socket, all processes share.
    """

    def __init__(self, settings: Settings, processes: int) -> None:
        """Open them.

        Raises:
            ConfigurationError: it says what stands in the way.
        """
        self._opened = ExitStack()
        self.shared: list[socket.socket] = []
        """Used by all processes."""
        self.own: list[socket.socket] = []
        """One for each process, or none."""
        self.metrics: list[socket.socket] = []
        """One for each process, or none."""
        self.unix: UnixSocket | None = None
        with ExitStack() as undone:
            undone.push(self._opened)
            self._open(settings, processes)
            undone.pop_all()

    def _open(self, settings: Settings, processes: int) -> None:
        self.shared = [self._opened.enter_context(contextlib.closing(one)) for one in activation.sockets()]
        if not self.shared:
            if settings.has_port and processes == 1:
                self.shared = [self._opened.enter_context(contextlib.closing(listen(settings, BACKLOG)))]
            elif settings.has_port:
                self.own = listen_beside(settings, BACKLOG, processes)
            if settings.uds is not None:
                self.unix = self._opened.enter_context(contextlib.closing(UnixSocket(settings.uds, BACKLOG)))
                if processes > 1:
                    self.shared = [*self.shared, self.unix.listening]
        for number in range(processes):
            listening = listen_for_metrics(settings, BACKLOG, number)
            if listening is not None:
                self.metrics.append(listening)

    def of(self, process: int) -> list[socket.socket]:
        """Return what a process listens on; without the Unix socket of a server that is one process."""
        return [*self.shared, *self.own[process : process + 1]]

    def close(self) -> None:
        """Listen no more."""
        for one in (*self.own, *self.metrics):
            one.close()
        self._opened.close()


def url(listening: list[socket.socket]) -> str | None:
    """Return where the first port is, or None: there is no port."""
    return next((url_of(one) for one in listening if one.family != socket.AF_UNIX), None)
