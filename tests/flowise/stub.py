"""The scripted model that the recordings were made with, as a program of its own."""

import socket
import subprocess
import sys
from typing import Any

import httpx

from tests.flowise.recordings import ADDRESS, STUB
from tests.support.waiting import PATIENCE_SECONDS, until

_HOST, _PORT = ADDRESS.split(":")


class Stub:
    """A running stub model. Its port is the one that the flows name, or another where that one is taken."""

    def __init__(self) -> None:
        self.port = _free()
        self._process = subprocess.Popen([sys.executable, str(STUB), str(self.port)])
        self._client = httpx.Client(
            base_url=f"http://{_HOST}:{self.port}", trust_env=False, timeout=PATIENCE_SECONDS
        )
        self._next = 0
        until(self._answers, "the stub model to answer")

    @property
    def address(self) -> str:
        """Host and port."""
        return f"{_HOST}:{self.port}"

    def to_here(self, text: str) -> str:
        """Return a text of a recording with this one's address; both have as many characters."""
        return text.replace(ADDRESS, self.address)

    def from_here(self, text: str) -> str:
        """Return a text with the address that the recordings have."""
        return text.replace(self.address, ADDRESS)

    def received(self) -> list[dict[str, Any]]:
        """Return what was received since this was last asked."""
        told = self._client.get("/_log", params={"since": self._next}).json()
        self._next = told["next"]
        found: list[dict[str, Any]] = told["requests"]
        return found

    def stop(self) -> None:
        """End it."""
        self._client.close()
        self._process.kill()
        self._process.wait(PATIENCE_SECONDS)

    def _answers(self) -> bool:
        assert self._process.poll() is None, "the stub model has ended"
        try:
            return self._client.get("/_ping").status_code == 200
        except httpx.TransportError:
            return False


def _free() -> int:
    """Return the port that the flows name, or one of as many digits where somebody has that."""
    own = int(_PORT)
    return next(port for port in (own, *range(own + 100, 9999)) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as trying:
        trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trying.bind((_HOST, port))
        except OSError:
            return False
    return True
