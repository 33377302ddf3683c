"""The stream of changes: server-sent events, so that caches elsewhere know what to forget."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from flowkeys.domain.errors import FlowkeysError
from flowkeys.service.followers import Followers
from flowkeys.web.errors import Refused

HEARTBEAT_SECONDS: Final = 1.0
_HEADERS: Final = [
    (b"content-type", b"text/event-stream"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),
]
_encode: Final = msgspec.json.Encoder().encode


class ChangeStream(Response):
    """Tells one caller of a workspace's changes, until the caller, the key or the server ends."""

    media_type = "text/event-stream"

    def __init__(
        self,
        followers: Followers,
        stopping: asyncio.Event,
        still_good: Callable[[], Awaitable[object]],
        workspace_id: str,
        *,
        after: int | None,
        epoch: str | None,
        mark: str | None,
        follow: bool,
    ) -> None:
        """Begin behind the position `after`, of an `epoch` if it is known, or now.

        `still_good` raises when the caller may know no more.
        """
        super().__init__()
        self._followers = followers
        self._stopping = stopping
        self._still_good = still_good
        self._workspace_id = workspace_id
        self._after = after
        self._epoch = epoch
        self._mark = mark
        self._resumes = after is not None and epoch is not None
        self._follow = follow
        self._forgotten = followers.forgotten

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        del scope
        after, body = self._told(self._begin())
        await send({"type": "http.response.start", "status": 200, "headers": _HEADERS})
        if self._follow:
            with self._followers.following() as event:
                await self._go_on(after, body, event, receive, send)
        else:
            await send({"type": "http.response.body", "body": body})

    async def _go_on(
        self, after: int, body: bytes, event: asyncio.Event, receive: Receive, send: Send
    ) -> None:
        gone = asyncio.ensure_future(_gone(receive))
        stop = asyncio.ensure_future(self._stopping.wait())
        for task in (gone, stop):
            task.add_done_callback(lambda _: event.set())
        try:
            # An error ends the stream, which says all there is to say: trust nothing that you kept.
            with contextlib.suppress(FlowkeysError, Refused):
                while not (gone.done() or stop.done()):
                    await send({"type": "http.response.body", "body": body, "more_body": True})
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(HEARTBEAT_SECONDS):
                            await event.wait()
                    event.clear()
                    await self._still_good()
                    after, body = self._told(after)
            if not gone.done():
                await send({"type": "http.response.body", "body": b""})
        finally:
            for task in (gone, stop):
                task.cancel()
            await asyncio.gather(gone, stop, return_exceptions=True)

    def _begin(self) -> int | None:
        """Return the place behind which changes are to be told; None: that cannot be done.

        Raises:
            Unavailable: the feed of changes is broken.
        """
        self._followers.position()
        return (
            self._followers.place
            if self._after is None
            else self._followers.place_of(self._after, self._epoch, self._mark)
        )

    def _told(self, after: int | None) -> tuple[int, bytes]:
        """Return how far the caller knows everything after these events, and the events."""
        followers = self._followers
        position, last = followers.position(), followers.place
        changes = None if after is None else followers.since(self._workspace_id, after, last)
        now: dict[str, str | int | bool] = {"epoch": followers.epoch, "boundMs": followers.bound_ms}
        if (mark := followers.mark) is not None:
            now["mark"] = mark
        if changes is None or self._forgotten != followers.forgotten:
            self._forgotten = followers.forgotten
            self._resumes = False
            return last, _event("forget", position, **now)
        if self._resumes:
            self._resumes, now["resumed"] = False, True
        told = b"".join(
            _event("change", c.position, subject=c.subject, subjectId=c.subject_id) for c in changes
        )
        return last, told + _event("position", position, **now)


def _event(name: str, position: int, **more: str | int | bool) -> bytes:
    data = _encode({"position": position, **more})
    return b"event: %b\nid: %d\ndata: %b\n\n" % (name.encode(), position, data)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
