"""A prediction that is answered inside the connection."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from flowkeys.domain.usage.tokens import NO_TOKENS
from flowkeys.service.predictions.grants import Grant, release
from flowkeys.service.predictions.run import Answer, Run
from flowkeys.web.hot.call import Call
from flowkeys.web.hot.predictions import PredictionCalls
from flowkeys.web.hot.reply import Reply


class Running:
    """One that runs, or whose messages are being stored.

    For uvicorn it is a `RequestResponseCycle`, as far as a connection looks at one: what comes behind it
    waits until it is answered, and it hears of a client that leaves and of a server that stops.
    """

    __slots__ = (
        *("_answer", "_run", "_work", "call", "disconnected"),
        *("grant", "keep_alive", "response_complete"),
    )

    response_started = False

    def __init__(self, call: Call, grant: Grant | None, *, keep_alive: bool) -> None:
        """`grant` may be set later, before anything is begun."""
        self.call = call
        self.grant = grant
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False
        self._answer: Answer | None = None
        self._run: Run | None = None
        self._work: asyncio.Task[None] | None = None

    def begin(self, run: Run, tasks: set[asyncio.Task[None]]) -> asyncio.Future[None]:
        """Run the chatflow, now when it has nothing to wait for, else in a task; return what ends it."""
        self._run = run
        begun = run.execute_at_once()
        if begun is not None:
            self._answer, stored = begun
            return stored
        return self._begin(self._execute(run), tasks)

    def begin_with(
        self, opening: Coroutine[Any, Any, Run], tasks: set[asyncio.Task[None]]
    ) -> asyncio.Future[None]:
        """Run a chatflow that has to be loaded first."""
        return self._begin(self._open(opening), tasks)

    def _begin(self, work: Coroutine[Any, Any, None], tasks: set[asyncio.Task[None]]) -> asyncio.Future[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._work = task
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    async def _execute(self, run: Run) -> None:
        self._answer = await run.execute()

    async def _open(self, opening: Coroutine[Any, Any, Run]) -> None:
        self._run = await opening
        await self._execute(self._run)

    def reply(self, calls: PredictionCalls, work: asyncio.Future[None]) -> Reply | None:
        """Return the answer when `work` is done, or None: the client has left before.

        It is not kept: a connection that waits for its next call would hold it.
        """
        answer, run = self._answer, self._run
        self._answer = self._run = self._work = None
        tokens = NO_TOKENS if run is None else run.model_tokens
        grant = self.grant
        assert grant is not None
        release(grant.taken)  # of a run that was cancelled before it began
        if work.cancelled():
            if self.disconnected:
                calls.left(self.call, grant, tokens)
                return None
            return calls.failed(self.call, grant, asyncio.CancelledError(), tokens)
        error = work.exception()
        if error is not None:
            return calls.failed(self.call, grant, error, tokens)
        assert answer is not None
        return calls.answered(self.call, grant, answer, tokens)

    # What a connection tells it

    @property
    def message_event(self) -> "Running":
        """Where uvicorn says that something happened."""
        return self

    def set(self) -> None:
        """Stop for a client that has left; what is being stored is stored."""
        if self.disconnected and self._work is not None:
            self._work.cancel()
