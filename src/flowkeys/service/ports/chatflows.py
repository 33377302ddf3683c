"""Chatflows, who may call them and what was said, each within one transaction."""

from collections.abc import Sequence
from typing import Protocol

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowChoice, ListedChatflow
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.listing import ChatflowQuery, ConversationQuery, MessageQuery, Page, Part
from flowkeys.domain.predictions.conversation import Conversation, Message, Turn


class Chatflows(Protocol):
    """Chatflows within one transaction."""

    def insert(self, chatflow: Chatflow) -> None:
        """Add a chatflow without bindings."""
        ...

    def get(self, workspace_id: str, chatflow_id: str) -> Chatflow | None:
        """Return a chatflow of the workspace with its bound keys, the first bound first."""
        ...

    def page(self, query: ChatflowQuery) -> Page[Chatflow]:
        """Return the chatflows that match, in the query's order, with the number of all that match."""
        ...

    def listed(self, query: ChatflowQuery, keys: int) -> Page[ListedChatflow]:
        """Return the same without graphs, each with its first `keys` keys that are not revoked.

        Reads no graph, whatever its size.
        """
        ...

    def choices(self, workspace_id: str, search: str, limit: int, ids: Sequence[str]) -> list[ChatflowChoice]:
        """Return those with these `ids`, then at most `limit` others whose names match; each part by name."""
        ...

    def update(self, chatflow: Chatflow) -> None:
        """Write every column but id, workspace and creation time. Bindings are written by `Bindings`."""
        ...

    def delete(self, workspace_id: str, chatflow_id: str) -> None:
        """Delete a chatflow with its bindings and messages."""
        ...


class Bindings(Protocol):
    """Bindings within one transaction. Both ends must be in the workspace: foreign keys hold it."""

    def add(self, workspace_id: str, key_id: str, chatflow_id: str, at: int) -> None:
        """Bind; nothing happens when it is bound already."""
        ...

    def remove(self, workspace_id: str, key_id: str, chatflow_id: str) -> None:
        """Unbind; nothing happens when it is not bound."""
        ...

    def limit(self, workspace_id: str, key_id: str, chatflow_id: str, rates: Sequence[RateLimit]) -> None:
        """Say how often a key may call a chatflow that it is bound to, if it is."""
        ...


class Messages(Protocol):
    """Conversations within one transaction."""

    def add(self, messages: Sequence[Message]) -> None:
        """Append messages in this order.

        Raises:
            NotFound: their chatflow was deleted meanwhile.
        """
        ...

    def history(
        self,
        workspace_id: str,
        chatflow_id: str,
        key_id: str | None,
        session_id: str,
        limit: int,
        *,
        person_id: str | None = None,
    ) -> list[Turn]:
        """Return the latest `limit` messages of one session, oldest first.

        The session is exactly that caller's: of the key, of the person, or with neither of nobody.
        """
        ...

    def page(self, query: MessageQuery) -> Page[Message]:
        """Return messages, newest first, with the number of all that match."""
        ...


class Conversations(Protocol):
    """Sessions of callers with chatflows, within one transaction; `Messages.add` keeps them."""

    def get(self, workspace_id: str, chatflow_id: str, conversation_id: str) -> Conversation | None:
        """Return one conversation of a chatflow."""
        ...

    def latest(self, query: ConversationQuery) -> Part[Conversation]:
        """Return the conversations that were gone on with last, the latest first.

        Raises:
            InvalidInput: naming ``olderThan``: it is none that a part gave.
        """
        ...
