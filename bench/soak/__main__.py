"""``python -m bench.soak [--minutes N]``: run, print what was seen, fail on a wrong answer or on growth."""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from bench import process
from bench.process import Process
from bench.soak.client import Client
from bench.soak.other import Other
from bench.soak.worker import Report, Worker
from bench.target import opened
from flowkeys.flows.drafts.templates import reply_flow
from flowkeys.service.chatflows.input import ChatflowPatch
from flowkeys.service.keys.input import NewKey

WORKERS: Final = 12
CHATFLOWS: Final = 6
PARTS: Final = 10
MEMORY_GROWTH: Final = 1.10
MEMORY_SLACK_MB: Final = 12
"""For the database's page caches, which fill, and for the allocator."""
KEY_MB: Final = 700 / 2**20
"""For each key that was made since: at most 400 bytes in the cache, and that it was changed."""
LATENCY_GROWTH: Final = 2.0
LATENCY_MINUTES: Final = 5
"""Shorter runs show the latency and do not judge it: the machine's moods are larger."""
SHOWN: Final = 10


def main() -> int:
    """Run; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Mixed load, with changes.")
    parser.add_argument("--minutes", type=float, default=30)
    minutes = parser.parse_args().minutes
    with tempfile.TemporaryDirectory(prefix="flowkeys-soak-") as folder:
        data = Path(folder) / "data"
        owner, flows = _prepare(data)
        with process.flowkeys(data, Path(folder) / "server.log", access_log="false") as server:
            report, memory = asyncio.run(_run(server, data, owner, flows, minutes * 60))
    failures = _judge(report, memory, minutes)
    for line in failures[:SHOWN]:
        print(f"failed: {line}")
    print(f"{len(failures)} failures" if failures else "no failures")
    return 1 if failures else 0


def _prepare(data: Path) -> tuple[str, list[str]]:
    """Return the token of an owner, and the ids of chatflows that are not public."""
    with opened(data) as target:
        runtime, run = target.runtime, target.run
        owner = run(runtime.keyring.create(target.caller, NewKey(name="owner", permissions=frozenset({"*"}))))
        patches = [
            ChatflowPatch(name=f"Flow {number}", flow_data=reply_flow("You said: {{ question }}"))
            for number in range(CHATFLOWS)
        ]
        flows = [run(runtime.chatflows.create(target.caller, patch)).chatflow.id for patch in patches]
        return owner.token.reveal(), flows


async def _run(
    server: Process, data: Path, owner: str, flows: list[str], seconds: float
) -> tuple[Report, list[tuple[float, int]]]:
    """Return what the workers saw, and the server's memory (MB) and its keys after each tenth of the time."""
    report = Report()
    other = await Other.start(data)
    began = time.monotonic()
    workers = [
        Worker(number, (Client(server.url), Client(server.url)), owner, flows, other, report).run(
            began + seconds
        )
        for number in range(WORKERS)
    ]
    memory: list[tuple[float, int]] = []

    async def watch() -> None:
        for part in range(1, PARTS + 1):
            await asyncio.sleep(max(0.0, began + seconds * part / PARTS - time.monotonic()))
            memory.append((server.memory_mb(), report.made))
            print(
                f"{time.monotonic() - began:6.0f} s: {report.calls.total():,} calls, "
                f"{report.changes.total():,} changes, {len(report.wrong)} wrong, {memory[-1][0]:.0f} MB",
                flush=True,
            )

    async with asyncio.TaskGroup() as group:
        for work in (*workers, watch()):
            group.create_task(work)
    await other.stop()
    return report, memory


def _judge(report: Report, memory: list[tuple[float, int]], minutes: float) -> list[str]:
    """Print what was seen; return what is wrong with it."""
    failures = list(report.wrong)
    for name, counts in (("calls", report.calls), ("changes", report.changes)):
        print(f"{name}: " + ", ".join(f"{what} {count:,}" for what, count in sorted(counts.items())))
    stale = max(report.stale_ms, default=0.0)
    count = len(report.stale_ms)
    print(f"answered as before a change made elsewhere: {count:,} calls, at most {stale:.1f} ms after it")
    (first, had), (last, has) = memory[0], memory[-1]
    print(f"memory: {first:.0f} MB after a tenth, {last:.0f} MB at the end, {has - had:,} keys later")
    if last > first * MEMORY_GROWTH + MEMORY_SLACK_MB + (has - had) * KEY_MB:
        failures.append(f"memory grew from {first:.0f} to {last:.0f} MB")
    begun, ended = report.times[0][0], report.times[-1][0]
    parts: list[list[float]] = [[] for _ in range(PARTS)]
    for at, took in report.times:
        parts[min(PARTS - 1, int((at - begun) / (ended - begun) * PARTS))].append(took)
    medians = [statistics.median(part) for part in parts if part]
    print("latency by tenths, ms: " + ", ".join(f"{middle:.2f}" for middle in medians))
    early, late = statistics.median(medians[:3]), statistics.median(medians[-3:])
    if minutes >= LATENCY_MINUTES and late > early * LATENCY_GROWTH:
        failures.append(f"latency grew from {early:.2f} to {late:.2f} ms")
    return failures


if __name__ == "__main__":
    sys.exit(main())
