"""The events of a stream, and how they are read from its bytes."""

from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from flowkeys.client.errors import StreamFailed, UnexpectedAnswer, scrub
from flowkeys.client.models import SourceDocument, Wire


class Start(msgspec.Struct, frozen=True):
    """The answer begins."""

    data: Any = None


class Token(msgspec.Struct, frozen=True):
    """The next piece of the answer."""

    text: str


class SourceDocuments(msgspec.Struct, frozen=True):
    """The passages that the answer was drawn from."""

    documents: list[SourceDocument]


class UsedTools(msgspec.Struct, frozen=True):
    """The tools that were called, with what they were given and what they returned."""

    tools: list[dict[str, Any]]


class AgentFlowEvent(msgspec.Struct, frozen=True):
    """The state of an agentflow as a whole, for example ``INPROGRESS`` or ``FINISHED``."""

    status: str


class NextAgentFlow(Wire, frozen=True, kw_only=True):
    """An agentflow's node began or ended."""

    node_id: str | None = None
    node_label: str | None = None
    status: str | None = None
    error: str | None = None


class AgentFlowExecutedData(msgspec.Struct, frozen=True):
    """What the nodes that ran so far were given and returned."""

    nodes: list[dict[str, Any]]


class Metadata(Wire, frozen=True, kw_only=True):
    """The ids under which the answer was stored."""

    chat_id: str | None = None
    chat_message_id: str | None = None
    question: str | None = None
    session_id: str | None = None
    execution_id: str | None = None
    finish_reason: str | None = None
    """How the model ended: ``length`` when the answer was cut off."""


class StreamError(msgspec.Struct, frozen=True):
    """The flow failed. Seen only with ``raise_on_error=False``; else `StreamFailed` is raised."""

    message: str
    code: str = "upstream_failed"
    request_id: str | None = None
    retry_after: float | None = None
    """Seconds until it is worth trying again, where the model or service said so."""


class End(msgspec.Struct, frozen=True):
    """The stream is complete. Always the last event."""


class Unknown(msgspec.Struct, frozen=True):
    """An event that this version of the SDK has no type for."""

    event: str
    data: Any


Event = (
    Start
    | Token
    | SourceDocuments
    | UsedTools
    | AgentFlowEvent
    | NextAgentFlow
    | AgentFlowExecutedData
    | Metadata
    | StreamError
    | End
    | Unknown
)


class Records:
    """Cuts a server-sent stream into records, wherever the network has cut it."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._data: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield the data of each record that `chunk` completes; comments and other fields are dropped."""
        self._parts.append(chunk)
        if b"\n" not in chunk:
            return
        # Split at line feeds only: a token may hold other characters that Python takes for line ends.
        *lines, rest = b"".join(self._parts).split(b"\n")
        self._parts = [rest]
        for ended in lines:
            line = ended.removesuffix(b"\r")
            if line.startswith(b"data:"):
                self._data.append(line[len(b"data:") :].removeprefix(b" "))
            elif not line and self._data:
                data, self._data = b"\n".join(self._data), []
                yield data


class EventReader:
    """Turns the bytes of a stream into events."""

    def __init__(self, *, raise_on_error: bool) -> None:
        self._records = Records()
        self._raise_on_error = raise_on_error
        self.ended = False
        """The `End` event was read; what comes after it is ignored."""

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that `chunk` completes.

        Raises:
            StreamFailed: the flow failed, and failures are to be raised.
            UnexpectedAnswer: a record is not an event.
        """
        for data in self._records.feed(chunk):
            event = read_event(data)
            if self._raise_on_error and isinstance(event, StreamError):
                raise StreamFailed(
                    event.message,
                    code=event.code,
                    request_id=event.request_id,
                    retry_after=event.retry_after,
                )
            yield event
            if isinstance(event, End):
                self.ended = True
                return


class _Record(msgspec.Struct, frozen=True, rename="camel"):
    event: str
    data: msgspec.Raw = msgspec.Raw(b"null")
    code: str = "upstream_failed"
    """This and the next two stand beside the data of an ``error``."""
    request_id: str | None = None
    retry_after_seconds: float | None = None


def read_event(data: bytes) -> Event:
    """Return the event that a record's data holds; what has another shape than ours is `Unknown`."""
    try:
        record = msgspec.json.decode(data, type=_Record)
    except msgspec.MsgspecError as error:
        raise UnexpectedAnswer("A record of the stream is not an event.") from error
    if record.event == "error":
        return _failure(record)
    read = _READERS.get(record.event)
    if read is not None:
        try:
            return read(record.data)
        except msgspec.ValidationError:
            pass
    return Unknown(record.event, msgspec.json.decode(record.data))


def _failure(record: _Record) -> StreamError:
    data = msgspec.json.decode(record.data)
    text = data if isinstance(data, str) else "The flow failed."
    return StreamError(scrub(text), record.code, record.request_id, record.retry_after_seconds)


_texts = msgspec.json.Decoder(str)


def _text(data: msgspec.Raw) -> str:
    """Return a piece of an answer, which may be a number or a truth value, as a text."""
    value = bytes(data)
    return _texts.decode(value) if value.startswith(b'"') else value.decode()


_objects = msgspec.json.Decoder(list[dict[str, Any]])
_documents = msgspec.json.Decoder(list[SourceDocument])

_READERS: Final[dict[str, Callable[[msgspec.Raw], Event]]] = {
    "start": lambda data: Start(msgspec.json.decode(data)),
    "token": lambda data: Token(_text(data)),
    "sourceDocuments": lambda data: SourceDocuments(_documents.decode(data)),
    "usedTools": lambda data: UsedTools(_objects.decode(data)),
    "agentFlowEvent": lambda data: AgentFlowEvent(_texts.decode(data)),
    "nextAgentFlow": msgspec.json.Decoder(NextAgentFlow).decode,
    "agentFlowExecutedData": lambda data: AgentFlowExecutedData(_objects.decode(data)),
    "metadata": msgspec.json.Decoder(Metadata).decode,
    "end": lambda _: End(),
}
