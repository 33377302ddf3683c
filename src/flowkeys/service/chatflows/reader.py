"""Reading chatflows: one or many, what they are worth here, and what was said to them."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from typing import Final

import msgspec

from flowkeys.domain.chatflows.chatflow import (
    Chatflow,
    ChatflowChoice,
    CredentialNode,
    FlowCheck,
    ListedChatflow,
)
from flowkeys.domain.errors import NotFound
from flowkeys.domain.listing import ChatflowQuery, ConversationQuery, MessageQuery, Page, Part
from flowkeys.domain.predictions.conversation import Conversation, Message
from flowkeys.domain.principal import Caller
from flowkeys.domain.times import Clock
from flowkeys.service.chatflows.access import find
from flowkeys.service.chatflows.input import not_understood
from flowkeys.service.documents.collections import named_collection
from flowkeys.service.ports.flows import FlowEngine
from flowkeys.service.ports.store import Store, Transaction

KEYS_SHOWN: Final = 3
"""How many of a chatflow's keys its line in a list names."""
_REMEMBERED: Final = 4096
_ABSENT_SHOWN: Final = 20


class CheckedChatflow(msgspec.Struct, frozen=True):
    """A chatflow with what this server makes of it."""

    chatflow: Chatflow
    check: FlowCheck
    warnings: tuple[str, ...]


class ChatflowCredentials(msgspec.Struct, frozen=True):
    """A chatflow with what uses credentials in it."""

    chatflow: Chatflow
    nodes: tuple[CredentialNode, ...]
    credentials: tuple[str, ...]
    """The names of the server's credentials, sorted."""


class ChatflowSummary(ListedChatflow, frozen=True, kw_only=True):
    """A chatflow as a list shows it, with what this server makes of it."""

    check: FlowCheck
    warnings: tuple[str, ...]


class ChatflowReader:
    """Everything that is read of chatflows by people and programs who manage them."""

    def __init__(self, store: Store, engine: FlowEngine, clock: Clock) -> None:
        self._store = store
        self._engine = engine
        self._clock = clock

        self._opinions: OrderedDict[_Version, tuple[FlowCheck, tuple[str, ...]]] = OrderedDict()

    async def get(
        self, caller: Caller, chatflow_id: str, *, permission: str = "chatflows:view"
    ) -> CheckedChatflow:
        """Return a chatflow; `permission` names what the caller is about to use.

        Raises:
            Forbidden: the caller lacks `permission`.
            NotFound: the workspace has no such chatflow.
        """
        caller.require(permission)
        return await self._store.read(
            lambda tx: self._with_absent(tx, self.checked(find(tx, caller, chatflow_id)))
        )

    async def credentials(self, caller: Caller, chatflow_id: str) -> "ChatflowCredentials":
        """Return the nodes of a chatflow that use a credential, and those that they can be given.

        Raises:
            Forbidden: the caller lacks ``chatflows:update``.
            NotFound: the workspace has no such chatflow.
        """
        chatflow = (await self.get(caller, chatflow_id, permission="chatflows:update")).chatflow
        nodes = await asyncio.to_thread(self._engine.credential_nodes, chatflow)
        return ChatflowCredentials(chatflow, nodes, self._engine.credentials(chatflow.workspace_id))

    async def page(self, caller: Caller, query: ChatflowQuery) -> Page[CheckedChatflow]:
        """Return the chatflows that match with their graphs, of the caller's workspace in any case."""
        caller.require("chatflows:view")
        own = msgspec.structs.replace(query, workspace_id=caller.workspace_id)

        def work(tx: Transaction) -> Page[CheckedChatflow]:
            page = tx.chatflows.page(own)
            return Page([self.checked(item) for item in page.items], page.total)

        return await self._store.read(work)

    async def summaries(self, caller: Caller, query: ChatflowQuery) -> Page[ChatflowSummary]:
        """Return the chatflows that match without their graphs, of the caller's workspace.

        A version's graph is looked at once; after that a list reads none, whatever its size.
        """
        caller.require("chatflows:view")
        own = msgspec.structs.replace(query, workspace_id=caller.workspace_id)

        def work(tx: Transaction) -> tuple[Page[ListedChatflow], _Opinions, list[Chatflow]]:
            page = tx.chatflows.listed(own, KEYS_SHOWN)
            known = {key: opinion for key in map(_key, page.items) if (opinion := self._opinions.get(key))}
            new = [find(tx, caller, item.id) for item in page.items if _key(item) not in known]
            return page, known, new

        page, known, new = await self._store.read(work)
        if new:
            known |= await asyncio.to_thread(self._look, new)
            self._remember(known)
        return Page([_summary(item, *known[_key(item)]) for item in page.items], page.total)

    async def choices(
        self, caller: Caller, search: str = "", limit: int = 20, ids: Sequence[str] = ()
    ) -> list[ChatflowChoice]:
        """Return chatflows to choose from: those with `ids`, then others whose names match, each by name."""
        caller.require("chatflows:view")
        return await self._store.read(
            lambda tx: tx.chatflows.choices(caller.workspace_id, search, limit, ids)
        )

    async def conversations(self, caller: Caller, query: ConversationQuery) -> Part[Conversation]:
        """Return the conversations of a chatflow that were gone on with last, the latest first.

        Raises:
            InvalidInput: naming ``olderThan``: it is none that a part gave.
            NotFound: the workspace has no such chatflow.
        """
        caller.require("chatflows:view")

        def work(tx: Transaction) -> Part[Conversation]:
            find(tx, caller, query.chatflow_id)
            return tx.conversations.latest(msgspec.structs.replace(query, workspace_id=caller.workspace_id))

        return await self._store.read(work)

    async def conversation(self, caller: Caller, chatflow_id: str, conversation_id: str) -> Conversation:
        """Return one conversation; its messages are those of `MessageQuery.conversation_id`.

        Raises:
            NotFound: the workspace has no such chatflow, or the chatflow no such conversation.
        """
        caller.require("chatflows:view")
        found = await self._store.read(
            lambda tx: tx.conversations.get(caller.workspace_id, chatflow_id, conversation_id)
        )
        if found is None:
            raise NotFound("conversation")
        return found

    async def messages(self, caller: Caller, query: MessageQuery) -> Page[Message]:
        """Return messages of a chatflow, newest first.

        Raises:
            NotFound: the workspace has no such chatflow.
        """
        caller.require("chatflows:view")

        def work(tx: Transaction) -> Page[Message]:
            find(tx, caller, query.chatflow_id)
            return tx.messages.page(msgspec.structs.replace(query, workspace_id=caller.workspace_id))

        return await self._store.read(work)

    async def _check(self, chatflow: Chatflow) -> CheckedChatflow:
        # In a thread: a graph may be large, and nobody else should wait for it.
        found = await asyncio.to_thread(self.checked, chatflow)
        if not self._engine.collections(chatflow) and not self._engine.called(chatflow):
            return found
        return await self._store.read(lambda tx: self._with_absent(tx, found))

    def checked(self, chatflow: Chatflow) -> CheckedChatflow:
        """Return a chatflow with what this server makes of it; costs a look at its graph."""
        warnings = tuple(f"{error.field}: {error.message}" for error in not_understood(chatflow))
        return CheckedChatflow(chatflow, self._engine.check(chatflow), warnings)

    def _with_absent(self, tx: Transaction, found: CheckedChatflow) -> CheckedChatflow:
        """Return it with warnings of what it names and the workspace does not have."""
        chatflow = found.chatflow
        absent = [
            f"It searches documents in {name}, which is not here: nothing is found there."
            for name in sorted(self._engine.collections(chatflow))
            if named_collection(tx, chatflow.workspace_id, name) is None
        ]
        absent += [
            f"It calls the chatflow {chatflow_id}, which is not here: the answer says so."
            for chatflow_id in sorted(self._engine.called(chatflow))
            if tx.chatflows.get(chatflow.workspace_id, chatflow_id) is None
        ]
        return msgspec.structs.replace(found, warnings=(*found.warnings, *absent[:_ABSENT_SHOWN]))

    def _look(self, chatflows: Sequence[Chatflow]) -> "_Opinions":
        looked = map(self.checked, chatflows)
        return {_key(made.chatflow): (made.check, made.warnings) for made in looked}

    def _remember(self, opinions: "_Opinions") -> None:
        self._opinions.update((key, found) for key, found in opinions.items() if found[0].lasts)
        while len(self._opinions) > _REMEMBERED:
            self._opinions.popitem(last=False)


_Version = tuple[str, int]
_Opinions = dict[_Version, tuple[FlowCheck, tuple[str, ...]]]


def _key(chatflow: Chatflow | ListedChatflow) -> _Version:
    """Return what names one version of a chatflow, which never changes once it can be read."""
    return chatflow.id, chatflow.version


def _summary(item: ListedChatflow, check: FlowCheck, warnings: tuple[str, ...]) -> ChatflowSummary:
    return ChatflowSummary(**msgspec.structs.asdict(item), check=check, warnings=warnings)
