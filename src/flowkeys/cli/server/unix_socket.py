"""The Unix socket that a server listens on, for a proxy on the same machine.

Its file outlives a server that was killed, and so is taken over; that of a server which runs is not, and what
is no socket is never touched. Who may connect is decided by the file's mode, and nobody else may from the
first moment on.
"""

import contextlib
import errno
import os
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal

from flowkeys.domain.errors import ConfigurationError
from flowkeys.storage.sqlite.access import of_file

MODE: Final = 0o660
"""Who may connect: the server's user and group. To connect is to write (unix(7))."""
_ANSWERS_SECONDS: Final = 2.0
_LOCK_SECONDS: Final = 10.0
_LAST_LOCK_SECONDS: Final = 0.5
"""While the server stops, streams wait for it to end them; a file that is left is taken over."""
_POLL_SECONDS: Final = 0.02

State = Literal["free", "left", "listening", "other"]


class UnixSocket:
    """A socket that is listened on, and the file by which others find it."""

    def __init__(self, path: Path, backlog: int) -> None:
        """Bind and listen, in place of what a server that was killed left there.

        Raises:
            ConfigurationError: it says what stands in the way.
        """
        self.path = path
        if not hasattr(socket, "AF_UNIX"):
            raise ConfigurationError("This system has no Unix sockets for Python. Use --host and --port.")
        self.listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            self._take(path, backlog)
        except (OSError, ConfigurationError) as error:
            self.listening.close()
            raise ConfigurationError(
                f"Cannot listen on {path}: {why_not(error, path)} "
                "Put that right, or choose another path with --uds or FLOWKEYS_UDS."
            ) from error

    def _take(self, path: Path, backlog: int) -> None:
        if (why := hindrance(path)) is not None:
            raise ConfigurationError(why)
        with _alone(path, _LOCK_SECONDS):
            what = state(path)
            if what == "listening":
                raise ConfigurationError("A server listens on it already.")
            if what == "left":
                path.unlink()
            _bind(self.listening, path)
            self._file = _identity(path)
            self.listening.listen(backlog)  # before others look: until then nobody seems to be there

    def remove(self) -> None:
        """Remove the file, unless it is another server's by now; those who are connected stay so."""
        with contextlib.suppress(OSError), _alone(self.path, _LAST_LOCK_SECONDS):
            if _identity(self.path) == self._file:
                self.path.unlink()

    def close(self) -> None:
        """Remove the file and listen no more."""
        self.remove()
        self.listening.close()


def state(path: Path) -> State:
    """Tell what is at a path: nothing, a socket nobody listens on, one somebody does, or anything else.

    Raises:
        OSError: it cannot be found out.
    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):  # a link neither: who made it may not choose what goes
            return "other"
    except (FileNotFoundError, NotADirectoryError):
        return "free"
    found = _ask(path)
    if found == errno.ECONNREFUSED:
        return "left"
    return "free" if found == errno.ENOENT else "listening"


def _ask(path: Path) -> int:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)  # when its queue is full, somebody listens there
        return probe.connect_ex(os.fspath(path))


def answers(path: Path) -> bool:
    """Tell whether a flowkeys server answers at a path."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking, contextlib.suppress(OSError):
        asking.settimeout(_ANSWERS_SECONDS)
        asking.connect(os.fspath(path))
        asking.sendall(b"GET /api/v1/ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        said = b""
        while part := asking.recv(4096):
            said += part
        return said.endswith(b"pong")
    return False


def _bind(listening: socket.socket, path: Path) -> None:
    # The mode that a file is made with, not one that it gets a moment later. No thread runs yet whose files
    # this would touch.
    mask = os.umask(0o777 & ~MODE)
    try:
        listening.bind(os.fspath(path))
    finally:
        os.umask(mask)


def hindrance(path: Path) -> str | None:
    """Return in a sentence why no socket can be made at a path, or None."""
    try:
        if state(path) == "other":
            return "There is something of that name already, which is no socket and is left as it is."
        if why := of_file(path, writing=True):
            return why
        _ask(path)  # Python refuses a path that is too long before it asks the system
    except OSError as error:
        return why_not(error, path)
    return None


def why_not(error: Exception, path: Path) -> str:
    """Return in a sentence why a path cannot be listened on."""
    if not isinstance(error, OSError):
        return str(error)
    if error.errno is None:  # Python's own, and so without a number
        length = len(os.fsencode(path))
        return f"The path has {length} bytes, and a socket's may have 107 at most (unix(7)), on macOS 103."
    return of_file(path, writing=True) or f"{os.strerror(error.errno)}."


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


@contextlib.contextmanager
def _alone(path: Path, seconds: float) -> Iterator[None]:
    """Keep two servers from taking over the same file: the second would remove what the first made.

    The folder is locked, so that no file is left; not for ever, since others may hold such a lock too.
    """
    import fcntl

    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(_POLL_SECONDS)
        yield
    finally:
        os.close(folder)
