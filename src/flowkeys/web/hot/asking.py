"""Calls that wait for what counts them, or that run, inside the connection that they came over."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import structlog

from flowkeys.domain.keys.decision import Denied
from flowkeys.service.predictions.grants import Grant, release
from flowkeys.service.predictions.input import PredictionInput
from flowkeys.service.predictions.run import Run
from flowkeys.web.hot.call import Call, Then
from flowkeys.web.hot.predictions import PredictionCalls
from flowkeys.web.hot.reply import Reply
from flowkeys.web.hot.running import Running
from flowkeys.web.hot.waiting import Waiting
from flowkeys.web.hot.writing import WritingProtocol


class AskingProtocol(WritingProtocol):
    """A connection that answers some calls later."""

    _keep_alive = True

    def _hold(self, call: Waiting | Running) -> None:
        """Have what comes behind a call wait until it is answered."""
        self.cycle = self._running = call  # type: ignore[assignment]

    # What waits until it is counted

    def _ask(
        self,
        call: Call,
        ask: Callable[[Then], bool],
        later: Callable[[], Coroutine[Any, Any, Reply]],
        *,
        awaits: bool,
    ) -> bool:
        """Answer a call when `ask` says how, or what has to be awaited does: that `later` makes.

        When nothing can be asked it is awaited if the caller `awaits` it; else return False.
        """
        waiting = Waiting(call, keep_alive=self._keep_alive)
        if not ask(partial(self._when_told, waiting, later)):
            if not awaits:
                return False
            self._await(waiting, later)
        self._hold(waiting)
        return True

    def _when_told(
        self, waiting: Waiting, later: Callable[[], Coroutine[Any, Any, Reply]], reply: Reply | None
    ) -> None:
        if reply is None:
            self._await(waiting, later)
        else:
            self._finish(waiting, reply)

    def _await(self, waiting: Waiting, later: Callable[[], Coroutine[Any, Any, Reply]]) -> None:
        task = waiting.begin(later(), self.tasks)
        task.add_done_callback(partial(self._when_known, waiting, asyncio.Future.result))

    # What runs

    def _run(self, calls: PredictionCalls, call: Call, run: Run, grant: Grant) -> bool:
        """Run a prediction; False: it failed before anything was stored, and the framework says why."""
        running = Running(call, grant, keep_alive=self._keep_alive)
        try:
            ending = running.begin(run, self.tasks)
        except Exception:  # noqa: BLE001 - see above
            return False
        self._hold(running)
        ending.add_done_callback(partial(self._when_known, running, partial(running.reply, calls)))
        return True

    def _ask_to_run(self, calls: PredictionCalls, call: Call, body: bytes) -> bool:
        """Have a prediction counted, then run it. False: nothing is asked, somebody else decides."""
        question = calls.question(call, body)
        if question is None:
            return False
        running = Running(call, None, keep_alive=self._keep_alive)
        if not calls.ask(call, partial(self._when_granted, calls, running, question)):
            return False
        self._hold(running)
        return True

    def _when_granted(
        self,
        calls: PredictionCalls,
        running: Running,
        question: PredictionInput,
        found: Grant | Denied | None,
    ) -> None:
        call = running.call
        try:
            if found is None:
                deciding = asyncio.get_running_loop().create_task(calls.decide(call))
                self._note(deciding)
                deciding.add_done_callback(partial(self._when_decided, calls, running, question))
            elif isinstance(found, Denied):
                self._finish(running, calls.refused(call, found))
            else:
                self._go_on(calls, running, question, found)
        except Exception:  # noqa: BLE001 - nobody would answer
            structlog.get_logger("flowkeys").exception("failed")
            self._finish(running, None)

    def _when_decided(
        self,
        calls: PredictionCalls,
        running: Running,
        question: PredictionInput,
        deciding: asyncio.Task[Grant | Denied],
    ) -> None:
        error: BaseException | None
        try:
            error = deciding.exception()
        except asyncio.CancelledError as cancelled:  # the server stops
            error = cancelled
        if error is None:
            self._when_granted(calls, running, question, deciding.result())
        else:
            self._finish(running, calls.undecided(running.call, error))

    def _go_on(
        self, calls: PredictionCalls, running: Running, question: PredictionInput, grant: Grant
    ) -> None:
        running.grant = grant
        if running.disconnected:
            calls.left(running.call, grant)
            self._finish(running, None)
            return
        try:
            run = calls.run(grant, question)
            if run is None:  # it was changed just now
                ending = running.begin_with(calls.opened(grant, question), self.tasks)
            else:
                ending = running.begin(run, self.tasks)
        except Exception as error:  # noqa: BLE001 - every call gets an answer
            release(grant.taken)
            self._finish(running, calls.failed(running.call, grant, error))
            return
        ending.add_done_callback(partial(self._when_known, running, partial(running.reply, calls)))

    def _note(self, task: asyncio.Task[Any]) -> None:
        """Have a server that stops wait for it."""
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
