"""`flowkeys` as an operator runs it: processes of their own, with a log file and a data directory."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support import databases, template
from tests.support.data_dir import make_key
from tests.support.programs import begun, second
from tests.support.server import Api
from tests.support.waiting import until

_SERVE = ("serve", "--port", "0", *(["--workers", str(second.WORKERS)] if second.WORKERS > 1 else []))
_STARTED = re.compile(rb"on (http://127\.0\.0\.1:[0-9]+), data in")


class Served:
    """One server, which can be stopped, killed and started again over the same data."""

    is_seen = False
    """Whether others look at its command line: then the program itself is started (`begun.py`)."""
    program = "from flowkeys.cli.main import run; run()"

    def __init__(self, folder: Path, **environment: str) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.data_dir = folder / "data"
        self.log = folder / "log"
        self.environment = environment
        self.url = ""
        self.process: subprocess.Popen[bytes] | begun.Process | None = None
        self._clients: list[Api] = []

    def start(self) -> "Served":
        """Start, and wait until it listens; for the first time over an empty database, made beforehand."""
        template.begin(self.data_dir)
        begin = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            if self.is_seen:
                command = [sys.executable, "-c", self.program, *_SERVE]
                self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self._environment())
            else:
                self.process = begun.Process(_SERVE, self._environment(), log)
        process = self.process

        def address() -> bytes | None:
            if found := _STARTED.search(self.log.read_bytes(), begin):
                return found[1]
            assert process.poll() is None, self.log.read_text()
            return None

        listens_at = until(address, lambda: f"the server to listen: {self.log.read_text()}")
        assert listens_at is not None
        self.url = listens_at.decode()
        return self

    def refuse(self) -> str:
        """Start in vain, and return what it said."""
        run = begun.run(_SERVE, self._environment())
        assert run.returncode == 3, run.stderr
        return run.stdout + run.stderr

    def stop(self) -> None:
        """Stop it as an operator does."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it as a crash does."""
        self._end(signal.SIGKILL)

    def shell(self) -> databases.Shell:
        """Open its database past it, as an operator does; whoever is done leaves it."""
        return databases.Shell(self.data_dir)

    def command(self, *arguments: str, stdin: str = "", **environment: str) -> str:
        """Run a command on the data directory, and return what it printed."""
        env = self._environment() | environment
        if self.is_seen:
            command = [sys.executable, "-c", self.program, *arguments]
            run = subprocess.run(command, input=stdin, capture_output=True, text=True, env=env, check=False)
        else:
            run = begun.run(arguments, env, stdin)
        with self.log.open("a") as log:
            log.write(run.stderr)
        assert run.returncode == 0, run.stderr
        return run.stdout

    def key(self, name: str, *permissions: str) -> dict[str, Any]:
        """Make a key beside the server, as a command does it."""
        return make_key(self.data_dir, name, permissions)

    def api(self, token: str | None = None, **headers: str) -> Api:
        """Return a client with a token."""
        self._clients.append(Api(self.url, token, headers, urls=[self.url] * second.WORKERS))
        return self._clients[-1]

    def owner(self) -> Api:
        """Return a client that may do everything. Its key is made beside the server, as a command does it."""
        return self.api(self.key("owner", "*")["apiKey"])

    def _end(self, number: int) -> None:
        for client in self._clients:
            client.close()
        self._clients.clear()
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait()
            self.process = None

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWKEYS_")}
        # Tables of refused credentials come from one address: who tests the limit on them turns it on.
        shared = {f"FLOWKEYS_{name.upper()}": str(value) for name, value in second.shared().items()}
        own = {"FLOWKEYS_DATA_DIR": str(self.data_dir), "FLOWKEYS_FAILURES_PER_SECOND": "0"}
        return {**kept, **own, **databases.environment(self.data_dir), **shared, **self.environment}
