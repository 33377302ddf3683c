"""What the operator's log says of a run that failed: more than the caller is told."""

from typing import Any, Final

import structlog

from flowkeys.domain.errors import FlowkeysError, Unavailable, UpstreamFailed

_CHARACTERS: Final = 2000
"""Of a reason; whoever gives one keeps it shorter."""


def log_failure(error: FlowkeysError, request_id: str | None = None, **facts: Any) -> None:
    """Log why a model or service failed, or an outage with its cause.

    Refusals are not logged: their code is in the request's line already.
    """
    if request_id is not None:
        facts["request_id"] = request_id
    if isinstance(error, UpstreamFailed):
        if error.reason is not None:
            facts["reason"] = error.reason[:_CHARACTERS]
        if error.raised is not None:
            facts["exc_info"] = error.raised
        structlog.get_logger("flowkeys").warning("upstream failed", detail=str(error), **facts)
    elif isinstance(error, Unavailable) and not error.is_known:
        cause = repr(error.__cause__) if error.__cause__ is not None else None
        structlog.get_logger("flowkeys").error("unavailable", detail=str(error), cause=cause, **facts)
