"""Requests byte by byte, for what an HTTP client would tidy up."""

import http.client
import json
import socket
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx

from tests.support.waiting import PATIENCE_SECONDS

Header = tuple[bytes, bytes]


class Answer(NamedTuple):
    """What came back; status 0 when the connection was closed without an answer."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    @property
    def code(self) -> str | None:
        """The `code` of a problem."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return None
        return found.get("code") if isinstance(found, dict) else None

    def header(self, name: str) -> str | None:
        """One header."""
        return next((value for key, value in self.headers if key.lower() == name), None)


def send(
    url: str,
    method: str,
    target: str | bytes,
    headers: Iterable[Header] = (),
    body: bytes | None = None,
    *,
    json_body: Any = None,
) -> Answer:
    """Send a request whose target and headers are written as they are given."""
    headers = list(headers)
    if json_body is not None:
        body = json.dumps(json_body).encode()
        headers.append((b"Content-Type", b"application/json"))
    lines = [method.encode() + b" " + (target.encode() if isinstance(target, str) else target) + b" HTTP/1.1"]
    lines.append(b"Connection: close")
    if not any(name.lower() == b"host" for name, _ in headers):
        lines.append(b"Host: localhost")
    lines += [name + b": " + value for name, value in headers]
    if body is not None:
        lines.append(b"Content-Length: " + str(len(body)).encode())
    return exchange(url, b"\r\n".join(lines) + b"\r\n\r\n" + (body or b""))


def exchange(url: str, data: bytes) -> Answer:
    """Send bytes and read one answer."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=PATIENCE_SECONDS) as connection:
        with suppress(BrokenPipeError, ConnectionResetError):  # refused half-way: the answer is there already
            connection.sendall(data)
        response = http.client.HTTPResponse(connection, method=data.partition(b" ")[0].decode("latin-1"))
        try:
            response.begin()
            return Answer(response.status, response.getheaders(), response.read())
        except (http.client.HTTPException, ConnectionResetError):
            return Answer(0, [], b"")
        finally:
            response.close()


def encoded(arguments: dict[str, Any]) -> tuple[list[Header], bytes | None]:
    """Return the headers and the body that an HTTP client would send for `json` or `files`."""
    if not arguments:
        return [], None
    request = httpx.Request("POST", "http://localhost", **arguments)
    return [(b"Content-Type", request.headers["content-type"].encode())], request.read()
