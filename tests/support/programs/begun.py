"""`flowkeys` in a process of its own that begins where its imports end.

Importing what the server needs takes a second of a processor, and dozens of tests start a server. One process
(`zygote.py`) imports it once for each process that runs tests, and forks. What is forked is a process as any
other: its signals, files, exit and end are its own. Only its command line and first environment, as other
processes see them, are not: who looks at these, or at a start itself, starts the program (`subprocess`).
"""

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Final

from tests.support.waiting import until

_ROOT: Final = Path(__file__).parents[3]


class _Zygote:
    """The process that forks, and what it said."""

    def __init__(self) -> None:
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        clean = {name: value for name, value in os.environ.items() if not name.startswith("FLOWKEYS_")}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.programs.zygote", str(theirs.fileno())],
                cwd=_ROOT,
                env=clean,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        self._lock = threading.Lock()
        self._ended: dict[int, int] = {}
        atexit.register(self._end)

    def start(
        self, arguments: Sequence[str], environment: Mapping[str, str], files: Sequence[int], folder: str
    ) -> int:
        """Return the number of a new process."""
        order = {"arguments": list(arguments), "environment": dict(environment), "folder": folder}
        with self._lock:
            socket.send_fds(self._control, [json.dumps(order).encode()], list(files))
            self._control.setblocking(True)
            while (said := self._read()).get("started") is None:
                pass
        return int(said["started"])

    def ended(self, process: int) -> int | None:
        """Return how a process ended, as `subprocess` says it, or None while it runs."""
        with self._lock:
            self._control.setblocking(False)
            try:
                while process not in self._ended:
                    self._read()
            except BlockingIOError:
                return None
            return self._ended[process]

    def _read(self) -> dict[str, Any]:
        text = self._control.recv(4096)
        assert text, "the process that forks has ended"
        said: dict[str, Any] = json.loads(text)
        if "ended" in said:
            self._ended[said["ended"]] = said["status"]
        return said

    def _end(self) -> None:
        self._control.close()
        self._process.wait()


@cache
def _zygote() -> _Zygote:
    return _Zygote()


class Process:
    """One process, with what tests use of `subprocess.Popen`."""

    def __init__(
        self,
        arguments: Sequence[str],
        env: Mapping[str, str],
        output: IO[bytes],
        *,
        errors: IO[bytes] | None = None,
        given: IO[bytes] | None = None,
    ) -> None:
        """Run `flowkeys` with these arguments; errors go where the output goes, unless it is said where."""
        with TemporaryFile() as nothing:
            files = [each.fileno() for each in (given or nothing, output, errors or output)]
            self.pid = _zygote().start(arguments, env, files, str(Path.cwd()))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return how it ended, or None while it runs."""
        if self.returncode is None:
            self.returncode = _zygote().ended(self.pid)
        return self.returncode

    def wait(self) -> int:
        """Return how it ended, once it has."""
        until(lambda: self.poll() is not None, f"the process {self.pid} to end")
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)


def run(
    arguments: Sequence[str], env: Mapping[str, str], given: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, and return what it said."""
    with TemporaryFile() as input_, TemporaryFile() as output, TemporaryFile() as errors:
        input_.write(given.encode())
        input_.seek(0)
        status = Process(arguments, env, output, errors=errors, given=input_).wait()
        said = []
        for file in (output, errors):
            file.seek(0)
            said.append(file.read().decode())
    return subprocess.CompletedProcess(list(arguments), status, *said)
