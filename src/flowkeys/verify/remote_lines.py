"""Connections to a server, each of which one thread uses at a time and any other may cut."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

_CONNECTED: Final = (".connect_tcp.complete", ".start_tls.complete")
"""What the HTTP client says once it has another socket."""


class Line:
    """An HTTP client for one request at a time."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http
        self.until = 0.0
        """Nobody needs what is under way any longer then, of the monotonic clock."""
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self.is_cut = False

    @property
    def extensions(self) -> dict[str, Any]:
        """What requests have to be made with, so that the line knows its socket."""
        return {"trace": self._note}

    def cut(self) -> None:
        """End what is under way, at once: whoever reads finds the connection ended.

        It is not closed: the number of a socket that is closed while another thread reads is soon another's.
        """
        with self._lock:
            self.is_cut = True
            self._end()

    def _note(self, event: str, info: dict[str, Any]) -> None:
        if not event.endswith(_CONNECTED):
            return
        with self._lock:
            self._socket = info["return_value"].get_extra_info("socket")
            if self.is_cut:
                self._end()

    def _end(self) -> None:
        if self._socket is not None:
            # Not the method of a socket with TLS: that would take what still comes for plain text.
            with contextlib.suppress(OSError):
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)


class Lines:
    """As many lines as are used at a time."""

    def __init__(self, connect: Callable[[], httpx.Client]) -> None:
        """Make each with `connect`."""
        self._connect = connect
        self._lock = threading.Lock()
        self._free = [Line(connect())]
        self._used: set[Line] = set()
        self._closed = False

    @contextmanager
    def line(self, until: float) -> Iterator[Line]:
        """Give a line to a thread, which should not need it any longer at `until`.

        Raises:
            RuntimeError: they were closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("closed")
            line = self._free.pop() if self._free else Line(self._connect())
            line.until = until
            self._used.add(line)
        try:
            yield line
        finally:
            with self._lock:
                self._used.remove(line)
                is_good = not line.is_cut and not self._closed
                if is_good:
                    self._free.append(line)
            if not is_good:
                line.http.close()

    def cut_late(self, at: float) -> None:
        """Cut what nobody needs any longer: a server that drips would keep the threads."""
        with self._lock:
            for line in self._used:
                if line.until < at:
                    line.cut()

    def close(self) -> None:
        """Cut and close every line."""
        with self._lock:
            self._closed = True
            for line in self._used:  # closed by the thread that uses it
                line.cut()
            free, self._free = self._free, []
        for line in free:
            line.http.close()
