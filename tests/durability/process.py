"""`flowkeys serve` in a process of its own, which can be stopped, killed and starved."""

import contextlib
import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from tests.support import databases
from tests.support.programs.begun import Process
from tests.support.server import Api
from tests.support.waiting import until

TARGETS = Path(__file__).parent / "targets"

_ADDRESS = re.compile(r"on (http://\S+:\d+),")


class Served:
    """A server over a data directory; it can be started again after it ended."""

    def __init__(self, folder: Path, token: str, *, log_elsewhere: bool = False, **settings: Any) -> None:
        """Keep what it needs; `log_elsewhere` sends its log through a pipe, away from its own disk."""
        self.data_dir = folder / "data"
        self._token = token
        self._log_elsewhere = log_elsewhere
        self.log = folder / "server.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self._settings = {f"FLOWKEYS_{name.upper()}": str(value) for name, value in settings.items()}
        self.database: str | None = settings.get("database")
        """Its URL, unless it is the file in the data directory."""
        self._clients: list[Api] = []
        self.process: Process | None = None
        self.url = ""

    @property
    def pid(self) -> int:
        """The process."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> "Served":
        """Start, and wait until it answers."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith("FLOWKEYS_")}
        own = {"FLOWKEYS_DATA_DIR": str(self.data_dir), "FLOWKEYS_PORT": "0"}
        with self.log.open("wb") as file, _pipe_to(self.log) if self._log_elsewhere else file as output:
            self.process = Process(
                ["serve"], {**clean, **own, **databases.environment(self.data_dir), **self._settings}, output
            )
        self.url = self._wait_for_address()
        with Api(self.url, None, {}) as api:
            until(lambda: _answers(api), lambda: f"an answer of the server: {self.said()}")
        return self

    def kill(self) -> None:
        """End it at once, as a power switch would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> int:
        """End it as an operator would; return its exit code."""
        return self._signal(signal.SIGTERM)

    def end(self) -> None:
        """Leave nothing behind."""
        for client in self._clients:
            client.close()
        if self.process is not None and self.process.poll() is None:
            self.kill()

    def said(self) -> str:
        """Return what it wrote."""
        return self.log.read_text("utf-8", errors="replace")

    def api(self, token: str | None = None) -> Api:
        """Return a client with a token."""
        api = Api(self.url, token, {})
        self._clients.append(api)
        return api

    def owner(self) -> Api:
        """Return a client that may do everything, with the key that its data directory came with."""
        return self.api(self._token)

    def shell(self) -> databases.Shell:
        """Open its database past it, as an operator does; whoever is done leaves it."""
        return databases.Shell(self.data_dir)

    def rows(self, query: str, *parameters: Any) -> list[tuple]:
        """Return rows of its database."""
        return databases.by_hand(self.data_dir, query, *parameters, url=self.database)

    def _signal(self, number: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait()

    def _wait_for_address(self) -> str:
        until(
            lambda: _ADDRESS.search(self.said()) is not None or self._ended(),
            lambda: f"the server to start: {self.said()}",
        )
        found = _ADDRESS.search(self.said())
        assert found is not None, self.said()
        return found[1]

    def _ended(self) -> bool:
        assert self.process is not None
        return self.process.poll() is not None


def _pipe_to(path: Path) -> IO[bytes]:
    """Return a pipe; what comes out of it is written to a file by this process."""
    reading, writing = os.pipe()

    def pump() -> None:
        with os.fdopen(reading, "rb", buffering=0) as source, path.open("ab", buffering=0) as sink:
            while piece := source.read(65536):
                sink.write(piece)

    threading.Thread(target=pump, daemon=True).start()
    return os.fdopen(writing, "wb")


Serve = Callable[..., Served]
"""The fixture: starts a server with these settings."""


def wait_for(path: Path) -> None:
    """Return when a file is there."""
    until(path.exists, f"the file {path.name}")


def _answers(api: Api) -> bool:
    with contextlib.suppress(Exception):
        return api.get("/ping").text == "pong"
    return False
