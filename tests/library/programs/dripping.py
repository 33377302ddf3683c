"""A server on 127.0.0.1 that answers questions about tokens a byte at a time."""

import contextlib
import socket
import threading


class Dripping:
    """Sends `begin` at once and then a byte each tenth of a second, until it is stopped."""

    def __init__(self, begin: bytes, *, everything: bool = False) -> None:
        self._begin = begin
        self._to = b"" if everything else b"POST"
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._stopped = threading.Event()
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self.questions = 0
        """So many were asked; the feed of changes is none, and is answered only with `everything`."""
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        """End what was begun. Connections are still taken, and closed once they have asked."""
        self._stopped.set()

    def _accept(self) -> None:
        while True:
            client, _ = self._listening.accept()
            threading.Thread(target=self._drip, args=[client], daemon=True).start()

    def _drip(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client:
            if client.recv(65536).startswith(self._to):
                self.questions += 1
                client.sendall(self._begin)
                rest = iter(b"" if self._begin else b"HTTP/1.1 200 OK\r\nX-Long: ")
                while not self._stopped.wait(0.1):
                    client.sendall(bytes([next(rest, 0x61)]))
