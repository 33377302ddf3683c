"""Conversations: messages of a session. The word session is kept for chats."""

from enum import StrEnum
from typing import Any

import msgspec


class Role(StrEnum):
    """Who said it, in Flowise's words for stored messages."""

    USER = "userMessage"
    ASSISTANT = "apiMessage"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One stored message. A session belongs to workspace, chatflow and key."""

    id: str
    workspace_id: str
    chatflow_id: str
    key_id: str | None
    session_id: str
    chat_id: str
    role: Role
    content: str
    details: dict[str, Any] = msgspec.field(default_factory=dict)
    """What came with an answer: ``sourceDocuments``, ``usedTools``, ``agentFlowExecutedData``."""
    created_at: int


class Turn(msgspec.Struct, frozen=True):
    """One earlier message as a flow sees it."""

    role: Role
    content: str
