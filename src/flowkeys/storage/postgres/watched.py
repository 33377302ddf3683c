"""Connections of threads, which can be cut off while they wait for a database that says nothing.

PostgreSQL ends a statement that takes too long, but not one that never reached it, or whose answer is lost on
the way: a driver that blocks waits for that without an end.
"""

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import psycopg

_open: "WeakSet[Watched]" = WeakSet()
_of_open = threading.Lock()


class Watched(psycopg.Connection[Any]):
    """A connection that knows since when a thread has been waiting for it."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Be watched from now on."""
        super().__init__(*arguments, **options)
        self._lock_of_wait = threading.Lock()
        self._since: float | None = None
        self.is_pooled = False
        """Whether it leads to a pooler, and not to a process of the server that is there for it alone."""
        with _of_open:
            _open.add(self)

    def wait(self, *arguments: Any, **options: Any) -> Any:
        """Wait for the database, as the driver does."""
        self._since = time.monotonic()
        try:
            return super().wait(*arguments, **options)
        finally:
            with self._lock_of_wait:  # so that nobody cuts off what has this number by then
                self._since = None

    def cut(self, seconds: float) -> None:
        """End it if a thread has been waiting for so long, which then hears that it was lost."""
        with self._lock_of_wait:
            if self._since is None or time.monotonic() - self._since < seconds:
                return
            with suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self.fileno())) as same:
                same.shutdown(socket.SHUT_RDWR)


def cut_late(seconds: float) -> None:
    """Cut off every connection of this process for which somebody has been waiting for so long."""
    with _of_open:
        every = list(_open)
    for connection in every:
        connection.cut(seconds)
