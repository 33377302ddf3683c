"""What goes wrong on the way to a model, in words; and what is left of an answer when all of it was said."""

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from flowkeys.flows.models.failures import ModelError

if TYPE_CHECKING:
    from aiohttp import ClientResponse, TraceConfig

_DRAIN_BYTES: Final = 64 * 1024
_DRAIN_SECONDS: Final = 2.0


class Kept:
    """Notes whether a call went out over a connection that earlier calls had used."""

    __slots__ = ("_repeated", "is_used")

    def __init__(self) -> None:
        self.is_used = False
        self._repeated = 0

    def again(self) -> bool:
        """Tell whether the call is to be made once more."""
        used, self.is_used = self.is_used, False
        self._repeated += 1
        return used and self._repeated <= 2  # noqa: PLR2004  # two kept ones may be closed at a time


def trace() -> "TraceConfig":
    """Return what tells a call's `Kept`."""
    from aiohttp import TraceConfig

    async def reused(_session: Any, context: Any, _parameters: Any) -> None:
        context.trace_request_ctx.is_used = True

    config = TraceConfig()
    config.on_connection_reuseconn.append(reused)
    return config


class Drains:
    """Reads the ends of answers, which are none of them, so that their connections can be used again."""

    def __init__(self) -> None:
        self._tasks: dict[asyncio.Task[None], ClientResponse] = {}

    def close(self, response: "ClientResponse", *, is_complete: bool) -> None:
        """Let go of a response at once; nobody waits for what may follow a complete answer."""
        if response.content.at_eof():
            response.release()
        elif not is_complete:
            response.close()
        else:
            task = asyncio.get_running_loop().create_task(_drain(response))
            self._tasks[task] = response
            task.add_done_callback(self._close)

    async def stop(self) -> None:
        """Read no more of them."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _close(self, task: asyncio.Task[None]) -> None:
        self._tasks.pop(task).close()  # keeps the connection if the end was read


async def _drain(response: "ClientResponse") -> None:
    left = _DRAIN_BYTES
    with suppress(Exception):  # whatever it is, the answer is there already
        async with asyncio.timeout(_DRAIN_SECONDS):
            while left > 0 and (data := await response.content.readany()):
                left -= len(data)


def unreachable(error: Exception, seconds: float) -> ModelError:
    """Return the failure of a call that was not answered at all."""
    from aiohttp import (
        ClientConnectorError,
        ClientResponseError,
        ClientSSLError,
        ConnectionTimeoutError,
        ServerDisconnectedError,
    )

    from flowkeys.flows.outbound import AddressRefusedError

    if isinstance(getattr(error, "os_error", None), AddressRefusedError):
        return ModelError("the model's endpoint is not at a public address.")
    if isinstance(error, ConnectionTimeoutError):
        what = "could not be reached: there was no connection in time."
    elif isinstance(error, TimeoutError):
        return late(seconds, in_the_middle=False)
    elif isinstance(error, ClientSSLError):
        what = "could not be reached: its TLS certificate was not accepted."
    elif isinstance(error, ClientConnectorError):
        what = "could not be reached."
    elif isinstance(error, ClientResponseError):
        what = "answered something that is not HTTP."
    elif isinstance(error, ServerDisconnectedError | OSError):
        what = "closed the connection without an answer."
    elif isinstance(error, ValueError):
        # Without the error's words: they may quote the header.
        return ModelError("the model's endpoint could not be asked: its credential cannot be sent.")
    else:
        what = "could not be reached."
    return ModelError(f"the model's endpoint {what}", reason=in_words(error))


def late(seconds: float, *, in_the_middle: bool) -> ModelError:
    """Return the failure of an answer that does not come, or does not go on."""
    if in_the_middle:
        return ModelError(
            f"the model's endpoint did not answer in time: silent for {seconds:g} seconds within its answer."
        )
    return ModelError(f"the model's endpoint did not answer in time: nothing came for {seconds:g} seconds.")


def in_words(error: BaseException) -> str:
    """Return what an exception says, for the log."""
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
