"""From the command to the first answer, and where the time goes."""

import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from bench import process
from bench.report import Table

TARGET_SECONDS: Final = 0.6
FLOWISE_SECONDS: Final = "6.2 to 9.7"
SHOWN: Final = 6

_MARKS: Final = """
import gc, json, sys, time
gc.disable()
marks = {}
began = time.perf_counter()
def mark(name):
    global began
    now = time.perf_counter()
    marks[name] = now - began
    began = now
import flowkeys.cli.main
mark("importing the command line")
import flowkeys.cli.server.serve
mark("importing the server")
import asyncio
from flowkeys import bootstrap, config
settings = config.load()
mark("reading the settings")
async def main():
    runtime = await bootstrap.open_runtime(settings)
    mark("opening the data directory")
    bootstrap.create_app(runtime)
    mark("putting the application together")
    from flowkeys.web import framework
    mark("behind the start: the framework, routes and pages")
    await runtime.close()
asyncio.run(main())
print(json.dumps(marks))
"""
_LINE: Final = re.compile(r"import time:\s+(\d+) \|\s+\d+ \| \s*([\w.]+)")


def measure(folder: Path, rounds: int) -> list[Table]:
    """Return the tables: how long it takes, and of what that consists."""
    table = Table("Start to first answer", ("", "seconds", "Flowise", "target"))
    fresh = [_start(folder / f"new-{number}", folder) for number in range(rounds)]
    again = [_start(folder / "new-0", folder) for _ in range(rounds)]
    for name, times in (("a new data directory", fresh), ("an existing one", again)):
        seconds = statistics.median(times)
        verdict = table.verdict(f"< {TARGET_SECONDS} s", met=seconds < TARGET_SECONDS)
        table.add(name, f"{seconds:.2f}", FLOWISE_SECONDS, verdict)
    return [table, _parts(folder / "new-0", rounds), _imports(folder / "new-0")]


def _start(data_dir: Path, folder: Path) -> float:
    began = time.perf_counter()
    with process.flowkeys(data_dir, folder / "start.log"):
        return time.perf_counter() - began


def _parts(data_dir: Path, rounds: int) -> Table:
    table = Table("Where a start spends its time", ("", "ms"))
    runs = [msgspec.json.decode(_python(data_dir, "-c", _MARKS).stdout) for _ in range(rounds)]
    began = time.perf_counter()
    for _ in range(rounds):
        _python(data_dir, "-c", "pass")
    table.add("Python itself", f"{(time.perf_counter() - began) / rounds * 1000:.0f}")
    for name in runs[0]:
        table.add(name, f"{statistics.median(run[name] for run in runs) * 1000:.0f}")
    return table


def _imports(data_dir: Path) -> Table:
    """Return which packages the imports are of, their own time alone."""
    table = Table("Imports, by package", ("", "modules", "ms"), note="With -X importtime, which slows them.")
    found: dict[str, list[int]] = {}
    said = _python(
        data_dir, "-X", "importtime", "-c", "import flowkeys.cli.main, flowkeys.cli.server.serve"
    ).stderr
    for own, module in _LINE.findall(said):
        found.setdefault(module.partition(".")[0], []).append(int(own))
    others = len(found) - SHOWN
    ranked = sorted(found.items(), key=lambda item: -sum(item[1]))
    for package, times in ranked[:SHOWN]:
        table.add(package, str(len(times)), f"{sum(times) / 1000:.0f}")
    rest = [own for _, times in ranked[SHOWN:] for own in times]
    table.add(f"{others} others", str(len(rest)), f"{sum(rest) / 1000:.0f}")
    return table


def _python(data_dir: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [*process.pinned(process.SERVER_CORE), sys.executable, *arguments]
    environment = process.environment({"FLOWKEYS_DATA_DIR": str(data_dir)})
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)
