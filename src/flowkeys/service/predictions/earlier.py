"""What a session has kept of its earlier calls."""

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from flowkeys.domain.chatflows.chatflow import Chatflow
from flowkeys.domain.predictions.conversation import Turn
from flowkeys.service.ports.store import Store

_MEMORY_BYTES: Final = 16
HISTORY_MESSAGES: Final = 40
"""Stored messages that a flow with memory is given at most."""


class Earlier(msgspec.Struct, frozen=True):
    """Reads what one caller said in one session of a chatflow: a key, a person, or with neither nobody."""

    store: Store
    chatflow: Chatflow
    key_id: str | None
    person_id: str | None
    session_id: str

    def memory_id(self) -> str:
        """Name the session among all of this server."""
        caller = self.key_id if self.person_id is None else ("person", self.person_id)
        whose = (self.chatflow.workspace_id, self.chatflow.id, caller, self.session_id)
        return blake2b(repr(whose).encode(), digest_size=_MEMORY_BYTES).hexdigest()

    async def history(self) -> list[Turn]:
        """Return the last messages, oldest first."""
        workspace_id, chatflow_id = self.chatflow.workspace_id, self.chatflow.id
        return await self.store.read(
            lambda tx: tx.messages.history(
                workspace_id,
                chatflow_id,
                self.key_id,
                self.session_id,
                HISTORY_MESSAGES,
                person_id=self.person_id,
            )
        )

    async def latest(self) -> Sequence[Mapping[str, Any]]:
        """Return the nodes that ran at the last answer."""
        workspace_id, chatflow_id = self.chatflow.workspace_id, self.chatflow.id
        kept = await self.store.read(
            lambda tx: tx.messages.latest_details(
                workspace_id, chatflow_id, self.key_id, self.session_id, person_id=self.person_id
            )
        )
        found = kept.get("agentFlowExecutedData")
        return found if isinstance(found, list) else ()
