"""Sockets that somebody else has opened: systemd (sd_listen_fds(3)), which keeps them through a restart."""

import os
import socket
from typing import Final

from flowkeys.domain.errors import ConfigurationError

_FIRST: Final = 3
_NAMES: Final = ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")


def sockets() -> list[socket.socket]:
    """Return the sockets that were handed to this process; they are its own from then on.

    Raises:
        ConfigurationError: one of them is nothing that a server could listen on.
    """
    pid, count, _names = (os.environ.pop(name, "") for name in _NAMES)
    if pid != str(os.getpid()) or not count.isdecimal():
        return []
    found = []
    for number in range(_FIRST, _FIRST + int(count)):
        try:
            given = socket.socket(fileno=number)
            listens = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise ConfigurationError(f"File {number}, which LISTEN_FDS names, is no socket.") from error
        if given.type != socket.SOCK_STREAM or not listens:
            raise ConfigurationError(
                f"Socket {number}, which LISTEN_FDS names, is none that is listened on. "
                "In the .socket unit, use ListenStream= and no Accept=yes."
            )
        given.set_inheritable(False)
        found.append(given)
    return found


class GivenUnixSocket:
    """A Unix socket whose file is somebody else's."""

    def __init__(self, listening: socket.socket) -> None:
        self.listening = listening

    def remove(self) -> None:
        """Leave the file to whoever made it."""
