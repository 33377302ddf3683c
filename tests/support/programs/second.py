"""Another process over the data of a server of tests: TESTS_WORKERS=2 gives one to each.

It is what `flowkeys serve` runs, with the same settings. Clients of tests call the one and the other in turn,
and wait after each change as long as it may take until it holds everywhere: what one has acknowledged must
hold on the other within the bound, and no test has to know that there are two.
"""

import atexit
import json
import os
import re
import time
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any, Final

from tests.support.databases import ON_POSTGRES
from tests.support.programs import begun, storing
from tests.support.waiting import until

if TYPE_CHECKING:
    from tests.support.valkey import ValkeyServer

WORKERS: Final = int(os.environ.get("TESTS_WORKERS", "1"))
"""How many processes answer for each server of the tests: one or two."""
BOUND_MS: Final = 100 if ON_POSTGRES else 20
"""Within so long a change holds in both; on PostgreSQL far less than usual, since each test waits for it."""
_ADDRESS: Final = re.compile(rb"on (http://127\.0\.0\.1:[0-9]+), data in")


def shared() -> dict[str, Any]:
    """Return the settings that servers need of which there are two: they count together."""
    if WORKERS == 1:
        return {}
    return {"valkey": _valkey().url, "valkey_timeout_ms": 10_000, "revocation_bound_ms": BOUND_MS}


def hold() -> None:
    """Wait until what was acknowledged holds in both processes."""
    if WORKERS > 1:
        time.sleep(BOUND_MS / 1000)


@cache
def _valkey() -> "ValkeyServer":
    from tests.support.valkey import ValkeyServer

    started = ValkeyServer().start()
    atexit.register(started.stop)
    return started


class Second:
    """The other process; it stops when it is told to."""

    def __init__(self, data_dir: Path, settings: Mapping[str, Any]) -> None:
        """Start, and wait until it answers. `settings` are those of the first, as `load` takes them."""
        environment = {f"FLOWKEYS_{name.upper()}": _written(value) for name, value in settings.items()}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("FLOWKEYS_")}
        own = {"FLOWKEYS_DATA_DIR": str(data_dir), "FLOWKEYS_LOG_FORMAT": "text", storing.ASKED: "1"}
        self._log = TemporaryFile()  # noqa: SIM115 - as long as it runs
        self._process = begun.Process(["serve", "--port", "0"], {**kept, **environment, **own}, self._log)
        self.url: str = until(self._address, lambda: f"another process: {self._said().decode()}").decode()

    def begin_to_stop(self) -> None:
        """Stop as a signal would, without waiting for the end."""
        self._process.send_signal(begun.signal.SIGTERM)

    def stop(self) -> None:
        """Stop as a signal would."""
        self.begin_to_stop()
        self._process.wait()
        self._log.close()

    def store(self) -> None:
        """Have it store what it has counted."""
        before = self._said().count(storing.SAID)
        self._process.send_signal(begun.signal.SIGUSR1)
        until(
            lambda: self._said().count(storing.SAID) > before,
            lambda: f"it to be stored: {self._said().decode()}",
        )

    def _said(self) -> bytes:
        return os.pread(self._log.fileno(), 1 << 20, 0)

    def _address(self) -> bytes | None:
        if found := _ADDRESS.search(self._said()):
            return found[1]
        assert self._process.poll() is None, self._said().decode()
        return None


def is_expressible(settings: Mapping[str, Any]) -> bool:
    """Tell whether a process can be told the settings, and the first listens where the second can, too."""
    return not settings.keys() & {"uds", "metrics_port", "credentials", "python_flows"}


def _written(value: Any) -> str:
    if isinstance(value, tuple | list):
        return ",".join(map(str, value))
    if isinstance(value, Mapping):
        return json.dumps(dict(value))
    return str(value)
