"""What the figures were measured on."""

import os
import platform
import re
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path


def describe() -> str:
    """Return the date, the machine and the versions, in a few lines."""
    with Path("/proc/cpuinfo").open(encoding="utf-8") as info:
        found = re.search(r"^model name\s*:\s*(.+)$", info.read(), re.MULTILINE)
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    busy = os.getloadavg()[0]
    packages = ", ".join(f"{name} {version(name)}" for name in ("uvicorn", "uvloop", "fastapi", "msgspec"))
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d at %H:%M} UTC: {len(os.sched_getaffinity(0))} cores of "
        f"{found[1] if found else platform.machine()}, {memory:.0f} GB, load average {busy:.1f} before "
        f"the first round; Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, "
        f"{packages}."
    )
