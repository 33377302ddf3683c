"""A tap on the line to the model server: passes every byte on, and keeps what was asked."""

import contextlib
import json
import socket
import threading
from typing import Any
from urllib.parse import urlsplit


class Tap:
    """Listens on a port of its own, and forwards each connection."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._target = (parts.hostname, parts.port)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/v1"
        self._asked: list[bytearray] = []
        self._accepting = threading.Thread(target=self._accept, daemon=True)
        self._accepting.start()

    def requests(self) -> list[dict[str, Any]]:
        """Return the bodies of the requests so far, each with its headers."""
        found = []
        for raw in list(self._asked):
            rest = bytes(raw)
            while rest:
                head, _, rest = rest.partition(b"\r\n\r\n")
                lines = head.decode().split("\r\n")[1:]
                headers = {
                    name.lower(): value.strip() for name, _, value in (x.partition(":") for x in lines)
                }
                length = int(headers["content-length"])
                found.append({"headers": headers, **json.loads(rest[:length])})
                rest = rest[length:]
        return found

    def close(self) -> None:
        """Take no more connections."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listening.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                self._asked.append(bytearray())
                threading.Thread(target=self._connect, args=(near, self._asked[-1]), daemon=True).start()

    def _connect(self, near: socket.socket, asked: bytearray) -> None:
        with near, socket.create_connection(self._target) as far:
            there = threading.Thread(target=_pass_on, args=(near, far, asked), daemon=True)
            there.start()
            _pass_on(far, near, bytearray())
            there.join()


def _pass_on(source: socket.socket, sink: socket.socket, kept: bytearray) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65536):
            kept += piece
            sink.sendall(piece)
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
