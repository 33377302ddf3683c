"""A client that sends exactly the bytes that a test gives it: no path is tidied, no header merged."""

import itertools
import json
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPException, HTTPResponse
from typing import Any, NamedTuple

from tests.support.waiting import PATIENCE_SECONDS

_addresses = itertools.count(1)


class Answer(NamedTuple):
    """What came back; status 0 when the connection was closed without an answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def all(self, name: str) -> list[str]:
        """Return the values of each header of a name."""
        return [value for key, value in self.headers if key == name]

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of a refusal that flowkeys made, or None."""
        types = self.all("content-type")
        found: str | None = self.json["code"] if types == ["application/problem+json"] else None
        return found


def fresh_address() -> str:
    """Return an address of this machine that no call came from yet: failures are limited by address."""
    number = next(_addresses)
    return f"127.9.{number // 250}.{number % 250 + 1}"


def call(
    port: int,
    target: bytes | str = "/",
    *headers: bytes | str,
    method: str = "GET",
    body: bytes = b"",
    source: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> Answer:
    """Send one request over a connection of its own."""
    with opened(port, target, *headers, method=method, body=body, source=source, tls=tls) as response:
        if response is None:
            return Answer(0, [], b"")
        found = [(name.lower(), value) for name, value in response.getheaders()]
        return Answer(response.status, found, response.read())


def connected(port: int, source: str | None = None, tls: ssl.SSLContext | None = None) -> socket.socket:
    """Return a connection to a port of this machine."""
    connection = socket.socket()
    connection.bind((source or fresh_address(), 0))
    connection.settimeout(PATIENCE_SECONDS)
    connection.connect(("127.0.0.1", port))
    return tls.wrap_socket(connection, server_hostname="localhost") if tls else connection


@contextmanager
def opened(
    port: int,
    target: bytes | str = "/",
    *headers: bytes | str,
    method: str = "GET",
    body: bytes = b"",
    source: str | None = None,
    tls: ssl.SSLContext | None = None,
) -> Iterator[HTTPResponse | None]:
    """Send a request and give its answer once the headers are there; None when there is no answer."""
    lines = [b"%b %b HTTP/1.1" % (method.encode(), _bytes(target)), b"Host: app.test", b"Connection: close"]
    lines += [_bytes(header) for header in headers]
    if body:
        lines.append(b"Content-Length: %d" % len(body))
    with closing(connected(port, source, tls)) as connection:
        response: HTTPResponse | None = HTTPResponse(connection, method=method)
        assert response is not None
        try:
            with suppress(
                ConnectionError, ssl.SSLError
            ):  # refused before all was sent; there may be an answer nevertheless
                connection.sendall(b"\r\n".join([*lines, b"", body]))
            response.begin()
        except (ConnectionError, ssl.SSLError, HTTPException):
            response.close()
            response = None
        try:
            yield response
        finally:
            if response is not None:
                response.close()


def _bytes(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode()
