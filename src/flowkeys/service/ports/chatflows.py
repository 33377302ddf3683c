"""Chatflows, who may call them and what was said, each within one transaction."""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from flowkeys.domain.chatflows.chatflow import Chatflow, ChatflowChoice, ListedChatflow
from flowkeys.domain.chatflows.code import CustomTool
from flowkeys.domain.limits.rate import RateLimit
from flowkeys.domain.listing import ChatflowQuery, ConversationQuery, MessageQuery, Page, Part
from flowkeys.domain.predictions.conversation import Conversation, Message, Turn
from flowkeys.domain.predictions.execution import Execution, ExecutionQuery, Taken, Waiting


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

    def latest_details(
        self,
        workspace_id: str,
        chatflow_id: str,
        key_id: str | None,
        session_id: str,
        *,
        person_id: str | None = None,
    ) -> dict[str, Any]:
        """Return what is kept with the latest answer of one session of one caller; empty without one."""
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


class Executions(Protocol):
    """Runs of agentflows, within one transaction.

    A run that comes to its end at once is read from its answer's message (`Message.execution_id`), and costs
    no row of its own; one that stopped for a person, or failed, has one.
    """

    def add(self, item: Execution, waiting: Waiting | None = None) -> None:
        """Add a run that stopped (`waiting`), or failed.

        Raises:
            NotFound: its chatflow was deleted meanwhile.
        """
        ...

    def get(self, workspace_id: str, execution_id: str) -> Execution | None:
        """Return a run with its steps."""
        ...

    def latest(
        self, workspace_id: str, chatflow_id: str, session_id: str, key_id: str | None, person_id: str | None
    ) -> Execution | None:
        """Return the newest run of a session that ever stopped for a person, whatever became of it."""
        ...

    def take(self, item: Execution, by: str, now: int, until: int) -> Taken | None:
        """Take a run that waits, until a time; None: it waits no more, or somebody else has it.

        `by` names the answer that takes it. Of several at once one gets it.
        """
        ...

    def hold(self, taken: Taken, until: int) -> bool:
        """Keep a run that was taken for longer; False: somebody else has it."""
        ...

    def settle(self, taken: Taken, item: Execution, waiting: Waiting | None = None) -> bool:
        """Write what became of a run that was taken; False: somebody else has it, and nothing is written."""
        ...

    def give_back(self, taken: Taken, error: str, now: int) -> None:
        """Let a run wait again whose answer led nowhere; nothing, where somebody else has it."""
        ...

    def tidy(self, now: int, interrupted: str) -> int:
        """Let runs wait again that nobody holds any more, and end those that waited too long.

        Of every workspace. Returns how many ended.
        """
        ...

    def delete(self, workspace_id: str, execution_id: str) -> bool:
        """Delete a run; its messages stay, without its steps. Tell whether there was one."""
        ...

    def page(self, query: ExecutionQuery) -> Page[Execution]:
        """Return runs without their steps, the newest first, with the number of all that match."""
        ...


class Code(Protocol):
    """What is approved of code, within one transaction."""

    def approved(self, workspace_id: str) -> frozenset[str]:
        """Return the digests of approved code."""
        ...

    def approve(self, workspace_id: str, digests: Iterable[str], at: int) -> None:
        """Approve code; nothing happens to what is approved already."""
        ...

    def withdraw(self, workspace_id: str, digests: Iterable[str]) -> None:
        """Approve code no longer."""
        ...


class CustomTools(Protocol):
    """Tools that consist of code, within one transaction."""

    def insert(self, item: CustomTool) -> None:
        """Add a tool."""
        ...

    def get(self, workspace_id: str, tool_id: str) -> CustomTool | None:
        """Return a tool of the workspace."""
        ...

    def all(self, workspace_id: str) -> list[CustomTool]:
        """Return the tools of the workspace, the first made first, a thousand at most."""
        ...

    def update(self, item: CustomTool) -> None:
        """Write every column but id, workspace and creation time."""
        ...

    def delete(self, workspace_id: str, tool_id: str) -> None:
        """Delete a tool."""
        ...
