"""Calls a server, in a process of its own: `python -m bench.models.caller press|hold`, the rest on its input.

wrk stops in the middle of answers, which costs a server that takes seconds for one what nobody counts. This
waits until all that was begun has ended, looks into each answer, and reads the clock when a piece comes.
"""

import asyncio
import json
import re
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import urlsplit

import uvloop

from bench.models.framing import Framing

_STAMP: Final = re.compile(rb"@(\d{8,20});")
_STAMP_BYTES: Final = 24
_OK: Final = b"HTTP/1.1 200 "
_LONGEST_SECONDS: Final = 60


class Caller(asyncio.Protocol):
    """A connection, which is used for one call after another."""

    def __init__(self, done: Callable[["Caller", bytes], None]) -> None:
        self._done = done
        self.failed: Callable[[str], None] = lambda why: None
        self._parts: list[bytes] | None = None

    def connection_made(self, transport):
        self._transport = transport

    def call(self, request: bytes) -> None:
        self._parts = []
        self._framing = Framing()
        self.began = time.perf_counter()
        self._transport.write(request)

    def close(self) -> None:
        self._transport.close()

    def data_received(self, data):
        self._parts.append(data)
        if self._framing.ends(data):
            answer, self._parts = b"".join(self._parts), None
            self._done(self, answer)

    def connection_lost(self, exc):
        if self._parts is not None:
            self.failed(f"a connection broke off: {exc} after {b''.join(self._parts)[:300]!r}")


class Listener(Caller):
    """A caller who notes how late each piece is that says when it was written."""

    def __init__(self, done: Callable[[Caller, bytes], None], late: list[int]) -> None:
        super().__init__(done)
        self._late = late
        self._last = 0
        self._tail = b""
        self.pieces = 0

    def data_received(self, data):
        now = time.monotonic_ns()
        for found in _STAMP.finditer(self._tail + data):
            stamp = int(found[1])
            if stamp > self._last:  # and not told a second time, at the end
                self._last = stamp
                self._late.append(now - stamp)
                self.pieces += 1
        self._tail = data[-_STAMP_BYTES:]
        super().data_received(data)


async def press(asked: dict[str, Any]) -> dict[str, float]:
    """Call over some connections for some seconds, and wait for what was begun."""
    request, marker, times = asked["request"].encode(), asked["marker"].encode(), asked["times"]
    took: list[float] = []
    finished = asyncio.get_running_loop().create_future()
    calling = asked["connections"]

    def done(caller: Caller, answer: bytes) -> None:
        nonlocal calling
        now = time.perf_counter()
        if not answer.startswith(_OK) or answer.count(marker) < times:
            fail(f"not an answer: {answer[:300]!r} … {answer[-300:]!r}")
        took.append(now - caller.began)
        if now < end:
            caller.call(request)
        else:
            calling -= 1
            if not calling and not finished.done():
                finished.set_result(now)

    def fail(why: str) -> None:
        if not finished.done():
            finished.set_exception(RuntimeError(why))

    callers = [await _connect(asked["url"], lambda: Caller(done)) for _ in range(calling)]
    began = time.perf_counter()
    end = began + asked["seconds"]
    for caller in callers:
        caller.failed = fail
        caller.call(request)
    seconds = await asyncio.wait_for(finished, _LONGEST_SECONDS) - began
    return {"answers": len(took), "seconds": seconds, **_spread([value * 1000 for value in took])}


async def hold(asked: dict[str, Any]) -> dict[str, Any]:
    """Open streams, evenly over some seconds, and probes beside them; wait until all have ended."""
    late: list[int] = []
    first: list[int] = []
    streams = [(asked["request"], late)] * asked["streams"]
    opened = [
        asyncio.create_task(_listen(asked, n * asked["over_seconds"] / len(streams), *stream))
        for n, stream in enumerate(streams)
    ]
    await asyncio.sleep(asked["over_seconds"])
    probes = []
    for _ in range(asked.get("probes", 0)):
        await asyncio.sleep(asked["pause_seconds"])
        probes.append(asyncio.create_task(_listen(asked, 0.0, asked["probe"], first)))
    pieces = await asyncio.gather(*opened, return_exceptions=True)
    await asyncio.gather(*probes)
    lost = [str(item) for item in pieces if isinstance(item, BaseException)]
    served = sum(item == asked["pieces"] for item in pieces)
    return {
        "served": served,
        "lost": lost[:3],
        "late": _spread([value / 1e6 for value in late]),
        "first": _spread([value / 1e6 for value in first]) if first else None,
    }


async def _listen(asked: dict[str, Any], after: float, request: str, late: list[int]) -> int:
    """Open a stream; return how many pieces it had when it has ended well."""
    await asyncio.sleep(after)
    ended = asyncio.get_running_loop().create_future()

    def done(caller: Caller, answer: bytes) -> None:
        if answer.startswith(_OK):
            ended.set_result(None)
        else:
            ended.set_exception(RuntimeError(f"not an answer: {answer[:300]!r}"))

    listener = await _connect(asked["url"], lambda: Listener(done, late))
    listener.failed = lambda why: None if ended.done() else ended.set_exception(RuntimeError(why))
    listener.call(request.encode())
    await asyncio.wait_for(ended, _LONGEST_SECONDS)
    listener.close()
    return listener.pieces


async def _connect(url: str, make: Callable[[], Caller]) -> Any:
    address = urlsplit(url)
    loop = asyncio.get_running_loop()
    return (await loop.create_connection(make, address.hostname, address.port))[1]


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    last = len(ordered) - 1
    return {"p50": statistics.median(ordered), "p99": ordered[round(last * 0.99)], "most": ordered[-1]}


if __name__ == "__main__":
    work = {"press": press, "hold": hold}[sys.argv[1]]
    print(json.dumps(uvloop.run(work(json.load(sys.stdin)))))
