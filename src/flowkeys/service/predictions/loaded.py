"""Chatflows that are ready to run, as one process has them at hand."""

import asyncio
from collections import OrderedDict
from typing import Final

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowAccess
from flowkeys.domain.errors import NotFound
from flowkeys.domain.journal import Subject
from flowkeys.domain.predictions.execution import KeptFlow
from flowkeys.service.ports.flows import CompiledFlow, FlowCompiler
from flowkeys.service.ports.verification import ChatflowDirectory
from flowkeys.service.predictions.waiting import as_it_was

_LOADED: Final = 256

Ready = tuple[Chatflow, CompiledFlow]


class LoadedFlows:
    """Keeps chatflows that were called. Implements `ChangeListener` for these."""

    def __init__(self, directory: ChatflowDirectory, engine: FlowCompiler) -> None:
        self._directory = directory
        self._engine = engine
        self._loaded: OrderedDict[str, Ready] = OrderedDict()
        self._changes = 0
        """Of chatflows: what is read meanwhile may be from before, and by hand its version is the same."""

    def at_once(self, access: ChatflowAccess) -> Ready | None:
        """Return a chatflow that is at hand as it is now, or None."""
        known = self._loaded.get(access.id)
        if known is None:
            return None
        chatflow = known[0]
        if chatflow.version != access.version or chatflow.workspace_id != access.workspace_id:
            return None
        self._loaded.move_to_end(access.id)
        return known

    async def load(self, access: ChatflowAccess) -> Ready:
        """Return a chatflow that is ready to run.

        Raises:
            FlowNotRunnable: it has kinds or settings this server cannot run.
            NotFound: it was deleted just now.
        """
        known = self.at_once(access)
        if known is not None:
            return known
        changes = self._changes
        chatflow = await self._stored(access)
        ready = chatflow, await asyncio.to_thread(self._engine.compile, chatflow)  # it may be large
        if changes == self._changes:
            self._loaded[access.id] = ready
        if len(self._loaded) > _LOADED:
            self._loaded.popitem(last=False)
        return ready

    async def as_it_was(self, access: ChatflowAccess, kept: KeptFlow) -> Ready:
        """Return a chatflow as it was when a run of it stopped.

        Raises:
            FlowNotRunnable, NotFound: as `load` says.
        """
        earlier = as_it_was(await self._stored(access), kept)
        if earlier is None:
            return await self.load(access)
        return earlier, await asyncio.to_thread(self._engine.compile, earlier)

    def changed(self, subject: str, subject_id: str, position: int) -> None:
        """Forget a chatflow that was changed, by hand too; all, when their code or tools may be others."""
        del position
        if subject == Subject.CHATFLOW:
            self._loaded.pop(subject_id, None)
            self._changes += 1
        elif subject in {Subject.CODE, Subject.TOOL}:
            self.forget()

    def forget(self) -> None:
        """Forget every chatflow."""
        self._loaded.clear()
        self._changes += 1

    async def _stored(self, access: ChatflowAccess) -> Chatflow:
        chatflow = await self._directory.load(access.id)
        if chatflow is None:
            raise NotFound("chatflow: it was deleted meanwhile")
        return chatflow
