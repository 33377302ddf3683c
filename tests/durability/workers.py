"""A server of several processes: who they are, and callers that keep their connections."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.durability.process import Served
from tests.support.waiting import PATIENCE_SECONDS, until

_HEAD = (
    "GET /api/v1/auth/verify/chatflow/{chatflow} HTTP/1.1\r\nHost: localhost\r\n"
    "Authorization: Bearer {token}\r\n\r\n"
)
OFTEN = 40
"""So many that each of two processes has some, whichever way the system spreads them."""
_SELDOM_SECONDS = 0.25
_TRIES = 120
_STARTS = 20
"""So often are they asked so often, while all get on."""
_CALL = (
    b"GET /api/v1/auth/verify/chatflow/00000000-0000-4000-8000-000000000000 HTTP/1.1\r\n"
    b"Host: localhost\r\nConnection: close\r\n\r\n"
)
"""Without a key."""


def pids(served: Served) -> set[int]:
    """Return the processes that the server has started and that have not ended."""
    children = Path(f"/proc/{served.pid}/task/{served.pid}/children").read_text("ascii").split()
    return {int(pid) for pid in children}


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended may still be listed until its parent asks."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2][0] != "Z"
    return False


def wait_for_processes(served: Served, count: int, without: set[int] = frozenset()) -> set[int]:  # type: ignore[assignment]
    """Return the processes when there are so many, and none of those `without`."""
    found = until(
        lambda: now if len(now := pids(served)) == count and not now & without else None,
        lambda: f"{count} processes: {served.said()}",
    )
    assert found is not None
    return found


def wait_for_answers(served: Served, count: int) -> None:
    """Return when so many processes answer; those that start are waited for as long as they get anywhere.

    Asking costs more than most that is waited for, so it is done seldom. A process that hangs uses no time
    of the processor, and one that goes round in circles uses more than any start.
    """
    used: dict[int, float] = {}
    for _ in range(_STARTS):
        for _ in range(_TRIES):
            if len({answered_by(one) for one in ask_often(served)}) == count:
                return
            time.sleep(_SELDOM_SECONDS)
        before, used = used, {pid: processor_seconds(pid) for pid in pids(served)}
        if any(used.get(pid) == seconds for pid, seconds in before.items()):
            break
    raise AssertionError(f"not {count} processes answer, after these seconds of work: {used}; {tail(served)}")


def processor_seconds(pid: int) -> float:
    """Return how long a process has used a processor."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return 0.0


def tail(served: Served) -> str:
    """Return what it said last, without the lines of requests."""
    return "\n".join([line for line in served.said().splitlines() if '"event":"request"' not in line][-30:])


def ask_often(served: Served) -> list[socket.socket]:
    """Return connections on which something was asked."""
    place = urlsplit(served.url)
    asked = []
    for _ in range(OFTEN):
        one = socket.create_connection((str(place.hostname), int(place.port or 0)), PATIENCE_SECONDS)
        one.sendall(_CALL)
        asked.append(one)
    return asked


def answered_by(asked: socket.socket) -> str:
    """Return which process answered: what the ids of its answers begin with."""
    with asked, asked.makefile("rb") as answer:
        head, *fields = answer.read().decode().split("\r\n")
    assert head == "HTTP/1.1 401 Unauthorized"
    ids = [line.split(": ")[1] for line in fields if line.lower().startswith("x-request-id: ")]
    return ids[0].partition("-")[0]


class Told(NamedTuple):
    """What one call was told."""

    sent_at: float
    status: int
    process: str
    """What the ids of a process's answers begin with."""


class Caller:
    """Asks whether a key opens a chatflow, call after call on one connection."""

    def __init__(self, url: str) -> None:
        place = urlsplit(url)
        self._place = str(place.hostname), int(place.port or 0)
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self.connections = 0

    async def ask(self, chatflow: str, token: str) -> Told:
        """Ask once. What is not answered raises."""
        if self._streams is None:
            self._streams = await asyncio.open_connection(*self._place)
            self.connections += 1
        reader, writer = self._streams
        sent_at = time.monotonic()
        writer.write(_HEAD.format(chatflow=chatflow, token=token).encode())
        async with asyncio.timeout(PATIENCE_SECONDS):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = dict(_fields(head))
            await reader.readexactly(int(lines["content-length"]))
        if lines.get("connection") == "close":
            self.close()
        return Told(sent_at, int(head.split(" ", 2)[1]), lines["x-request-id"].partition("-")[0])

    def close(self) -> None:
        """Let go of the connection."""
        if self._streams is not None:
            with contextlib.suppress(OSError):
                self._streams[1].close()
            self._streams = None


def _fields(head: str) -> Iterator[tuple[str, str]]:
    for line in head.split("\r\n")[1:]:
        name, found, value = line.partition(": ")
        if found:
            yield name.lower(), value
