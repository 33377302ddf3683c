"""The fast path: predictions are answered before any framework looks at them."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from flowkeys.web.prediction import Predictions

_PREFIX: Final = "/api/v1/prediction/"


class FastPath:
    """ASGI middleware in front of the application. The application gives the same answers, slower."""

    def __init__(self, app: ASGIApp, predictions: Predictions) -> None:
        self._app = app
        self._predictions = predictions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer predictions; hand everything else on."""
        if scope["type"] == "http" and scope["path"].startswith(_PREFIX):
            await self._predictions(scope, receive, send)
        else:
            await self._app(scope, receive, send)
