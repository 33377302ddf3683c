"""What a caller is told of a run, and what is kept of it with its answer."""

from collections.abc import Awaitable
from typing import Any

import msgspec

from flowkeys.domain.predictions import executed
from flowkeys.domain.predictions.executed import ExecutedData
from flowkeys.service.ports.flows import Emit, Event, FlowResult, Stopped, Tokens


def telling(emit: Emit, seen: ExecutedData) -> Emit:
    """Return what sends the caller the events as they may see them."""
    if seen is ExecutedData.FULL:
        return emit

    def tell(event: Event | Tokens) -> Awaitable[None]:
        if isinstance(event, Event) and event.name in executed.TELLING:
            data = executed.event_data(event.name, event.data, seen)
            return ignore(event) if data is None else emit(Event(event.name, data))
        return emit(event)

    return tell


async def ignore(event: Event | Tokens) -> None:
    """Take an event that nobody reads."""


def as_text(value: Any) -> str:
    """Return what was asked or answered as the text that is stored of it."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def as_seen(result: FlowResult, seen: ExecutedData) -> FlowResult:
    """Return what the caller is given of a result, who does not see all of it."""
    stopped = result.stopped
    return msgspec.structs.replace(
        result,
        stopped=None if stopped is None else Stopped(executed.action(stopped.action), stopped.saved),
        executed=executed.entries(result.executed, seen),
        used_tools=executed.tools(result.used_tools, seen),
    )


def details(result: FlowResult, execution_id: str | None) -> dict[str, Any]:
    """Return what is kept with an answer: all of it, whatever the caller saw."""
    kept: dict[str, Any] = {}
    if result.source_documents:
        kept["sourceDocuments"] = result.source_documents
    if result.used_tools:
        kept["usedTools"] = result.used_tools
    if result.executed:
        kept["agentFlowExecutedData"] = result.executed
    if result.stopped is not None:
        kept["action"] = result.stopped.action
    if execution_id is not None:
        kept["executionId"] = execution_id
    return kept
