"""How long after its commit a change that another process makes is seen over HTTP."""

import http.client
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from bench import process
from bench.process import CLIENT_CORE, environment, pinned
from bench.report import Table
from bench.verification.keys import Filled

BOUND_MS: Final = 20
TIMES: Final = 50
_GIVE_UP_SECONDS: Final = 5
_WAYS: Final = {
    "command": "revoked by another process, as the commands do it",
    "sql": "disabled by hand, in SQL",
}


def measure(folder: Path, filled: Filled, times: int = TIMES) -> Table:
    """Return the table."""
    table = Table(
        "A change that another process made",
        ("", "times", "ms, median", "ms, most", "target"),
        note="From the end of the other process's commit to the first refusal over HTTP; one client asks "
        "without a pause.",
    )
    tokens = filled.hits.read_text("ascii").split()
    with process.flowkeys(filled.folder, folder / "propagation.log") as server:
        keys = list(zip(filled.ids, tokens, strict=True))
        for number, (way, label) in enumerate(_WAYS.items()):
            first = number * times
            took = _changes(server.url, filled.folder, way, keys[first : first + times])
            verdict = table.verdict(f"at most {BOUND_MS} ms", met=max(took) <= BOUND_MS)
            table.add(label, str(times), f"{statistics.median(took):.1f}", f"{max(took):.1f}", verdict)
    return table


def _changes(url: str, data: Path, way: str, keys: list[tuple[str, str]]) -> list[float]:
    command = [*pinned(CLIENT_CORE), sys.executable, "-m", "bench.verification.changer", way, str(data)]
    took = []
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, env=environment({})
    ) as other:
        assert other.stdin is not None
        assert other.stdout is not None
        other.stdout.readline()  # it has opened the database
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
        for key_id, token in keys:
            headers = {"Authorization": f"Bearer {token}"}
            assert _status(connection, headers) == http.client.OK
            other.stdin.write(f"{key_id}\n")
            give_up = time.monotonic() + _GIVE_UP_SECONDS
            while _status(connection, headers) == http.client.OK:
                if time.monotonic() > give_up:
                    raise RuntimeError("a change was not seen")
            seen = time.monotonic_ns()
            took.append(max(0, seen - int(other.stdout.readline())) / 1e6)
        other.stdin.close()
    return took


def _status(connection: http.client.HTTPConnection, headers: dict[str, str]) -> int:
    connection.request("GET", "/api/v1/auth/verify", headers=headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status
