"""What was said in a conversation, ready to be shown: answers as Markdown, and all else as text."""

from collections.abc import Iterable
from typing import Any, Final

import msgspec
from markupsafe import Markup

from flowkeys.domain.predictions.conversation import Message, Role, unfinished
from flowkeys.web.pages.predictions.answers import formatted

_SHOWN: Final = 100
"""How many sources or tools of one answer are shown."""
_CHARACTERS: Final = 4000
"""How much of one source, or of what a tool was given and gave, is shown."""
_ROOM: Final = 500_000
"""Characters of sources and tools on one page, after which the earlier answers are shown without theirs."""
_FORMATTED: Final = 200_000
"""Characters of answers on one page, after which the earlier answers are shown as they were sent."""
LONGEST: Final = 20_000
"""How many characters of one message are shown."""


class Source(msgspec.Struct, frozen=True):
    """A passage that an answer was made from."""

    name: str
    text: str


class Tool(msgspec.Struct, frozen=True):
    """A tool that was used for an answer, with what it was given and gave."""

    name: str
    about: str


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """One message."""

    text: str
    html: Markup | None = None
    """An answer's Markdown, safe to show; None when it is to be shown as it is."""
    at: int
    is_question: bool
    sources: list[Source] = []
    tools: list[Tool] = []
    unfinished: str | None = None
    """Why an answer is not all that the model meant to say, in words."""
    is_shortened: bool = False
    """There is more of it than is shown."""


def said(messages: Iterable[Message], *, outlined: bool = False) -> list[Said]:
    """Return stored messages, the latest first, as they are shown: the earliest first.

    `outlined` shows of tools their names alone.
    """
    shown, room, to_format = [], _ROOM, _FORMATTED
    for message in messages:
        text = message.content[:LONGEST]
        is_question = message.role is Role.USER
        to_format -= 0 if is_question else len(text)
        sources = [_source(item) for item in _objects(message.details.get("sourceDocuments"))]
        used = _objects(message.details.get("usedTools"))
        tools = [_tool({"tool": item.get("tool")} if outlined else item) for item in used]
        room -= sum(len(item.name) + len(item.text) for item in sources)
        room -= sum(len(item.name) + len(item.about) for item in tools)
        shown.append(
            Said(
                text=text,
                html=formatted(text) if not is_question and to_format >= 0 else None,
                at=message.created_at,
                is_question=is_question,
                sources=sources if room >= 0 else [],
                tools=tools if room >= 0 else [],
                unfinished=unfinished(message.finish_reason),
                is_shortened=message.is_shortened
                or len(message.content) > LONGEST
                or (room < 0 and bool(sources or tools)),
            )
        )
    return shown[::-1]


def _objects(value: Any) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)][:_SHOWN]


def _source(item: dict[str, Any]) -> Source:
    metadata = item.get("metadata")
    name = metadata.get("source") if isinstance(metadata, dict) else None
    return Source(_text(name) or "A passage", _text(item.get("pageContent")))


def _tool(item: dict[str, Any]) -> Tool:
    about = {name: item[name] for name in ("toolInput", "toolOutput", "error") if item.get(name)}
    return Tool(_text(item.get("tool")) or "A tool", _text(about) if about else "")


def _text(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + "…"
