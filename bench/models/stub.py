"""A model that costs nothing: its pieces are ready, and each is written by itself.

On asyncio's own event loop, where a write is a call of the system there and then: uvloop would gather what
one turn of it writes, and then 200 pieces would be one. It prints its address, and answers by a model's name.
"""

import asyncio
import json
import time
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from bench.models.framing import END_OF_HEAD, LENGTH

PIECES: Final = 200
WORD: Final = " piece"
TEXTS: Final = tuple(
    f"{WORD}{number}" for number in range(PIECES)
)  # LiteLLM gives up one that repeats itself
BURST, TURNS, PACED, FIRST, FEW = MODELS = "burst", "turns", "paced", "first", "few"
"""All pieces without a pause; the same, streams taking turns at each, as a model that works on all of them
does; a piece a second, with the time in it; one such piece, and the end; a few words and what was used."""
FEW_WORDS: Final = ("[model] ", "hello ", "world")
PACED_PIECES: Final = 10
THINKS_SECONDS: Final = 0.02
"""Before the first piece of `FIRST`."""

_STREAM: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nCache-Control: no-cache\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
_WHOLE: Final = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
_COMMON: Final = {"id": "chatcmpl-7b2e61c0a9", "created": 1_790_000_000, "model": "stub"}


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def _event(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    text = json.dumps({**_COMMON, "object": "chat.completion.chunk", "choices": [choice]})
    return f"data: {text}\n\n".encode()


def _whole(status: bytes, value: object) -> bytes:
    body = json.dumps(value).encode()
    return _WHOLE % (status, len(body), body)


_PIECES: Final = [_chunk(_event({"content": text})) for text in TEXTS]
_END: Final = [_chunk(_event({}, "stop")), _chunk(b"data: [DONE]\n\n"), _chunk(b"")]
_MESSAGE: Final = {"role": "assistant", "content": "".join(TEXTS)}
_ANSWER: Final = _whole(
    b"200 OK",
    {
        **_COMMON,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": _MESSAGE, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": PIECES, "total_tokens": PIECES + 1},
    },
)
_FEW_USED: Final = {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}
_FEW: Final = [
    _chunk(_event({"role": "assistant", "content": ""})),
    *(_chunk(_event({"content": word})) for word in FEW_WORDS),
    _chunk(_event({}, "stop")),
    _chunk(f"data: {json.dumps({**_COMMON, 'choices': [], 'usage': _FEW_USED})}\n\n".encode()),
    *_END[1:],
]
_FEW_ANSWER: Final = _whole(
    b"200 OK",
    {
        **_COMMON,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "".join(FEW_WORDS)},
                "finish_reason": "stop",
            }
        ],
        "usage": _FEW_USED,
    },
)
_UNKNOWN: Final = _whole(b"404 Not Found", {"error": {"message": "there is no such path"}})
_BEFORE, _AFTER = _event({"content": "@@"}).split(b"@@")


def _stamped() -> bytes:
    """Return a piece that says when it was written: nanoseconds of the clock that all processes share."""
    return _chunk(b"%s@%d;%s" % (_BEFORE, time.monotonic_ns(), _AFTER))


class Model(asyncio.Protocol):
    """One connection."""

    def __init__(self) -> None:
        self._received = b""
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport):
        self._transport = transport

    def connection_lost(self, exc):
        if self._timer is not None:
            self._timer.cancel()

    def data_received(self, data):
        self._received += data
        head, found, body = self._received.partition(END_OF_HEAD)
        length = LENGTH.search(head)
        if not found or (length is not None and len(body) < int(length[1])):
            return
        self._received = b""
        if not head.startswith(b"POST /v1/chat/completions "):
            self._transport.write(_UNKNOWN)
            return
        asked = json.loads(body)
        if not asked.get("stream"):
            self._transport.write(_FEW_ANSWER if asked["model"] == FEW else _ANSWER)
            return
        self._transport.write(_STREAM)
        if asked["model"] == BURST:
            self._write(_PIECES)
            self._write(_END)
        elif asked["model"] == FEW:
            self._write(_FEW)
        elif asked["model"] == TURNS:
            self._turn(iter([*_PIECES, *_END]))
        elif asked["model"] == PACED:
            self._next(iter(range(PACED_PIECES)), 1.0)
        else:
            self._timer = asyncio.get_running_loop().call_later(THINKS_SECONDS, self._next, iter([0]), 0.0)

    def _turn(self, parts: Iterator[bytes]) -> None:
        part = next(parts, None)
        if part is not None and not self._transport.is_closing():
            self._transport.write(part)
            asyncio.get_running_loop().call_soon(self._turn, parts)

    def _next(self, left: Iterator[int], pause: float) -> None:
        if next(left, None) is None:
            self._write(_END)
            return
        self._transport.write(_stamped())
        self._timer = asyncio.get_running_loop().call_later(pause, self._next, left, pause)

    def _write(self, parts: list[bytes]) -> None:
        for part in parts:
            self._transport.write(part)


async def _serve() -> None:
    server = await asyncio.get_running_loop().create_server(Model, "127.0.0.1", 0, backlog=2048)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve())
