"""Parsing in separate processes: whatever a file does to its parser, the server goes on."""

import asyncio
import contextlib
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from typing import Final

import msgspec

from flowkeys.documents import wire
from flowkeys.documents.kinds import Limits, media_type, refusal
from flowkeys.domain.documents.collection import ParsedDocument
from flowkeys.domain.errors import InvalidInput, TooLarge
from flowkeys.service.documents.collections import DocumentLimits

FIELD: Final = "files"

_WORKERS: Final = 2
_FILES_OF_A_WORKER: Final = 200
"""Then it is replaced, so that what its parsers have leaked does not come to count as a file's."""
_IDLE_SECONDS: Final = 30.0
_ANSWER_BYTES: Final = 256 * 1024 * 1024
_START_SECONDS: Final = 10


class SubprocessParser:
    """Implements the port `DocumentParser`. One event loop only; `aclose` ends its processes."""

    def __init__(self, limits: DocumentLimits | None = None) -> None:
        """Start nothing yet: the first file does."""
        self._limits = limits or DocumentLimits()
        self._slots = asyncio.Semaphore(_WORKERS)
        self._idle: list[_Worker] = []

    async def parse(self, source: str, content: bytes) -> ParsedDocument:
        """Return the passages of a file; its kind is told by the name in `source`.

        Raises:
            InvalidInput: the file's kind is not supported, or it cannot be read.
            TooLarge: it exceeds a limit on bytes, pages, passages, memory or time.
        """
        kind = media_type(source)
        if kind is None:
            raise InvalidInput.of(FIELD, f"{source}: {refusal(source)}")
        if len(content) > self._limits.file_bytes:
            raise TooLarge(f"{source}: at most {self._limits.file_bytes} bytes a file.")
        job = wire.Job(
            source, content, Limits(self._limits.pages, self._limits.passages), self._limits.seconds
        )
        async with self._worker() as worker:
            answer = await self._ask(worker, job)
        if isinstance(answer, wire.Failed):
            if answer.too_much:
                raise TooLarge(f"{source}: {answer.message}")
            raise InvalidInput.of(FIELD, f"{source}: {answer.message}")
        digest = await asyncio.to_thread(lambda: hashlib.sha256(content).hexdigest())
        return ParsedDocument(source, kind, len(content), digest, answer.passages)

    async def aclose(self) -> None:
        """End the processes that wait for files. Those at work end with the call that waits for them."""
        while self._idle:
            await self._idle.pop().end()

    async def _ask(self, worker: "_Worker", job: wire.Job) -> wire.Answer:
        seconds = 2 * self._limits.seconds + _START_SECONDS  # the machine may have other work
        try:
            async with asyncio.timeout(seconds):
                return await worker.ask(job)
        except TimeoutError:
            return wire.Failed(f"It was not parsed within {seconds} seconds.", too_much=True)
        except (ConnectionError, asyncio.IncompleteReadError):
            return wire.Failed("Parsing it takes more time or memory than is allowed.", too_much=True)
        except msgspec.ValidationError:
            return wire.Failed("It is damaged and cannot be read.")

    @contextlib.asynccontextmanager
    async def _worker(self) -> AsyncIterator["_Worker"]:
        """Lend a process; one that is not fit for another file afterwards is ended."""
        async with self._slots:
            worker = self._idle.pop() if self._idle else None
            if worker is None or not worker.is_fit:
                worker = await _Worker.start(self._limits.memory_bytes)
            try:
                yield worker
            finally:
                if worker.is_fit:
                    self._idle.append(worker)
                    asyncio.get_running_loop().call_later(_IDLE_SECONDS, self._dismiss, worker, worker.files)
                else:
                    await worker.end()

    def _dismiss(self, worker: "_Worker", files: int) -> None:
        """Let a process go that has had nothing to do since its file number `files`."""
        if worker in self._idle and worker.files == files:
            self._idle.remove(worker)
            worker.dismiss()


class _Worker:
    """One process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._at_work = False
        self.files = 0

    @classmethod
    async def start(cls, memory_bytes: int) -> "_Worker":
        """Start a process that has none of the server's environment, files or terminal."""
        kept = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-I",
            "-B",
            "-m",
            "flowkeys.documents.worker",
            str(memory_bytes),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"LANG": "C.UTF-8", **kept},
            cwd="/",
            start_new_session=True,
        )
        return cls(process)

    @property
    def is_fit(self) -> bool:
        """Whether it waits for a file: it answered the last one in order, and runs."""
        return not self._at_work and self.files < _FILES_OF_A_WORKER and self._process.returncode is None

    async def ask(self, job: wire.Job) -> wire.Answer:
        """Send a file and return the answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._at_work = True
        self.files += 1
        self._process.stdin.write(wire.frame(job))
        await self._process.stdin.drain()
        length = int.from_bytes(await self._process.stdout.readexactly(wire.LENGTH_BYTES), "big")
        if length > _ANSWER_BYTES:
            raise ConnectionError("This is no answer.")
        answer = wire.answer_decoder.decode(await self._process.stdout.readexactly(length))
        self._at_work = isinstance(answer, wire.Failed) and answer.last
        return answer

    def dismiss(self) -> None:
        """Tell the process that there are no more files: it ends by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()

    async def end(self) -> None:
        """End the process now."""
        # Not `Process.kill`, which may take the exit code away from asyncio's own watcher.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        await self._process.wait()
        self.dismiss()
