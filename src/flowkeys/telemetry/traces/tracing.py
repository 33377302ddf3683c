"""Spans, as the semantic conventions of OpenTelemetry for HTTP and for generative models have them."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from opentelemetry import context, trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from flowkeys.domain.version import VERSION

_PARTS: Final = TraceContextTextMapPropagator()
"""W3C Trace Context alone: baggage is what a caller wrote."""
_HEADERS: Final = {b"traceparent": "traceparent", b"tracestate": "tracestate"}
_FACTS: Final = {"key_id": "flowkeys.key.id", "chatflow_id": "flowkeys.chatflow.id", "code": "flowkeys.code"}
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_PARAMETERS: Final = {
    "temperature": "gen_ai.request.temperature",
    "top_p": "gen_ai.request.top_p",
    "max_tokens": "gen_ai.request.max_tokens",
    "max_completion_tokens": "gen_ai.request.max_tokens",
    "frequency_penalty": "gen_ai.request.frequency_penalty",
    "presence_penalty": "gen_ai.request.presence_penalty",
    "seed": "gen_ai.request.seed",
}
_FAULT: Final = 500


class Traces:
    """Implements `RequestTracing` and `ModelTracing`."""

    def __init__(self, provider: TracerProvider) -> None:
        """Make spans with `provider`."""
        self._provider = provider
        self._tracer = provider.get_tracer("flowkeys", VERSION)

    def stop(self) -> None:
        """Send what is left; this may wait for a collector."""
        self._provider.shutdown()

    @contextmanager
    def request(
        self, method: str, headers: Iterable[tuple[bytes, bytes]], *, trusted: bool
    ) -> Iterator["_Request"]:
        """Begin the span of a request."""
        sent = _PARTS.extract(_carried(headers), context.Context())
        caller = trace.get_current_span(sent).get_span_context()
        method = method if method in _METHODS else "_OTHER"
        with self._tracer.start_as_current_span(
            method,
            sent if trusted else context.Context(),
            SpanKind.SERVER,
            {"http.request.method": method},
            [Link(caller)] if caller.is_valid and not trusted else None,
            record_exception=False,  # what it says may hold what a caller wrote
            set_status_on_exception=False,
        ) as span:
            yield _Request(span, method)

    @contextmanager
    def model(self, name: str, host: str, port: int, parameters: Mapping[str, Any]) -> Iterator["_Model"]:
        """Begin the span of a call of a model. It is not made the current one: nothing is called in it."""
        span = self._tracer.start_span(
            f"chat {name}",
            kind=SpanKind.CLIENT,
            attributes={
                "gen_ai.operation.name": "chat",
                "gen_ai.provider.name": "openai",  # whose form it is, for all that speak it
                "gen_ai.request.model": name,
                "server.address": host,
                "server.port": port,
                **{
                    _PARAMETERS[key]: value
                    for key, value in parameters.items()
                    if key in _PARAMETERS and isinstance(value, int | float)
                },
            },
        )
        handed: dict[str, str] = {}
        _PARTS.inject(handed, trace.set_span_in_context(span))
        try:
            yield _Model(span, tuple(handed.items()))
        except BaseException as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()


class _Request:
    """Implements `RequestSpan`."""

    def __init__(self, span: Span, method: str) -> None:
        self._span = span
        self._method = method
        self.trace_id = trace.format_trace_id(span.get_span_context().trace_id)

    def ended(self, route: str | None, status: int, facts: Mapping[str, Any]) -> None:
        """Say how it ended."""
        span = self._span
        if route is not None:
            span.update_name(f"{self._method} {route}")
            span.set_attribute("http.route", route)
        span.set_attribute("http.response.status_code", status)
        for name, attribute in _FACTS.items():
            if name in facts:
                span.set_attribute(attribute, facts[name])
        if status >= _FAULT or not status:
            span.set_attribute("error.type", str(facts.get("code", status)))
            span.set_status(Status(StatusCode.ERROR))


class _Model:
    """Implements `ModelSpan`."""

    def __init__(self, span: Span, headers: Sequence[tuple[str, str]]) -> None:
        self._span = span
        self.headers = headers

    def answered(self, tokens: tuple[int, int], finish_reason: str | None) -> None:
        """Say how it ended."""
        for name, count in zip(("input", "output"), tokens, strict=True):
            if count:
                self._span.set_attribute(f"gen_ai.usage.{name}_tokens", count)
        if finish_reason is not None:
            self._span.set_attribute("gen_ai.response.finish_reasons", (finish_reason,))


def _carried(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return what headers say of a trace; what is there twice is nothing (W3C Trace Context, section 3.2)."""
    found: dict[str, str] = {}
    for name, value in headers:
        known = _HEADERS.get(name)
        if known is None:
            continue
        if known == "traceparent" and known in found:
            return {}
        text = value.decode("latin-1")
        found[known] = f"{found[known]},{text}" if known in found else text
    return found
