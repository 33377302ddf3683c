"""A connection that is kept: requests as bytes, answers one after the other."""

import socket
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.support.waiting import PATIENCE_SECONDS


class Answer(NamedTuple):
    """One answer as it came."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """A connection to a server."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.socket = socket.socket()
        self.socket.settimeout(PATIENCE_SECONDS)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16_384)  # soon full
        self.socket.connect((parts.hostname, parts.port))
        self._file = self.socket.makefile("rb")

    def send(self, data: bytes) -> None:
        """Send bytes."""
        self.socket.sendall(data)

    def answer(self, *, bodiless: bool = False) -> Answer:
        """Read one answer; to HEAD it has no body."""
        line = self._file.readline()
        assert line.startswith(b"HTTP/1.1 "), line
        status = int(line[9:12])
        headers = {}
        while (line := self._file.readline()) != b"\r\n":
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if status < 200 or bodiless:
            return Answer(status, headers, b"")
        return Answer(status, headers, self._file.read(int(headers["content-length"])))

    def ended(self) -> bool:
        """Wait until the server sends something more, or closes; tell which."""
        try:
            return self._file.read(1) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Close the connection."""
        self._file.close()
        self.socket.close()


def get(target: str, *lines: str, method: str = "GET") -> bytes:
    """Return a request without a body."""
    return "\r\n".join([f"{method} {target} HTTP/1.1", "Host: localhost", *lines, "", ""]).encode()


def post(target: str, body: bytes, *lines: str) -> bytes:
    """Return a request with a JSON body."""
    json = "Content-Type: application/json"
    return get(target, *lines, json, f"Content-Length: {len(body)}", method="POST") + body
