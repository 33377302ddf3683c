"""Telling systemd how a start, a restart and a stop go: sd_notify(3), which is a datagram with lines."""

import contextlib
import os
import socket
import time


class Notify:
    """Tells whoever asked for it in ``NOTIFY_SOCKET``; else nobody."""

    def __init__(self) -> None:
        """Take the address out of the environment: it is for this process, not for those that it starts."""
        self._address = os.environ.pop("NOTIFY_SOCKET", "")

    def ready(self, status: str) -> None:
        """Say that calls are answered, at the beginning or again."""
        self._send("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Say that processes are being replaced."""
        self._send("RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}", "STATUS=Restarting")

    def stopping(self) -> None:
        """Say that the end has begun."""
        self._send("STOPPING=1", "STATUS=Stopping")

    def _send(self, *lines: str) -> None:
        if not self._address.startswith(("/", "@")):
            return
        address = self._address
        if address.startswith("@"):
            address = f"\0{address[1:]}"
        with (
            contextlib.suppress(OSError),  # nobody listens: no reason to serve nobody
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as telling,
        ):
            telling.sendto("\n".join(lines).encode(), address)
