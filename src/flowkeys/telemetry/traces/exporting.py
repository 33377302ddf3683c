"""Where spans go: as the standard variables of OpenTelemetry say.

https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
"""

import os
from typing import Final

from flowkeys.domain.errors import ConfigurationError
from flowkeys.domain.version import VERSION

try:
    from opentelemetry import trace
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter
except ImportError as error:
    raise ConfigurationError(
        "FLOWKEYS_TRACES is set, and OpenTelemetry is not installed. Run: pip install 'flowkeys[otel]'"
    ) from error

_EXPORTER: Final = "OTEL_TRACES_EXPORTER"
_PROTOCOLS: Final = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_HTTP: Final = "http/protobuf"


def provider() -> TracerProvider:
    """Return what makes spans and sends them; where `opentelemetry-instrument` set one up, that.

    Raises:
        ConfigurationError: a variable asks for what is not there.
    """
    known = trace.get_tracer_provider()
    if isinstance(known, TracerProvider):
        return known
    ours = Resource({SERVICE_NAME: "flowkeys", SERVICE_VERSION: VERSION})
    named = "service.name=" in os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    said = Resource.create()
    if not os.environ.get("OTEL_SERVICE_NAME") and not named:
        said = said.merge(ours)  # else it would be called unknown_service
    made = TracerProvider(resource=ours.merge(said), shutdown_on_exit=False)
    exporter = _exporter()
    if exporter is not None:
        made.add_span_processor(BatchSpanProcessor(exporter))
    return made


def destination() -> str:
    """Return in words where spans go.

    Raises:
        ConfigurationError: a variable asks for what is not there.
    """
    kind = _kind()
    if kind == "none":
        return f"nowhere ({_EXPORTER}=none)"
    if kind == "console":
        return "the standard output"
    whole = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    base = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or "http://localhost:4318"
    return (whole or f"{base.rstrip('/')}/v1/traces").partition("?")[0]


def _kind() -> str:
    kind = os.environ.get(_EXPORTER) or "otlp"
    if kind not in {"otlp", "console", "none"}:
        raise ConfigurationError(f"{_EXPORTER} may be otlp, console or none.")
    for name in _PROTOCOLS:
        protocol = os.environ.get(name)
        if kind == "otlp" and protocol:
            if protocol != _HTTP:
                raise ConfigurationError(
                    f"{name} may be {_HTTP} here: spans are sent over HTTP, to port 4318 of most collectors."
                )
            break
    return kind


def _exporter() -> SpanExporter | None:
    kind = _kind()
    if kind == "none":
        return None
    return ConsoleSpanExporter() if kind == "console" else OTLPSpanExporter()
