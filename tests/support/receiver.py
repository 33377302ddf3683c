"""A receiver of webhooks on a real socket of this machine, which answers as a test says."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urlsplit

OK = b"HTTP/1.1 204 No Content\r\n\r\n"


class Received(NamedTuple):
    """A message as it arrived."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """What it says."""
        decoded: dict[str, Any] = json.loads(self.body)
        return decoded

    @property
    def id(self) -> str:
        """Its ``webhook-id``."""
        return self.headers["webhook-id"]


def answering(status: int, *headers: str) -> bytes:
    """Return an answer without a body."""
    lines = [f"HTTP/1.1 {status} Whatever", *headers, "Content-Length: 0", "Connection: close"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


class Receiver:
    """Takes each message, and answers with bytes, or by a function that has the connection."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answer: bytes | Callable[[Received, socket.socket], None] = OK
        self._round = 0
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listening.getsockname()[1]
        self.url = ""
        self.afresh()
        threading.Thread(target=self._accept, daemon=True).start()

    def afresh(self) -> None:
        """Forget everything, and take another path: what was on its way to the last one is not counted."""
        self._round += 1
        self.url = f"http://127.0.0.1:{self.port}/hook{self._round}"
        self.received.clear()

    def of(self, event_type: str) -> list[Received]:
        """Return the messages that tell of a kind of event."""
        return [one for one in list(self.received) if one.json["type"] == event_type]

    def close(self) -> None:
        """Listen no more."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, connection.makefile("rb") as stream:
            first = stream.readline().decode().split(" ")
            headers = {}
            while line := stream.readline().decode().strip():
                name, _, value = line.partition(":")
                headers[name.lower()] = value.strip()
            if not headers:
                return
            message = Received(first[1], headers, stream.read(int(headers["content-length"])))
            answer = self.answer
            if not message.path.startswith("/hook") or message.path.startswith(urlsplit(self.url).path):
                self.received.append(message)
            try:
                if callable(answer):
                    answer(message, connection)
                else:
                    connection.sendall(answer)
            except OSError:
                return  # it was cut off, as some tests want it


@contextmanager
def receiving() -> Iterator[Receiver]:
    """Give a receiver that answers 204."""
    receiver = Receiver()
    try:
        yield receiver
    finally:
        receiver.close()
