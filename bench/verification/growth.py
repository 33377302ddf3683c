"""From a thousand to a million keys: what a call costs, what memory a key takes, how long a start takes."""

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench import load, process
from bench.load import Call, Figures
from bench.process import Process
from bench.report import Table
from bench.verification.contenders import CONNECTIONS
from bench.verification.keys import Filled, fill

SIZES: Final = (1_000, 100_000, 1_000_000)
GROWTH: Final = 1.3
BYTES_A_KEY: Final = 400
READY_SECONDS: Final = 2.0
_STEADY_SECONDS: Final = 1.0
_WARM_SECONDS: Final = 180
_IDLE: Final = 0.05
"""A server that uses less than so much of a core has read its keys."""
_MB: Final = 1024 * 1024

_KINDS: Final = {
    "hit, 1,000 keys in use": ("few", False),
    "hit, 20,000 in use": ("hits", False),
    "miss": ("misses", True),
    "garbage": ("garbage", True),
}
"""The tokens of each, and whether they are refused."""
_MANY: Final = "hit, 20,000 in use"
"""Compared from the size on that has so many keys."""
# Refusals are limited by address unless this is 0, and all of these come from one.
_UNLIMITED: Final = {"failures_per_second": "0"}


def measure(folder: Path, rounds: int, seconds: int, sizes: tuple[int, ...] = SIZES) -> list[Table]:
    """Return the tables of costs, and of starts and memory."""
    found: dict[tuple[str, int], list[Figures]] = {}
    started: dict[int, tuple[float, float, float, float]] = {}
    with ExitStack() as stack:
        servers: dict[int, tuple[Process, Filled]] = {}
        for size in sizes:
            filled = fill(folder / f"keys-{size}", size)
            began = time.perf_counter()
            log = folder / f"keys-{size}.log"
            server = stack.enter_context(
                process.flowkeys(filled.folder, log, access_log="false", **_UNLIMITED)
            )
            ready = time.perf_counter() - began
            at_ready = server.memory_mb()
            warm = _until_idle(server)
            started[size] = (ready, at_ready, warm, server.memory_mb())
            servers[size] = server, filled
        for number in range(rounds + 1):
            for kind, (tokens, refused) in _KINDS.items():
                for size, (server, filled) in servers.items():
                    call = Call("/api/v1/auth/verify", tokens=getattr(filled, tokens))
                    figures = load.press(server, call, CONNECTIONS, seconds, folder, refused=refused)
                    if number:
                        found.setdefault((kind, size), []).append(figures)
        after = {size: server.memory_mb() for size, (server, _) in servers.items()}
    medians = {case: load.median(items) for case, items in found.items()}
    return [_costs(medians, sizes), _starts(started, after, sizes)]


def _until_idle(server: Process) -> float:
    began = time.perf_counter()
    used = server.cpu_seconds()
    while time.perf_counter() - began < _WARM_SECONDS:
        time.sleep(_STEADY_SECONDS)
        now = server.cpu_seconds()
        if now - used < _IDLE * _STEADY_SECONDS:
            break
        used = now
    return time.perf_counter() - began - _STEADY_SECONDS


def _costs(medians: dict[tuple[str, int], Figures], sizes: tuple[int, ...]) -> Table:
    table = Table(
        "Verification with more keys",
        (
            "forward-auth",
            *(f"{size:,} keys, CPU µs" for size in sizes),
            "grows",
            "p99 ms with most",
            "target",
        ),
        note="Tokens are sent in turn: 1,000 or 20,000 different ones, whose last uses are stored every two "
        "seconds. A server with 1,000 keys has no 20,000 in use, so that line is compared from 100,000 keys "
        "on. A miss is well formed and nobody's; garbage has a wrong checksum. The limit on failures by "
        "address and the access log, which has a line for each refusal, are off here.",
    )
    for kind in _KINDS:
        costs = [medians[kind, size].cpu_ms * 1000 for size in sizes]
        growth = costs[-1] / costs[1 if kind == _MANY and len(costs) > 1 else 0]
        verdict = table.verdict(f"≤ {GROWTH} times", met=growth <= GROWTH)
        shown = [f"{cost:.1f}" for cost in costs]
        table.add(kind, *shown, f"{growth:.2f}", f"{medians[kind, sizes[-1]].p99_ms:.1f}", verdict)
    return table


def _starts(
    started: dict[int, tuple[float, float, float, float]], after: dict[int, float], sizes: tuple[int, ...]
) -> Table:
    table = Table(
        "Start and memory with more keys",
        (
            "keys", "seconds to ready", "until all are read", "MB ready", "MB read", "MB after the load",
            "bytes a key", "target",
        ),
        note="Bytes a key: what the server has grown by after the load since it was ready with 1,000 keys, "
        "for each key more. Reading goes on beside calls.",
    )  # fmt: skip
    least = sizes[0]
    for size in sizes:
        ready, at_ready, warm, read = started[size]
        bytes_a_key, verdicts = "", []
        if size == sizes[-1] and size > least:
            grown = (after[size] - after[least]) * _MB / (size - least)
            bytes_a_key = f"{grown:.0f}"
            verdicts.append(table.verdict(f"≤ {BYTES_A_KEY} bytes a key", met=grown <= BYTES_A_KEY))
            verdicts.append(table.verdict(f"ready in < {READY_SECONDS:.0f} s", met=ready < READY_SECONDS))
        table.add(
            f"{size:,}", f"{ready:.2f}", f"{warm:.1f}", f"{at_ready:.0f}", f"{read:.0f}",
            f"{after[size]:.0f}", bytes_a_key, "; ".join(verdicts),
        )  # fmt: skip
    return table
