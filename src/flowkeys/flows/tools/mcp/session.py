"""What is said to an MCP server during one step of a run."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import msgspec

from flowkeys.domain.version import VERSION
from flowkeys.flows.code.wire import CallRefused, Request
from flowkeys.flows.models.records import Named, Record, Records
from flowkeys.flows.tools.tool import ToolFailed
from flowkeys.outbound.endpoints import Endpoint

if TYPE_CHECKING:
    from flowkeys.flows.code.opened import Opened
    from flowkeys.flows.code.outward import OutwardCalls

_ASKED: Final = "2025-06-18"
"""The newest revision in which a call's answer comes on its own stream, whole: later ones may break it off
and have it fetched again."""
_SPOKEN: Final = frozenset({"2024-11-05", "2025-03-26", _ASKED, "2025-11-25"})
_SESSION: Final = "mcp-session-id"
_OF_BODY: Final = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
_PAGES: Final = 50
_REPLIES: Final = 20
_REFUSAL_BYTES: Final = 64_000
_REASON: Final = 500
_GOODBYE_SECONDS: Final = 2.0
_NOT_FOUND: Final = -32601
_MESSAGE: Final = b"message"


class Listed(msgspec.Struct, frozen=True, rename="camel"):
    """A tool as a server lists it."""

    name: str
    description: str | None = None
    input_schema: dict[str, Any] = msgspec.field(default_factory=lambda: {"type": "object", "properties": {}})


class _Page(msgspec.Struct, frozen=True, rename="camel"):
    tools: list[Listed]
    next_cursor: str | None = None


class _Lost(Exception):
    """The server does not know the session any more; it has done nothing."""


class Session:
    """One conversation with a server. What it is called with, headers and all, goes to that URL alone."""

    def __init__(
        self,
        calls: "OutwardCalls",
        url: str,
        secret: tuple[Mapping[str, str], Endpoint | None],
        seconds: float,
    ) -> None:
        """`secret` is what `carried` returns; `seconds` is how long one answer may take."""
        self._calls = calls
        self._url = url
        self._secret, self._own = secret
        self._seconds = seconds
        self._headers: dict[str, str] = {}
        """Those that the handshake adds."""
        self._last = 0
        self._replies = 0

    async def begin(self) -> None:
        """Shake hands.

        Raises:
            ToolFailed: the server cannot be reached, refuses, or speaks no revision that is known here.
        """
        self._headers = {}
        about = {
            "protocolVersion": _ASKED,
            "capabilities": {},
            "clientInfo": {"name": "flowkeys", "version": VERSION},
        }
        result = await self._once("initialize", about)
        version = result.get("protocolVersion")
        if version not in _SPOKEN:
            raise ToolFailed(f"it speaks the revision {str(version)[:40]!r} of MCP, which is not known here")
        self._headers["mcp-protocol-version"] = str(version)
        await self._tell({"jsonrpc": "2.0", "method": "notifications/initialized"})

    async def tools(self) -> Sequence[Listed]:
        """Return all tools that the server has.

        Raises:
            ToolFailed: it does not say.
        """
        found: list[Listed] = []
        cursor: str | None = None
        for _ in range(_PAGES):
            result = await self._asked("tools/list", {} if cursor is None else {"cursor": cursor})
            try:
                page = msgspec.convert(result, _Page)
            except msgspec.ValidationError as error:
                raise ToolFailed(f"its list of tools is none: {error}") from error
            found += page.tools
            cursor = page.next_cursor
            if not cursor:
                return found
        raise ToolFailed(f"its list of tools has more than {_PAGES} pages")

    async def call(self, name: str, arguments: Mapping[str, Any]) -> list[Any]:
        """Call a tool, and return its content, that of an error too: it is for the model.

        Raises:
            ToolFailed: the server cannot be reached, or refuses the call.
        """
        result = await self._asked("tools/call", {"name": name, "arguments": dict(arguments)})
        content = result.get("content")
        if not isinstance(content, list):
            raise ToolFailed("its answer has no content")
        return content

    async def end(self) -> None:
        """Say goodbye, where the server keeps a session; what becomes of that matters to nobody."""
        if _SESSION not in self._headers:
            return
        with suppress(CallRefused, TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                (await self._send("DELETE", None)).leave()

    async def _asked(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """Ask, in a new session if the server has forgotten this one."""
        try:
            return await self._once(method, params)
        except _Lost:
            await self.begin()
        try:
            return await self._once(method, params)
        except _Lost as error:
            raise ToolFailed("it forgets its sessions") from error

    async def _once(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._last += 1
        asked = {"jsonrpc": "2.0", "id": self._last, "method": method, "params": params}
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._send("POST", msgspec.json.encode(asked).decode())
                try:
                    return await self._result(answer)
                finally:
                    answer.leave()
        except CallRefused as error:
            raise ToolFailed(str(error).rstrip(".")) from error
        except TimeoutError as error:
            raise ToolFailed("it does not answer in time") from error

    async def _result(self, answer: "Opened") -> dict[str, Any]:
        if answer.status == HTTPStatus.NOT_FOUND and _SESSION in self._headers:
            raise _Lost
        if not 200 <= answer.status < 300:  # noqa: PLR2004
            raise ToolFailed(await _refusal(answer))
        if (session := answer.header(_SESSION)) and not self._headers:
            self._headers[_SESSION] = session
        records = Records()
        while part := await answer.part():
            for record in records.feed(part):
                if (result := await self._heard(record)) is not None:
                    return result
        for record in records.finish():
            if (result := await self._heard(record)) is not None:
                return result
        raise ToolFailed("its answer ended without a result")

    async def _heard(self, record: Record) -> dict[str, Any] | None:
        """Return the result that was waited for, if this is it; answer what the server asks meanwhile."""
        if isinstance(record, Named):
            if record.event != _MESSAGE:
                return None
            record = record.data
        if not record.strip():
            return None
        try:
            said = msgspec.json.decode(record)
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ToolFailed("its answer is no JSON") from error
        for message in said if isinstance(said, list) else [said]:
            if not isinstance(message, dict):
                raise ToolFailed("its answer is no message of JSON-RPC")
            if "method" in message:
                await self._reply(message)
            elif message.get("id") == self._last:
                if isinstance(result := message.get("result"), dict):
                    return result
                raise ToolFailed(_error(message) or "its answer has no result")
        return None

    async def _reply(self, message: Mapping[str, Any]) -> None:
        """Answer a request of the server's: it is heard, and can ask for nothing."""
        self._replies += 1
        if message.get("id") is None or self._replies > _REPLIES:
            return
        reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
        if message["method"] == "ping":
            reply["result"] = {}
        else:
            reply["error"] = {"code": _NOT_FOUND, "message": "Method not found"}
        with suppress(ToolFailed):
            await self._tell(reply)

    async def _tell(self, message: Mapping[str, Any]) -> None:
        try:
            answer = await self._send("POST", msgspec.json.encode(message).decode())
        except CallRefused as error:
            raise ToolFailed(str(error).rstrip(".")) from error
        answer.leave()
        if answer.status >= HTTPStatus.BAD_REQUEST:
            raise ToolFailed(f"HTTP Error {answer.status}")

    async def _send(self, method: str, body: str | None) -> "Opened":
        headers = {} if body is None else _OF_BODY
        request = Request(0, 0, self._url, method, headers, body, redirect=True)
        return await self._calls.open(request, {**self._headers, **self._secret}, self._own)


async def _refusal(answer: "Opened") -> str:
    """Return what a server says that refuses: the message of its error where it has one."""
    body = b""
    while len(body) < _REFUSAL_BYTES and (part := await answer.part()):
        body += part
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        said = None
    message = _error(said) if isinstance(said, dict) else None
    return f"HTTP Error {answer.status}{f': {message}' if message else ''}"


def _error(message: Mapping[str, Any]) -> str | None:
    error = message.get("error")
    said = error.get("message") if isinstance(error, dict) else None
    return said[:_REASON] if isinstance(said, str) else None
