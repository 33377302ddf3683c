"""A span for each request that reaches the gate, where spans are asked for; else this is not there."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flowkeys.service.tracing import RequestTracing
from flowkeys.web.requests.address import TrustedProxies
from flowkeys.web.requests.context import KEY, TRACE, RequestContext

_QUIET = frozenset({"/api/v1/ping", "/api/v1/version", "/api/v1/health/live", "/api/v1/health/ready"})
"""Asked every few seconds by whoever looks whether the server runs."""


class Traced:
    """ASGI middleware around the gate."""

    def __init__(self, app: ASGIApp, tracing: RequestTracing, proxies: TrustedProxies) -> None:
        """Believe of trusted proxies, and of nobody else, whose part a request is."""
        self._app = app
        self._tracing = tracing
        self._proxies = proxies

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or scope["path"] in _QUIET:
            await self._app(scope, receive, send)
            return
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        client = scope.get("client")
        trusted = self._proxies.trusts(client[0] if client else None)
        with self._tracing.request(scope["method"], scope["headers"], trusted=trusted) as span:
            scope[TRACE] = span.trace_id
            try:
                await self._app(scope, receive, sending)
            finally:
                context: RequestContext | None = scope.get(KEY)
                route, facts = (None, {}) if context is None else (context.route, context.facts)
                span.ended(route, status, facts)
