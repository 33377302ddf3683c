"""A server in a process of its own, on a core of its own."""

import contextlib
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

SERVER_CORE = 0
CLIENT_CORE = 1
ANY_CORE = -1
START_SECONDS = 30
_SHOWN = 1500

_TICKS = os.sysconf("SC_CLK_TCK")
_ADDRESS = re.compile(r"http://127\.0\.0\.1:\d+")


class Process:
    """A running server and what it uses."""

    def __init__(self, pid: int, url: str) -> None:
        self.pid = pid
        self.url = url

    def cpu_seconds(self) -> float:
        """Return the processor time that it used: its threads, also those that ended, and its children."""
        return sum(_cpu_ticks(pid) for pid in family(self.pid)) / _TICKS

    def memory_mb(self, name: str = "VmRSS") -> float:
        """Return its memory: `VmRSS` now, `VmHWM` at most so far."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        found = re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)
        assert found is not None
        return int(found[1]) / 1024


def family(pid: int) -> Iterator[int]:
    """Yield a process and all that it began, and they."""
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text("ascii").split():
            yield from family(int(child))


def _cpu_ticks(pid: int) -> int:
    """Return the 14th and 15th field of proc(5)'s stat: the name before them may hold blanks."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def pinned(core: int) -> list[str]:
    """Return the beginning of a command that keeps it on one core, where there is more than one."""
    several = len(os.sched_getaffinity(0)) > 1
    return ["taskset", "-c", str(core)] if several and core != ANY_CORE else []


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """Return this environment with these settings of flowkeys and no others.

    What is installed is compiled: where Python may not write that, a start would measure the compiler.
    """
    kept = {name: value for name, value in os.environ.items() if "FLOWKEYS_" not in name}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return {**kept, **settings}


@contextlib.contextmanager
def running(
    command: Sequence[str],
    log: Path,
    settings: Mapping[str, str] = {},
    core: int = SERVER_CORE,
    start_seconds: float = START_SECONDS,
    url: str = "",
) -> Iterator[Process]:
    """Run a server; its address is read from its log, unless it is told. It is stopped at the end."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            [*pinned(core), *command],
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield Process(child.pid, _wait(child, log, start_seconds, url))
    finally:
        child.terminate()
        child.wait(15)


@contextlib.contextmanager
def flowkeys(data_dir: Path, log: Path, core: int = SERVER_CORE, **settings: str) -> Iterator[Process]:
    """Serve a data directory with the settings that everyone gets."""
    own = {"data_dir": str(data_dir), "port": "0", **settings}
    named = {f"FLOWKEYS_{name.upper()}": value for name, value in own.items()}
    command = str(Path(sys.executable).with_name("flowkeys"))
    with running([command, "serve"], log, named, core) as process:
        yield process


@contextlib.contextmanager
def empty(log: Path, app: str = "app", *more: str, core: int = SERVER_CORE) -> Iterator[Process]:
    """Serve an application that does nothing, with the same event loop and the same parser."""
    options = ["--port", "0", "--http", "httptools", "--loop", "uvloop", "--ws", "none", "--no-access-log"]
    command = [sys.executable, "-m", "uvicorn", f"bench.empty_app:{app}", *options, *more]
    with running(command, log, core=core) as process:
        yield process


def _wait(child: subprocess.Popen[bytes], log: Path, seconds: float, url: str) -> str:
    end = time.monotonic() + seconds
    while time.monotonic() < end and child.poll() is None:
        found = _ADDRESS.search(log.read_text("utf-8"))
        known = url or (found[0] if found is not None else "")
        if known and _answers(known):
            return known
        time.sleep(0.005)
    raise RuntimeError(f"a server did not start: {log.read_text('utf-8')[-_SHOWN:]}")


def _answers(url: str) -> bool:
    try:
        urllib.request.urlopen(f"{url}/api/v1/ping", timeout=5)
    except urllib.error.HTTPError:  # a peer, which has no such path
        return True
    except OSError:
        return False
    return True
