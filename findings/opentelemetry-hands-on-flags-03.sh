#!/bin/sh
# opentelemetry-sdk 1.45.2: the traceparent that is handed on for a sampled root span ends in -03, not in -01.
#
# Every example of traceparent, that of W3C Trace Context itself included, ends in -01 (sampled) or -00, and so did what this SDK
# sent for years (1.30.0 below). Many receivers compare the last field with "01". Since the SDK sets the "random" flag of W3C
# Trace Context Level 2 for ids that its generator drew, the field is 03: whoever compares it as text takes each trace for one
# that is not sampled, and whoever goes on with a caller's trace keeps the caller's flags. Only a test of the lowest bit is right.
#
# Seen: 1.30.0: 01. 1.45.2: 03; in a trace that a caller began with 01: 01.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/flags.py" <<'PYTHON'
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

PARTS = TraceContextTextMapPropagator()
CALLER = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}


def handed_on(context=None) -> str:
    span = TracerProvider().get_tracer("finding").start_span("call", context)
    carrier: dict[str, str] = {}
    PARTS.inject(carrier, trace.set_span_in_context(span))
    return carrier["traceparent"].rpartition("-")[2]


print(handed_on(), handed_on(PARTS.extract(CALLER)))
PYTHON
flags() {
    python3 -m venv "$folder/$1"
    "$folder/$1/bin/pip" install --quiet --disable-pip-version-check "opentelemetry-sdk==$1"
    "$folder/$1/bin/python" "$folder/flags.py"
}
before=$(flags 1.30.0)
now=$(flags 1.45.2)
echo "root span, and span of a caller's trace: 1.30.0 $before, 1.45.2 $now"
[ "$before" = "01 01" ] && [ "$now" = "03 01" ]
