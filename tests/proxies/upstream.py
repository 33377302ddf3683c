"""The application behind the proxies: it says what reached it, and streams what it is told to."""

import contextlib
import http.client
import json
import queue
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.support.waiting import PATIENCE_SECONDS

http.client._MAXHEADERS = 1000  # the library's own limit is lower than that of anything in front of it


class Upstream:
    """An application in threads of this process. `seen` holds each request, as the application answers it."""

    def __init__(self) -> None:
        self.seen: list[dict[str, Any]] = []
        self.events: queue.Queue[str | None] = queue.Queue()
        self.left: queue.Queue[str] = queue.Queue()
        """The targets of calls whose clients were found to have gone."""
        handler = type("Handler", (_Handler,), {"upstream": self})
        self._server = _Server(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop, without waiting for connections that a proxy keeps open."""
        self._server.block_on_close = False
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE_SECONDS)


class _Server(ThreadingHTTPServer):
    request_queue_size = 1000


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    upstream: Upstream

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except ConnectionError:
            self.close_connection = True  # the proxy closed a connection that it kept

    def answer(self) -> None:
        target = self.requestline.split(" ")[1]  # self.path is tidied up
        seen = {
            "method": self.command,
            "target": target,
            "headers": [[name.lower(), value] for name, value in self.headers.items()],
            "body": self._body().decode(),
        }
        self.upstream.seen.append(seen)
        if target == "/events":
            self._stream()
            return
        if target in {"/silent", "/talking"}:
            self._wait_until_left(target)
            return
        if target == "/slash":  # as frameworks do for a path without its slash
            self.send_response(307)
            self.send_header("Location", f"http://{self.headers['host']}/slash/")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if self.command == "HEAD" else body)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("do_"):  # every method
            return self.answer
        raise AttributeError(name)

    def _wait_until_left(self, target: str) -> None:
        """Say nothing, or one thing, and then nothing more until nobody listens."""
        if target == "/talking":
            self._begin_stream()
            self._chunk(b"data: first\n\n")
        self.connection.settimeout(PATIENCE_SECONDS)
        with contextlib.suppress(ConnectionError):
            assert self.connection.recv(1) == b""
        self.upstream.left.put(target)
        self.close_connection = True

    def _begin_stream(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _stream(self) -> None:
        self._begin_stream()
        while (event := self.upstream.events.get(timeout=PATIENCE_SECONDS)) is not None:
            self._chunk(f"data: {event}\n\n".encode())
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("content-length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def log_message(self, *_: Any) -> None:
        pass
