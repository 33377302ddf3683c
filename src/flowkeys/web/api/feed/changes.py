"""``/changes``: what changed, as it changes, for caches outside of this process."""

from typing import Annotated

from fastapi import Query, Response
from fastapi.responses import JSONResponse

from flowkeys.domain.errors import InvalidInput
from flowkeys.web.api.feed.stream import ChangeStream
from flowkeys.web.auth import authenticate
from flowkeys.web.routes import GuardedRouter
from flowkeys.web.schemas.changes import ChangeEventOut
from flowkeys.web.services import Call

router = GuardedRouter(tags=["Verification"])

_PERMISSION = "apikeys:view"
_LARGEST = 2**63 - 1
_DIGITS = 19


class _EventsInTheDescription(JSONResponse):
    """Has the events described as objects; of other classes the framework says that they send a text."""

    media_type = "text/event-stream"


@router.on(
    "GET",
    "/changes",
    needs=_PERMISSION,
    answers=ChangeEventOut,
    errors=("validation_failed",),
    response_class=_EventsInTheDescription,
)
async def changes(
    call: Call,
    after: Annotated[
        int | None, Query(ge=0, le=_LARGEST, description="The last position that is known.")
    ] = None,
    epoch: Annotated[
        str | None,
        Query(
            max_length=64,
            description="The epoch of that position: with another one now, all is to be forgotten.",
        ),
    ] = None,
    mark: Annotated[
        str | None,
        Query(
            max_length=64,
            description="What the event with that position said as `mark`: by it another process, or this "
            "one after a restart, knows that its changes are the same up to there.",
        ),
    ] = None,
    follow: Annotated[bool, Query(description="False ends the stream with what there is now.")] = True,
) -> Response:
    """Tell of the workspace's changes, as they are made: a stream of events (`text/event-stream`).

    `change` names a subject (`key`, `chatflow`, …) and its id; `position` comes at the beginning, after
    changes and each second, and says up to where all has been told; `forget` says that changes cannot be told
    one by one: forget all that you kept. Every event carries its position as data and as its id, to go on
    from with `after` or `Last-Event-ID`. `position` and `forget` also say the `epoch`, which is another one
    when positions may mean something else (the server was started anew, or its database), and `boundMs`,
    within which a change holds in every process of it. Whoever comes back with `after`, `epoch` and `mark`,
    if there was one, and is told `resumed` by the first `position` has missed no change. The stream ends when
    its key is no longer good.
    """
    services = call.services
    if after is None:
        after = _last_event_id(call)

    async def still_good() -> None:
        await authenticate(services, call.scope, _PERMISSION)

    return ChangeStream(
        services.followers,
        services.leaving,
        still_good,
        call.caller.workspace_id,
        after=after,
        epoch=epoch,
        mark=mark,
        follow=follow,
    )


def _last_event_id(call: Call) -> int | None:
    text = call.headers.get("last-event-id", "")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS and int(text) <= _LARGEST):
        raise InvalidInput.of("Last-Event-ID", "Send the id of an event of this stream.")
    return int(text)
