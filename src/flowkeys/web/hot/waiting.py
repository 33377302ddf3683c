"""A call that is answered inside the connection when what counts it has answered."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from flowkeys.web.hot.call import Call
from flowkeys.web.hot.reply import RawHeader, Reply


class Waiting:
    """One whose answer is awaited. It counts although its client leaves.

    For uvicorn it is a `RequestResponseCycle`, as far as a connection looks at one, as `Running` is.
    """

    __slots__ = ("call", "disconnected", "keep_alive", "response_complete")

    response_started = False

    def __init__(self, call: Call, *, keep_alive: bool) -> None:
        self.call = call
        self.keep_alive = keep_alive
        self.disconnected = False
        self.response_complete = False

    @staticmethod
    def begin(work: Coroutine[Any, Any, Reply], tasks: set[asyncio.Task[Any]]) -> asyncio.Task[Reply]:
        """Begin to answer; `tasks` are those that a server waits for when it stops."""
        task = asyncio.get_running_loop().create_task(work)
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        return task

    @property
    def message_event(self) -> "Waiting":
        """Where uvicorn says that something happened."""
        return self

    def set(self) -> None:
        """Go on."""


def has_body(headers: list[RawHeader]) -> bool:
    """Tell whether something comes behind the headers."""
    return any(
        name == b"transfer-encoding" or (name == b"content-length" and value != b"0")
        for name, value in headers
    )


def is_unusual(headers: list[RawHeader], limit_bytes: int) -> bool:
    """Tell whether a body is announced that is not read here: too large, encoded, of no length, expectant."""
    for name, value in headers:
        if name == b"content-length":
            if not (value.isdigit() and int(value) <= limit_bytes):
                return True
        elif name in {b"expect", b"content-encoding"}:
            return True
    return False
