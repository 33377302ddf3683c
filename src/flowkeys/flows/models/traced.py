"""Asks a model's endpoint, with a span for each call, and hands the trace on."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from flowkeys.flows.models.client import Answer, Client, Limits
from flowkeys.flows.models.reply import Reply
from flowkeys.service.tracing import ModelTracing

if TYPE_CHECKING:
    from flowkeys.outbound.endpoints import Endpoint
    from flowkeys.outbound.http.pool import Pool


class TracedClient(Client):
    """A client whose calls are seen."""

    def __init__(
        self, pool: "Pool", endpoint: "Endpoint", key: str | None, limits: Limits, tracing: ModelTracing
    ) -> None:
        super().__init__(pool, endpoint, key, limits)
        self._tracing = tracing

    @asynccontextmanager
    async def ask(
        self,
        request: Mapping[str, Any],
        reply: Reply,
        *,
        stream: bool,
        seconds: float | None = None,
        usage: bool = True,
        more: bytes = b"",
    ) -> AsyncIterator[Answer]:
        """Do what `Client.ask` does, within a span."""
        origin = self._origin
        with self._tracing.model(request["model"], origin.host, origin.port, request) as span:
            more += b"".join(f"{name}: {value}\r\n".encode("ascii") for name, value in span.headers)
            try:
                asked = super().ask(request, reply, stream=stream, seconds=seconds, usage=usage, more=more)
                async with asked as answer:
                    yield answer
            finally:
                span.answered(reply.tokens, reply.finish_reason)
