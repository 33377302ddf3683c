"""Asks a model's endpoint, and reads its answer's bytes. Connections are kept and used again."""

import asyncio
import codecs
import zlib
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import msgspec

from flowkeys.domain.version import VERSION
from flowkeys.flows.models import deviations, errors
from flowkeys.flows.models.failures import ModelError, loggable, refused
from flowkeys.flows.models.network import Drains, Kept, in_words, late, unreachable
from flowkeys.flows.models.reply import BROKEN_OFF, Reply

if TYPE_CHECKING:
    from aiohttp import ClientResponse, ClientSession
    from yarl import URL

_ERROR_BYTES: Final = 64 * 1024
"""How much is read of an answer that says what went wrong."""
_REFUSAL_SECONDS: Final = 5.0
"""How long to wait for its words."""
_STEP_BYTES: Final = 256 * 1024
_AFTER_END_SECONDS: Final = 5.0
"""How long a server may be silent behind the last piece before its answer is taken for ended."""
_WIDE: Final = frozenset({"utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"})
_ENCODINGS: Final = frozenset({"gzip", "x-gzip", "deflate"})
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

    def __init__(
        self, session: "ClientSession", url: "URL", key: str | None, limits: Limits, drains: Drains
    ) -> None:
        self._session = session
        self._url = url
        self._key = key
        self._limits = limits
        self._drains = drains
        self._headers = {
            "Accept": "application/json, text/event-stream",
            "Accept-Encoding": "identity",  # a small compressed body can be a very large one
            "Content-Type": "application/json",
            "User-Agent": f"flowkeys/{VERSION}",
            **({} if key is None else {"Authorization": f"Bearer {key}"}),
        }

    @asynccontextmanager
    async def ask(
        self, request: Mapping[str, Any], reply: Reply, *, stream: bool, seconds: float | None = None
    ) -> AsyncIterator["Answer"]:
        """Send a request; its answer is read from what is returned, and given to `reply`.

        `seconds` is how long to wait for the next bytes, if that is not as `Limits` says.

        Raises:
            ModelError: there is no answer; what the server said is in its `reason`, without the key.
        """
        limits = self._limits
        wait = seconds or (limits.silence_seconds if stream else limits.whole_seconds)
        body = msgspec.json.encode({**request, "stream": stream})
        answer: Answer | None = None
        try:
            answer = Answer(await self._post(body, wait), reply, wait, limits.answer_bytes)
            await answer.check()
            yield answer
        except ModelError as error:
            if error.reason is not None:
                error.reason = loggable(error.reason, self._key)
            raise
        finally:
            if answer is not None:
                self._drains.close(answer.response, is_complete=reply.is_complete)

    async def _post(self, body: bytes, wait: float) -> "ClientResponse":
        from aiohttp import ClientOSError, ClientTimeout, ServerDisconnectedError

        timeout = ClientTimeout(
            total=None, sock_connect=min(self._limits.connect_seconds, wait), sock_read=wait
        )
        kept = Kept()
        while True:
            try:
                return await self._session.post(
                    self._url,
                    data=body,
                    headers=self._headers,
                    timeout=timeout,
                    allow_redirects=False,
                    trace_request_ctx=kept,
                )
            except (ServerDisconnectedError, ClientOSError) as error:
                # A server closes connections that nobody uses for a while, perhaps in this very moment. It
                # closed this one before it answered a byte, so that the call is made once more, on another.
                if not kept.again():
                    raise unreachable(error, wait) from error
            except Exception as error:
                raise unreachable(error, wait) from error


class Answer:
    """The bytes of an answer."""

    def __init__(self, response: "ClientResponse", reply: Reply, wait: float, limit: int) -> None:
        self.response = response
        self._reply = reply
        self._wait = wait
        self._left = limit
        self._limit = limit
        self._any = False
        self._unpacker: Any = None
        self._is_unpacking = False
        self._recode: codecs.IncrementalDecoder | None = None
        self._packed = b""
        self._failure: Exception | None = None

    async def check(self) -> None:
        """Look at the status and the headers.

        Raises:
            ModelError: it is a refusal, or cannot be read.
        """
        response = self.response
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        if encoding in _ENCODINGS:
            self._unpacker = zlib.decompressobj(wbits=47)  # gzip or zlib, whichever it is
        elif encoding in _OTHER_ENCODINGS or "," in encoding:
            raise ModelError(f"the model's endpoint compressed its answer ({encoding[:20]}), unasked.")
        # "none", "utf-8", "chunked": no encodings, but widely written where a stream is not to be packed.
        charset = response.charset
        if charset is not None:
            try:
                name = codecs.lookup(charset).name
            except LookupError:
                name = "utf-8"
            self._reply.says(name)
            if name in _WIDE:
                self._recode = codecs.getincrementaldecoder(name)("replace")
        if not 200 <= response.status < 300:  # noqa: PLR2004  # some frameworks answer 201 to every POST
            raise await self._refused()

    async def _refused(self) -> ModelError:
        said = b""
        with suppress(ModelError, TimeoutError):  # the status says enough
            async with asyncio.timeout(_REFUSAL_SECONDS):
                while len(said) < _ERROR_BYTES and (part := await self.read()):
                    said += part
        try:
            error: Any = deviations.parsed(said, self.response.charset)
        except (ValueError, RecursionError):
            error = said.decode(errors="replace")
        reason = errors.in_words(error)
        code, wait = errors.code_of(error), errors.wait_of(error)
        return refused(self.response.status, code, self.response.headers, reason, wait)

    async def read(self) -> bytes:
        """Return the next bytes, as soon as there are any; none at the end.

        Raises:
            ModelError: they do not come in time, the connection breaks, or there are too many.
        """
        while True:
            data = await self._read()
            if not data:
                return b""
            self._any = True
            if self._recode is not None:
                data = self._recode.decode(data).encode()
            if data:
                return data

    async def _read(self) -> bytes:
        data = await (self._receive() if self._unpacker is None else self._unpacked())
        self._left -= len(data)
        if self._left < 0:
            raise ModelError(f"the model's answer is longer than {self._limit:,} bytes.")
        return data

    async def _unpacked(self) -> bytes:
        """Return the next bytes unpacked, few at a time, however much they are packed."""
        while True:
            packed = self._packed or await self._receive()
            try:
                data: bytes = self._unpack(packed) if packed else self._unpacker.flush()
            except zlib.error as error:
                raise ModelError(BROKEN_OFF, reason=f"unpacking it: {error}") from error
            if data or not packed:
                return data

    def _unpack(self, packed: bytes) -> bytes:
        try:
            data: bytes = self._unpacker.decompress(packed, _STEP_BYTES)
        except zlib.error:
            if self._is_unpacking:
                raise
            self._unpacker = zlib.decompressobj(wbits=-zlib.MAX_WBITS)  # deflate as many misread it: bare
            data = self._unpacker.decompress(packed, _STEP_BYTES)
        self._is_unpacking = True
        self._packed = self._unpacker.unconsumed_tail
        return data

    async def _receive(self) -> bytes:
        content = self.response.content
        if self._failure is None:
            try:
                if not self._reply.is_complete:
                    return await content.readany()
                async with asyncio.timeout(_AFTER_END_SECONDS):
                    return await content.readany()
            except Exception as error:  # noqa: BLE001  # of the network, by the dozen
                self._failure = error
                # The reader tells of a break before it gives out what came until then.
                if content._buffer:  # noqa: SLF001
                    return content._read_nowait(-1)  # noqa: SLF001
        if self._reply.is_complete:
            return b""
        raise self._broken(self._failure)

    def _broken(self, error: Exception) -> ModelError:
        if isinstance(error, TimeoutError):
            return late(self._wait, in_the_middle=self._any)
        return ModelError(BROKEN_OFF, reason=in_words(error))
