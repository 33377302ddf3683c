"""Running a chatflow, and asking whether the server is there."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import httpx
import msgspec
from msgspec import UNSET

from flowkeys.client.call import Call, Ref, as_type, given, path
from flowkeys.client.events import EventReader
from flowkeys.client.models import Prediction
from flowkeys.domain.predictions.conversation import Turn

History = Sequence[Turn | Mapping[str, Any]]
"""Earlier messages: `Turn` values, or ``{"role": "userMessage", "content": "…"}`` objects."""

_PREDICTION: Final = as_type(Prediction)


def predict(
    chatflow_id: Ref,
    question: str | None = None,
    *,
    session_id: str | None = None,
    history: History | None = None,
    form: Mapping[str, Any] | None = None,
    override_config: Mapping[str, Any] | None = None,
) -> Call[Prediction]:
    """Ask a chatflow and wait for the whole answer.

    `session_id` goes on with a conversation; `history` replaces what the server remembers of it.
    """
    members = {
        "question": question,
        "sessionId": session_id,
        "history": history,
        "form": form,
        "overrideConfig": override_config,
    }
    body = given(**{name: UNSET if value is None else value for name, value in members.items()})
    return Call(
        method="POST", path=path("prediction", chatflow_id), body=body, decode=_PREDICTION, repeatable=False
    )


def stream(
    chatflow_id: Ref,
    question: str | None = None,
    *,
    session_id: str | None = None,
    history: History | None = None,
    form: Mapping[str, Any] | None = None,
    override_config: Mapping[str, Any] | None = None,
    raise_on_error: bool = True,
) -> Call[EventReader]:
    """Ask a chatflow and read its answer as it comes. Nothing is sent until the stream is read.

    A flow that fails half-way raises `StreamFailed`; without `raise_on_error` it is a `StreamError` event.
    """
    call = predict(
        chatflow_id,
        question,
        session_id=session_id,
        history=history,
        form=form,
        override_config=override_config,
    )

    def read(response: httpx.Response) -> EventReader:
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            raise msgspec.ValidationError("It is not an event stream.")
        return EventReader(raise_on_error=raise_on_error)

    body = call.body | {"streaming": True}
    return Call(method=call.method, path=call.path, body=body, decode=read, repeatable=False)


def ping() -> Call[bool]:
    """Return True when the server answers; no key is needed."""
    return Call(method="GET", path=path("ping"), decode=_pong)


def _pong(response: httpx.Response) -> bool:
    if b"pong" not in response.content:
        raise msgspec.ValidationError("The answer to ping is not pong.")
    return True
