"""One process that runs code, and the way to it."""

import asyncio
import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from flowkeys.flows.code.wire import (
    LENGTH_BYTES,
    Answer,
    CodeFailed,
    Outward,
    Request,
    Returned,
    Said,
    Sent,
    said_decoder,
)

PACKAGE: Final = "_quickjs"
_HELPER: Final = Path(__file__).with_name("helper.py")
_RUNS: Final = 1000
"""Then a process is replaced, so that what its engine may leak does not add up."""
_FRAME_BYTES: Final = 64 * 1024 * 1024


def is_installed() -> bool:
    """Tell whether the engine is."""
    return importlib.util.find_spec(PACKAGE) is not None


def _spawn(
    command: list[str], theirs: socket.socket, environment: dict[str, str]
) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(  # noqa: S603 - of ours
        command,
        stdin=theirs.fileno(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        start_new_session=True,
    )


class Process(asyncio.Protocol):
    """One process, and the way to it."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._transport: asyncio.Transport | None = None
        self._held = bytearray()
        self._said: deque[Said] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._closed = False
        self._at_work = False
        self.runs = 0

    @classmethod
    async def start(cls, memory_bytes: int) -> "Process":
        """Start a process that has none of the server's environment, files or terminal."""
        spec = importlib.util.find_spec(PACKAGE)
        if spec is None or spec.origin is None:
            raise CodeFailed("quickjs-ng is not installed")
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-I", "-S", "-B", str(_HELPER), spec.origin, str(memory_bytes)]
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        try:
            process = await asyncio.to_thread(_spawn, command, theirs, kept)
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        made = cls(process)
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: made, sock=ours)
        except BaseException:
            ours.close()
            made.end()
            raise
        return made

    @property
    def is_fit(self) -> bool:
        """Whether it waits for code: it came to an end with the last, and runs."""
        return not self._at_work and not self._closed and self.runs < _RUNS

    async def run(self, job: Sent, outward: Outward, words: Callable[[str], str]) -> Returned:
        """Run code, and make the calls that it asks for beside it."""
        self._at_work = True
        self.runs += 1
        self._send(job)
        try:
            while True:
                said = await self._next()
                if said is None:
                    raise CodeFailed("it took more time or memory than is allowed.")
                if said.call is not None:
                    task = asyncio.get_running_loop().create_task(self._call(said.call, outward))
                    self._calls.add(task)
                    task.add_done_callback(self._calls.discard)
                    continue
                self._at_work = False
                if said.done is not None:
                    return said.done
                raise CodeFailed(said.failed if said.over is None and said.failed else words(said.over or ""))
        finally:
            for task in self._calls:
                task.cancel()

    async def _call(self, request: Request, outward: Outward) -> None:
        self._send(await outward(request))

    def _send(self, frame: Sent | Answer) -> None:
        body = msgspec.json.encode(frame)
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(len(body).to_bytes(LENGTH_BYTES, "big") + body)

    async def _next(self) -> Said | None:
        while not self._said:
            if self._closed:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            await self._reader
        return self._said.popleft()

    def end(self) -> None:
        """End the process now."""
        if self._transport is not None:
            self._transport.close()
        # The process is the leader of its group, and not waited for yet: its number is still its own.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        asyncio.get_running_loop().run_in_executor(None, self._process.wait)

    # What the event loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`. The transport need not be one of asyncio's: uvloop has its own."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        held = self._held
        held += data
        while len(held) >= LENGTH_BYTES:
            end = LENGTH_BYTES + int.from_bytes(held[:LENGTH_BYTES], "big")
            if end > _FRAME_BYTES:
                self.connection_lost(None)
                return
            if len(held) < end:
                break
            try:
                self._said.append(said_decoder.decode(held[LENGTH_BYTES:end]))
            except (msgspec.DecodeError, UnicodeError, RecursionError):
                self.connection_lost(None)
                return
            del held[:end]
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        del exc
        self._closed = True
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
