"""Conversations: messages of a session. The word session is kept for chats."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

import msgspec


class Role(StrEnum):
    """Who said it, in Flowise's words for stored messages."""

    USER = "userMessage"
    ASSISTANT = "apiMessage"


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One stored message. A session belongs to workspace, chatflow and who called: a key, or a person."""

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
    person_id: str | None = None
    """The signed-in person who tried the chatflow; with neither key nor person it was asked in public."""
    finish_reason: str | None = None
    """How the model ended that made an answer: ``length`` when it was cut off."""
    execution_id: str | None = None
    """The run of an agentflow that it is the answer of, where that came to its end at once."""
    is_shortened: bool = False
    """It is larger than was asked for: its content is cut off, or its details are left out, or both."""


class Turn(msgspec.Struct, frozen=True):
    """One earlier message as a flow sees it."""

    role: Role
    content: str


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """One session of one caller with a chatflow."""

    id: str
    chatflow_id: str
    session_id: str
    key_id: str | None
    key_name: str | None
    person_id: str | None
    """Who tried it in the page; without key and person it was asked in public."""
    person_name: str | None
    """None too when that person was removed."""
    first_question: str
    """How it began, in one line of at most `SHOWN_CHARACTERS`."""
    messages: int
    started_at: int
    last_at: int


SHOWN_CHARACTERS: Final = 120
"""How much of its first question a conversation is told by."""


def in_one_line(text: str, most: int = SHOWN_CHARACTERS) -> str:
    """Return the beginning of `text` in one line, with an ellipsis when something is left out."""
    line = " ".join(text[: 4 * most].split())
    if len(line) <= most and len(text) <= 4 * most:
        return line
    return line[: most - 1].rstrip() + "…"


STOPPED: Final = "stop"
"""The finish reason of an answer that came to its end by itself."""

UNFINISHED: Final[Mapping[str, str]] = {
    "length": "The answer is cut off: the model may not make it longer.",
    "content_filter": "The answer may lack something: the model's content filter stopped it.",
    "tool_calls": "The answer may lack something: the model wanted to call tools, and has none here.",
}
OTHERWISE_UNFINISHED: Final = "The answer may lack something: the model stopped for the reason {}."


def unfinished(finish_reason: str | None) -> str | None:
    """Return in words why an answer is not what the model meant to say, or None."""
    if finish_reason is None or finish_reason == STOPPED:
        return None
    return UNFINISHED.get(finish_reason) or OTHERWISE_UNFINISHED.format(finish_reason)
