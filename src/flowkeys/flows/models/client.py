"""Asks a model's endpoint, and reads its answer's bytes. Connections are kept and used again."""

import asyncio
import codecs
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from flowkeys.domain.version import VERSION
from flowkeys.flows.models import deviations, errors
from flowkeys.flows.models.failures import ModelError, loggable, refused
from flowkeys.flows.models.network import in_words, late, unanswered, unconnected
from flowkeys.flows.models.packed import ENCODINGS, Packed, too_long
from flowkeys.flows.models.reply import BROKEN_OFF, Reply
from flowkeys.outbound.http import charset

if TYPE_CHECKING:
    from flowkeys.outbound.endpoints import Endpoint
    from flowkeys.outbound.http.connection import Connection
    from flowkeys.outbound.http.pool import Pool

_ERROR_BYTES: Final = 64 * 1024
"""How much is read of an answer that says what went wrong."""
_REFUSAL_SECONDS: Final = 5.0
"""How long to wait for its words."""
_AFTER_END_SECONDS: Final = 5.0
"""How long a server may be silent behind the last piece before its answer is taken for ended."""
_ATTEMPTS: Final = 3
"""Two connections that were kept may be closed at a time; the last attempt is made on a new one."""
_CROSSING_SECONDS: Final = 5.0
"""How long what says that a kept connection was closed may be on its way, while a call goes the other way."""
_OPTIONS: Final = {"include_usage": True}
"""Of a stream: what was used is told at its end."""
_IN_PATH: Final = "/%:@!$&'()*+,;=~"
_WIDE: Final = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"})
_OTHER_ENCODINGS: Final = frozenset({"br", "zstd", "compress", "x-compress", "dcb", "dcz"})


class Limits(msgspec.Struct, frozen=True):
    """How long to wait for what, and how much to read."""

    connect_seconds: float
    whole_seconds: float
    """For an answer that is asked for whole: it says nothing until it is complete."""
    silence_seconds: float
    """For the next bytes of one that is asked for piece by piece; a comment is as good as a piece."""
    answer_bytes: int


class Client:
    """Asks one endpoint, with its key or without one."""

    def __init__(self, pool: "Pool", endpoint: "Endpoint", key: str | None, limits: Limits) -> None:
        from flowkeys.outbound.http.pool import Origin

        self._pool = pool
        self._origin = Origin(endpoint.host, endpoint.port, endpoint.scheme == "https")
        self._key = key
        self._limits = limits
        self._head = _head(endpoint, key)

    @asynccontextmanager
    async def ask(
        self,
        request: Mapping[str, Any],
        reply: Reply,
        *,
        stream: bool,
        seconds: float | None = None,
        usage: bool = True,
        more: bytes = b"",
    ) -> AsyncIterator["Answer"]:
        """Send a request; its answer is read from what is returned, and given to `reply`.

        `seconds` is how long to wait for the next bytes, if that is not as `Limits` says; `usage`, whether a
        stream is asked to say what was used; `more` are lines of the request's head.

        Raises:
            ModelError: there is no answer; what the server said is in its `reason`, without the key.
        """
        limits = self._limits
        wait = seconds or (limits.silence_seconds if stream else limits.whole_seconds)
        told: dict[str, Any] = {"stream": stream}
        if stream and usage:
            told["stream_options"] = _OPTIONS
        body = msgspec.json.encode({**request, **told})
        answer: Answer | None = None
        try:
            answer = Answer(await self._post(body, wait, more), reply, wait, limits.answer_bytes)
            await answer.check()
            yield answer
        except ModelError as error:
            if error.reason is not None:
                error.reason = loggable(error.reason, self._key)
            raise
        finally:
            if answer is not None:
                answer.connection.leave(is_enough=reply.is_complete)

    async def _post(self, body: bytes, wait: float, more: bytes) -> "Connection":
        if self._head is None:
            raise ModelError("the model's endpoint could not be asked: its credential cannot be sent.")
        request = b"%b%d\r\n%b\r\n%b" % (self._head, len(body), more, body)
        for attempt in range(_ATTEMPTS):
            connection = self._pool.kept(self._origin) if attempt + 1 < _ATTEMPTS else None
            is_kept = connection is not None
            if connection is None:
                connection = await self._open(min(self._limits.connect_seconds, wait))
            sent = monotonic()
            try:
                connection.send(request)
                await connection.head(wait)
            except BaseException as error:
                connection.close()
                # A server closes connections that nobody uses for a while, perhaps in this very moment. It
                # closed this one before it answered a byte, so that the call is made once more, on another;
                # not when it took its time, since then it may have worked on the call.
                crossed = is_kept and connection.is_silent and monotonic() - sent < _CROSSING_SECONDS
                if crossed and isinstance(error, ConnectionError):
                    continue
                if isinstance(error, Exception):
                    raise unanswered(error, wait) from error
                raise
            return connection
        raise AssertionError

    async def _open(self, seconds: float) -> "Connection":
        try:
            return await self._pool.open(self._origin, seconds)
        except Exception as error:
            raise unconnected(error, f"{self._origin.host}:{self._origin.port}") from error


def _head(endpoint: "Endpoint", key: str | None) -> bytes | None:
    """Return a request up to the length of its body; None when the credential is none for a header."""
    lines = [
        f"POST {quote(endpoint.path, safe=_IN_PATH)}/chat/completions HTTP/1.1",
        f"Host: {endpoint.authority}",
        "Accept: application/json, text/event-stream",
        "Accept-Encoding: identity",  # a small compressed body can be a very large one
        "Content-Type: application/json",
        f"User-Agent: flowkeys/{VERSION}",
        *([] if key is None else [f"Authorization: Bearer {key}"]),
        "Content-Length: ",
    ]
    if key is not None and not key.isprintable():
        return None
    return "\r\n".join(lines).encode()


class Answer:
    """The bytes of an answer."""

    __slots__ = (
        *("_any", "_failure", "_left", "_limit", "_packed", "_recode", "_reply", "_wait"),
        "connection",
    )

    def __init__(self, connection: "Connection", reply: Reply, wait: float, limit: int) -> None:
        self.connection = connection
        self._reply = reply
        self._wait = wait
        self._left = limit
        self._limit = limit
        self._any = False
        self._packed: Packed | None = None
        self._recode: codecs.IncrementalDecoder | None = None
        self._failure: Exception | None = None

    async def check(self) -> None:
        """Look at the status and the headers.

        Raises:
            ModelError: it is a refusal, or cannot be read.
        """
        encoding = self._header(b"content-encoding").strip().lower()
        if encoding in ENCODINGS:
            self._packed = Packed(self._receive, self._limit)
        elif encoding in _OTHER_ENCODINGS or "," in encoding:
            raise ModelError(f"the model's endpoint compressed its answer ({encoding[:20]}), unasked.")
        # "none", "utf-8", "chunked": no encodings, but widely written where a stream is not to be packed.
        name = self._charset()
        if name is not None:
            self._reply.says(name)
            if name in _WIDE:
                self._recode = codecs.getincrementaldecoder(name)("replace")
        if not 200 <= self.connection.status < 300:  # noqa: PLR2004  # some frameworks answer 201 to every POST
            raise await self._refused()

    async def _refused(self) -> ModelError:
        from httpx import Headers

        said = b""
        with suppress(ModelError, TimeoutError):  # the status says enough
            async with asyncio.timeout(_REFUSAL_SECONDS):
                while len(said) < _ERROR_BYTES and (part := await self.read()):
                    said += part
        try:
            error: Any = deviations.parsed(said, self._charset())
        except (ValueError, RecursionError):
            error = said.decode(errors="replace")
        reason = errors.in_words(error)
        code, wait = errors.code_of(error), errors.wait_of(error)
        headers = Headers(self.connection.headers)
        return refused(self.connection.status, code, headers, reason, wait)

    def _header(self, name: bytes) -> str:
        return next(
            (value.decode("latin-1") for known, value in self.connection.headers if known == name), ""
        )

    def _charset(self) -> str | None:
        return charset.said(self._header(b"content-type"))

    async def read(self) -> bytes:
        """Return the next bytes, as soon as there are any; none at the end.

        Raises:
            ModelError: they do not come in time, the connection breaks, or there are too many.
        """
        while True:
            data = await (self._receive() if self._packed is None else self._packed.read())
            if not data:
                return b""
            self._any = True
            self._left -= len(data)
            if self._left < 0:
                raise too_long(self._limit)
            if self._recode is not None:
                data = self._recoded(data, self._recode)
            if data:
                return data

    def _recoded(self, data: bytes, recode: codecs.IncrementalDecoder) -> bytes:
        begun = recode.getstate()[0]
        try:
            return recode.decode(data).encode()
        except UnicodeError:  # what says that it is UTF-16, and has no mark at its beginning, seldom is
            self._recode = None
            return begun + data

    async def _receive(self) -> bytes:
        if self._failure is None:
            try:
                if not self._reply.is_complete:
                    return await self.connection.read(self._wait)
                async with asyncio.timeout(_AFTER_END_SECONDS):
                    return await self.connection.read(self._wait)
            except Exception as error:  # noqa: BLE001  # of the network, by the dozen
                self._failure = error
        if self._reply.is_complete:
            return b""
        raise self._broken(self._failure)

    def _broken(self, error: Exception) -> ModelError:
        if isinstance(error, TimeoutError):
            return late(self._wait, in_the_middle=self._any)
        return ModelError(BROKEN_OFF, reason=in_words(error))
