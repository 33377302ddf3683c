"""What a call with limits costs Valkey, and what it keeps of a key."""

import asyncio
import uuid
from pathlib import Path
from typing import Any, Final

from bench.capacity import servers
from bench.report import Table
from flowkeys.domain.limits.gcra import KEY
from flowkeys.domain.limits.rate import Limits, parse_limits
from flowkeys.limits.memory import MemoryLimits
from flowkeys.limits.shared.chosen import Chosen
from flowkeys.limits.shared.place import places_of
from flowkeys.limits.shared.rates import SharedLimits
from flowkeys.limits.shared.valkey import Valkey

TITLE: Final = "A call with limits, in Valkey"
CASES: Final = {"one window": "10/hour", "two windows": "10/hour, 100/day"}
_KEYS: Final = 4_000
_TOGETHER: Final = 32
"""Calls that arrive at one time, and are asked together."""


def measure(folder: Path) -> list[Table]:
    """Return the table."""
    table = Table(
        TITLE,
        ("", "µs of its processor", "bytes a key"),
        note=f"{_KEYS:,} keys call twice, {_TOGETHER} at a time, over a Unix socket. Valkey works on one "
        "core.",
    )
    for name, text in CASES.items():
        with servers.valkey(folder) as (url, pid):
            cpu, size = asyncio.run(_press(url, pid, text))
        table.add(name, f"{cpu:.1f}", f"{size:.0f}")
    return [table]


async def _press(url: str, pid: int, text: str) -> tuple[float, float]:
    valkey = Valkey(places_of(url), 60.0, lambda *_: None)
    await valkey.start()
    limiter = SharedLimits(valkey, MemoryLimits(), Chosen())
    limits = Limits(parse_limits([text]))
    asked = [((KEY, str(uuid.uuid4()), limits),) for _ in range(_KEYS)]
    before, used = await _memory(valkey), servers.cpu_seconds(pid)
    for _ in range(2):
        for start in range(0, _KEYS, _TOGETHER):
            await asyncio.gather(*(limiter.take(one) for one in asked[start : start + _TOGETHER]))
    used = servers.cpu_seconds(pid) - used
    size = await _memory(valkey) - before
    assert not valkey.without, "it did not answer in time"
    await valkey.stop()
    return used / (2 * _KEYS) * 1e6, size / _KEYS


async def _memory(valkey: Valkey) -> int:
    said: Any = await valkey.ask("INFO", "memory")
    text = said if isinstance(said, str) else said.decode()
    return int(text.partition("used_memory:")[2].partition("\r")[0])
