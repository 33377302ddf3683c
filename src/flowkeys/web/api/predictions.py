"""``/prediction`` in the description, and for servers that run without the fast path."""

from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from flowkeys.web.predictions.prediction import Predictions
from flowkeys.web.routes import OPEN, GuardedRouter
from flowkeys.web.schemas.chatflows import PredictionIn, PredictionOut

router = GuardedRouter(tags=["Predictions"])

_BODY_SCHEMA = PredictionIn.model_json_schema()


class Delegated(Response):
    """A response that another ASGI application gives."""

    def __init__(self, app: Predictions) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the other application answer."""
        await self._app(scope, receive, send)


@router.on(
    "POST",
    "/prediction/{chatflow_id}",
    needs=OPEN,
    answers=PredictionOut,
    errors=(
        "missing_credentials", "unknown_key", "expired_key", "revoked_key", "disabled_key",
        "chatflow_not_allowed", "rate_limited", "origin_not_allowed", "not_found", "validation_failed",
        "flow_not_runnable", "invalid_json", "run_limit_exceeded", "too_large", "upstream_failed",
    ),
    extra={
        "security": [{"bearerKey": []}, {}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": _BODY_SCHEMA}}},
        "responses": {"200": {"content": {"text/event-stream": {}}}},
    },
)  # fmt: skip
async def predict(chatflow_id: str, request: Request) -> Response:  # noqa: ARG001 - for the description
    """Ask a chatflow. Open only to keys bound to it, unless it is public.

    With `"streaming": true` the answer is a stream of events (`text/event-stream`).
    """
    return Delegated(request.app.state.predictions)
