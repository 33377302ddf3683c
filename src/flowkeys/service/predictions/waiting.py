"""Runs that wait for a person: who takes one, holds it, and what becomes of it.

An answer takes the run first, so that of several at once one goes on with it. It holds it for a minute, and
longer as long as its process lives. What it leads to, the next stop or the end, is written together with the
messages, and only while it still holds the run. An answer that leads to neither, since a node failed, the
caller left or the process was killed, leaves the run waiting as before, with a word on what happened: a
person may answer again, and what ran after the first answer runs once more (docs/adr/0057).
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Final

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowType
from flowkeys.domain.errors import Conflict, FlowkeysError, InvalidInput, Unavailable
from flowkeys.domain.ids import new_id
from flowkeys.domain.keys.token import conceal
from flowkeys.domain.predictions.conversation import Message
from flowkeys.domain.predictions.execution import Execution, KeptFlow, RunState, Taken, Waiting
from flowkeys.domain.times import DAY, SECOND, Clock
from flowkeys.service.ports.flows import HumanAnswer
from flowkeys.service.ports.store import Store, Transaction

HELD_SECONDS: Final = 60
"""So long an answer holds a run without a word from its process."""
INTERRUPTED: Final = "An earlier answer was cut off: its server ended. What ran after it may run again."
_LEFT: Final = "An earlier answer was cut off: its caller left. What ran after it may run again."
_BROKEN: Final = "An earlier answer led nowhere: something went wrong in the server, whose log says more."
_ANSWERED: Final = "The run was answered already."
_NOTHING: Final = "No run of this session waits for an answer. Ask the question again."
_EXPIRED: Final = "Nobody answered this run in time, and it waits no more. Ask the question again."
_ENDED: Final = "The run does not wait for an answer."


def kept_flow(chatflow: Chatflow) -> KeptFlow:
    """Return what a run of a chatflow goes on with that waits."""
    return KeptFlow(
        flow_data=chatflow.flow_data,
        credentials=dict(chatflow.credentials),
        api_config=chatflow.api_config,
        type=chatflow.type.value,
    )


def as_it_was(chatflow: Chatflow, kept: KeptFlow) -> Chatflow | None:
    """Return a chatflow as it was when a run of it stopped, or None when it is so still."""
    if kept_flow(chatflow) == kept:
        return None
    return msgspec.structs.replace(
        chatflow,
        flow_data=kept.flow_data,
        credentials=kept.credentials,
        api_config=kept.api_config,
        type=ChatflowType(kept.type),
        version=-int(kept.digest()[:15], 16),  # no version of its own has this number
    )


class WaitingRuns:
    """Takes runs that wait, and stores those that stop, fail or go on."""

    def __init__(self, store: Store, clock: Clock, days: int) -> None:
        self._store = store
        self._clock = clock
        self._waits = days * DAY

    async def take(
        self,
        item: Execution | None,
        answer: HumanAnswer,
        told: Callable[[Transaction], None] | None = None,
    ) -> Taken:
        """Take a run for an answer; `told` is done in the same transaction.

        Raises:
            InvalidInput: it waits elsewhere than the answer says.
            Conflict: it was answered already, or nothing waits, or no more.
        """
        now = self._clock()
        if item is None:
            raise Conflict("cannot_resume", _NOTHING)
        if item.state is RunState.STOPPED and (item.expires_at or 0) <= now:
            item = msgspec.structs.replace(item, state=RunState.TIMEOUT)
        if item.state is RunState.TIMEOUT:
            raise Conflict("cannot_resume", _EXPIRED)
        if item.stopped_at is None:
            raise Conflict("cannot_resume", _ENDED)
        at = (item.action or {}).get("data", {}).get("nodeId")
        named = answer.given.get("startNodeId")
        if item.state is RunState.STOPPED and named and named != at:
            raise InvalidInput.of("humanInput.startNodeId", f"The run waits at {at}.")
        by, until = new_id(), now + HELD_SECONDS * SECOND
        waiting = item

        def work(tx: Transaction) -> Taken | None:
            taken = tx.executions.take(waiting, by, now, until)
            if taken is not None and told is not None:
                told(tx)
            return taken

        taken = await self._store.write(work)
        if taken is None:
            raise Conflict("already_resumed", _ANSWERED)
        return taken

    async def of_session(
        self, workspace_id: str, chatflow_id: str, session_id: str, key_id: str | None, person_id: str | None
    ) -> Execution | None:
        """Return the newest run of a session that ever waited."""
        return await self._store.read(
            lambda tx: tx.executions.latest(workspace_id, chatflow_id, session_id, key_id, person_id)
        )

    @asynccontextmanager
    async def held(self, taken: Taken) -> AsyncIterator[None]:
        """Hold a run that was taken, for as long as this lasts; let it wait again where this fails."""
        holding = asyncio.get_running_loop().create_task(self._hold(taken), name="flowkeys-waiting")
        try:
            yield
        except BaseException as error:
            why = str(error) if isinstance(error, FlowkeysError) else _BROKEN
            if isinstance(error, asyncio.CancelledError | GeneratorExit):
                why = _LEFT
            await asyncio.shield(self.give_back(taken, why))
            raise
        finally:
            holding.cancel()

    async def give_back(self, taken: Taken, why: str) -> None:
        """Let a run wait again whose answer led nowhere. Else it does so in a minute."""
        now = self._clock()
        with suppress(Unavailable):
            await self._store.write(lambda tx: tx.executions.give_back(taken, why, now))

    async def store(
        self, item: Execution, messages: Sequence[Message], waiting: Waiting | None, taken: Taken | None
    ) -> None:
        """Store what a run came to that stopped or went on, with what was said.

        Raises:
            NotFound: its chatflow was deleted while it ran.
            Conflict: another answer has gone on with it meanwhile.
        """
        now = self._clock()
        item = msgspec.structs.replace(item, updated_at=now)
        if waiting is not None:
            item = msgspec.structs.replace(item, stopped_at=now, expires_at=now + self._waits)

        def write(tx: Transaction) -> None:
            if taken is None:
                tx.executions.add(item, waiting)
            elif not tx.executions.settle(taken, item, waiting):
                raise Conflict("already_resumed", _ANSWERED)
            tx.messages.add(messages)

        await self._store.write(write)

    async def failed(self, item: Execution) -> None:
        """Remember a run that failed. Where that cannot be written, it failed all the same.

        It never goes on, so tokens that callers sent where none belongs are not kept.
        """
        entries = msgspec.json.decode(conceal(msgspec.json.encode(item.entries, enc_hook=str).decode()))
        item = msgspec.structs.replace(item, question=conceal(item.question), entries=entries)
        with suppress(FlowkeysError):
            await self._store.write(lambda tx: tx.executions.add(item))

    async def tidy(self) -> int:
        """Let runs wait again whose answers' processes are gone, and end those that waited too long."""
        now = self._clock()
        return await self._store.write(lambda tx: tx.executions.tidy(now, INTERRUPTED))

    async def _hold(self, taken: Taken) -> None:
        while True:
            await asyncio.sleep(HELD_SECONDS / 3)
            with suppress(Unavailable):
                await self._store.write(partial(self._hold_on, taken, self._clock()))

    @staticmethod
    def _hold_on(taken: Taken, now: int, tx: Transaction) -> None:
        tx.executions.hold(taken, now + HELD_SECONDS * SECOND)
