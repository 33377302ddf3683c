"""HTTP/1.1 over one connection that stays open: no more than the soak needs."""

import asyncio
import time
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import msgspec

_IDLE_SECONDS: Final = 3.0
"""The server closes after five."""


class Client:
    """Calls one server, one call at a time."""

    def __init__(self, url: str) -> None:
        self._address = urlsplit(url)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._used = 0.0

    async def call(
        self, method: str, path: str, token: str, body: Mapping[str, object] | None = None
    ) -> tuple[int, bytes]:
        """Return the status and the body of an answer."""
        reader, writer = await self._open()
        sent = b"" if body is None else msgspec.json.encode(body)
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: {self._address.netloc}\r\nAuthorization: Bearer {token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(sent)}\r\n\r\n"
        )
        writer.write(head.encode("ascii") + sent)
        lines = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        length = next((int(line[15:]) for line in lines if line.startswith(b"content-length:")), 0)
        answer = await reader.readexactly(length)
        self._used = time.monotonic()
        return int(lines[0].split()[1]), answer

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._streams is not None and time.monotonic() - self._used > _IDLE_SECONDS:
            self.close()
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._address.hostname, self._address.port)
        return self._streams

    def close(self) -> None:
        """Close the connection."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
