"""Running a prediction while watching its client: streamed, or answered at once."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, Protocol, TypeVar

import structlog
from starlette.types import Receive, Scope, Send

from flowkeys.domain.errors import FlowkeysError, InvalidInput, QuotaExceeded
from flowkeys.domain.keys.token import conceal
from flowkeys.service.ports.flows import Emit, Event, Tokens
from flowkeys.service.predictions.run import Answer
from flowkeys.web import render
from flowkeys.web.errors import Problem, of_error, problem
from flowkeys.web.predictions import events
from flowkeys.web.predictions.failures import log_failure
from flowkeys.web.requests.context import context_of
from flowkeys.web.requests.raw_body import ClientGone
from flowkeys.web.respond import RawHeaders

T = TypeVar("T")

COMMENT_SECONDS: Final = 15.0
BEGIN_SECONDS: Final = 0.5
"""How long a stream waits for its first event before it begins: so long may a run refuse its input."""
BUFFER_BYTES: Final = 64 * 1024
"""A run waits when its reader is so far behind."""

UNWATCHED_SECONDS: Final = 0.05
"""How long a run that is not streamed may take before its client is watched: watching costs more than
most short runs do."""

_HEADERS: Final = (
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


async def run_watched(work: Coroutine[Any, Any, T], receive: Receive) -> T:
    """Return the result of `work`; stop it when the client goes away.

    Raises:
        ClientGone: it went away first.
    """
    watch = _Watch(receive)
    timer = asyncio.get_running_loop().call_later(UNWATCHED_SECONDS, watch.start)
    try:
        return await work
    except asyncio.CancelledError:
        if watch.client_gone:
            watch.caller.uncancel()
            raise ClientGone from None
        raise
    finally:
        timer.cancel()
        watch.stop()


class _Watch:
    """Cancels the task that made it when the client goes away."""

    def __init__(self, receive: Receive) -> None:
        caller = asyncio.current_task()
        assert caller is not None
        self.caller = caller
        self.client_gone = False
        self._receive = receive
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to watch."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Watch no longer."""
        if self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        await _gone(self._receive)
        self.client_gone = True
        self.caller.cancel()


class Runs(Protocol):
    """What a stream sends: a `Run`, or what stands for one."""

    async def execute(self, emit: Emit) -> Answer:
        """Run to the end, emitting events, and return the answer."""
        ...


class EventStream:
    """Sends the events of one run. Events that are ready together leave together."""

    __slots__ = (
        *("_begun", "_buffer", "_drained", "_headers", "_is_late", "_is_ready", "_loop", "_scope", "_send"),
        *("_sent_at", "_timer", "_waiter"),
    )

    def __init__(self, scope: Scope, send: Send) -> None:
        self._scope = scope
        self._send = send
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._headers: list[tuple[bytes, bytes]] = []
        self._begun = False
        self._is_ready = False
        """There is something to send, or an end."""
        self._is_late = False
        """Nothing was sent for so long that something has to be."""
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._sent_at = 0.0
        self._drained: asyncio.Future[None] | None = None
        """What a run waits for whose reader is too far behind."""

    async def emit(self, event: Event | Tokens) -> None:
        """Queue an event, or several; waits while the client is too far behind."""
        if isinstance(event, Tokens):
            self._put(events.encode_tokens(event.pieces))
        else:
            self._put(events.encode(event.name, event.data))
        if len(self._buffer) > BUFFER_BYTES:
            self._drained = self._drained or self._loop.create_future()
            await asyncio.shield(self._drained)

    async def run(
        self, run: Runs, receive: Receive, stopping: asyncio.Event, headers: RawHeaders = ()
    ) -> None:
        """Send the whole stream: `start`, the run's events, then `metadata` and `end`, or `error` and `end`.

        Raises:
            InvalidInput, QuotaExceeded: the run was refused before its first event; nothing was sent.
            ClientGone: the client went away; the run was stopped.
        """
        self._headers = [*_HEADERS, *headers]
        work = asyncio.ensure_future(run.execute(self.emit))
        gone = asyncio.ensure_future(_gone(receive))
        stop = asyncio.ensure_future(stopping.wait())
        for task in (work, gone, stop):
            task.add_done_callback(self._wake)
        self._sent_at = self._loop.time()
        self._look()
        try:
            while not (work.done() or gone.done() or stop.done()):
                if self._is_ready:
                    await self._flush_what_is_ready()
                else:
                    self._waiter = self._loop.create_future()
                    await self._waiter
            if gone.done() and not work.done():
                raise ClientGone
            self._finish(work)
            await self._flush(more=False)
        finally:
            if self._timer is not None:
                self._timer.cancel()
            await _end(gone, stop, work)

    def _finish(self, work: "asyncio.Future[Answer]") -> None:
        if not work.done() or work.cancelled():
            self._fail(problem("unavailable", "The server is stopping."))
        elif (error := work.exception()) is None:
            self._put(events.encode("metadata", render.metadata(work.result())))
        elif isinstance(error, InvalidInput | QuotaExceeded) and not self._begun and not self._buffer:
            raise error
        elif isinstance(error, FlowkeysError):
            log_failure(error, context_of(self._scope).request_id)
            self._fail(of_error(error))
        else:
            request_id = context_of(self._scope).request_id
            structlog.get_logger("flowkeys").error("run failed", request_id=request_id, exc_info=error)
            self._fail(problem("internal_error"))
        self._put(events.encode("end", "[DONE]"))

    def _fail(self, failure: Problem) -> None:
        context = context_of(self._scope)
        context.facts["code"] = failure.code
        more: dict[str, Any] = {"code": failure.code, "requestId": context.request_id}
        if (wait := dict(failure.headers).get("Retry-After")) is not None:
            more["retryAfterSeconds"] = int(wait)
        self._put(events.encode("error", conceal(failure.detail), **more))

    def _put(self, record: bytes) -> None:
        self._buffer += record
        self._wake()

    def _wake(self, _task: object = None) -> None:
        self._is_ready = True
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _look(self) -> None:
        """Note that nothing was sent for too long. One timer looks, however many events there are."""
        longest = COMMENT_SECONDS if self._begun else BEGIN_SECONDS
        left = self._sent_at + longest - self._loop.time()
        if left <= 0:
            self._is_late = True
            self._wake()
            left = longest
        self._timer = self._loop.call_later(left, self._look)

    async def _flush_what_is_ready(self) -> None:
        self._is_ready = False
        if self._is_late and self._begun and not self._buffer:
            self._buffer += events.COMMENT
        await self._flush(more=True)

    async def _flush(self, *, more: bool) -> None:
        body = bytes(self._buffer)
        self._buffer.clear()
        if self._drained is not None:
            self._drained.set_result(None)
            self._drained = None
        begins = not self._begun
        if not (body or self._is_late) and more:
            return
        self._is_late = False
        self._sent_at = self._loop.time()
        if begins:
            self._begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
            body = _START + body
        await self._send({"type": "http.response.body", "body": body, "more_body": more})


_START: Final = events.encode("start", "")


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _end(*tasks: "asyncio.Future[Any]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
