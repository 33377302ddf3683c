"""Correct calls on a connection of their own, beside 16 clients who send correct calls, or anything else."""

import statistics
import subprocess
import time
from pathlib import Path
from typing import Final

from bench import load, process
from bench.load import Call, Figures
from bench.process import CLIENT_CORE, Process, pinned
from bench.report import Table
from bench.verification.contenders import CONNECTIONS, PROTOCOL_PATH, SETTINGS
from bench.verification.keys import Filled

TARGET: Final = 1.5
_SETTLE_SECONDS: Final = 0.2
_PATH: Final = "/api/v1/auth/verify"


def measure(folder: Path, filled: Filled, rounds: int, seconds: int) -> Table:
    """Return the table, measured on the server as everyone gets it."""
    others = {
        "correct calls": Call(_PATH, tokens=filled.hits),
        "garbage: wrong checksums": Call(_PATH, tokens=filled.garbage),
        "unknown keys": Call(_PATH, tokens=filled.misses),
        "no credential": Call(_PATH),
    }
    found: dict[str, list[Figures]] = {name: [] for name in others}
    with process.flowkeys(filled.folder, folder / "beside.log", **SETTINGS[PROTOCOL_PATH]) as server:
        mine = Call(_PATH, token=filled.token)
        for number in range(rounds + 1):
            for name, call in others.items():
                figures = _press_beside(server, mine, call, seconds, folder)
                if number:
                    found[name].append(figures)
    table = Table(
        "Correct calls, beside 16 clients who send",
        ("", "correct calls a second", "p50 ms", "p99 ms", "p99, times", "target"),
        note="Medians of the rounds, on the server as everyone gets it: failures limited by address, access "
        "log on. All clients are on one core and come from one address.",
    )
    usual = statistics.median(item.p99_ms for item in found["correct calls"])
    for name, items in found.items():
        middle = load.median(items)
        ratio = middle.p99_ms / usual
        verdict = "" if name == "correct calls" else table.verdict(f"≤ {TARGET} times", met=ratio <= TARGET)
        table.add(
            name,
            f"{middle.per_second:,.0f}",
            f"{middle.p50_ms:.2f}",
            f"{middle.p99_ms:.2f}",
            f"{ratio:.2f}",
            verdict,
        )
    return table


def _press_beside(server: Process, mine: Call, others: Call, seconds: int, folder: Path) -> Figures:
    script = folder / "others.lua"
    script.write_text(others.script(), "utf-8")
    long_enough = seconds + 1
    command = [
        "wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{long_enough}s",
        "-s",
        str(script),
        server.url + others.path,
    ]
    with subprocess.Popen([*pinned(CLIENT_CORE), *command], stdout=subprocess.DEVNULL) as child:
        time.sleep(_SETTLE_SECONDS)
        figures = load.press(server, mine, 1, seconds, folder)
        child.wait(long_enough + 10)
    return figures
