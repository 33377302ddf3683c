"""Spans, read as a collector reads them: OTLP over HTTP, decoded with the protocol's own definitions."""

import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from flowkeys.flows.drafts.templates import openai_flow
from tests.support.flows import bound_key, events, exported, make_chatflow
from tests.support.raw_model import CHUNKED, DONE, RawModel, chunk, in_a_thread, record, whole
from tests.support.receiver import Receiver, answering
from tests.support.server import Running
from tests.support.waiting import until

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"
USAGE = {"prompt_tokens": 11, "completion_tokens": 7, "total_tokens": 18}
SERVER, CLIENT = 2, 3


class Span(NamedTuple):
    """One span."""

    name: str
    kind: int
    trace: str
    id: str
    parent: str
    links: list[str]
    attributes: dict[str, Any]
    is_error: bool


class Collector:
    """Reads what was sent."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def requests(self) -> list[ExportTraceServiceRequest]:
        """Return what was sent so far."""
        assert {one.path for one in self._receiver.received} <= {"/v1/traces"}
        return [ExportTraceServiceRequest.FromString(one.body) for one in list(self._receiver.received)]

    def spans(self) -> list[Span]:
        """Return all spans so far."""
        return [
            Span(
                span.name,
                span.kind,
                span.trace_id.hex(),
                span.span_id.hex(),
                span.parent_span_id.hex(),
                [link.trace_id.hex() for link in span.links],
                {one.key: plain(one.value) for one in span.attributes},
                span.status.code == 2,
            )
            for request in self.requests()
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def of(self, wanted: Callable[[Span], bool], what: str) -> Span:
        """Wait for a span, and return it."""
        return until(lambda: next((span for span in self.spans() if wanted(span)), None), what)

    @property
    def bytes(self) -> bytes:
        """Return all that was sent."""
        return b"".join(one.body for one in self._receiver.received)


def plain(value: Any) -> Any:
    """Return a value as Python has it."""
    kind = value.WhichOneof("value")
    return [plain(one) for one in value.array_value.values] if kind == "array_value" else getattr(value, kind)


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    """A collector, which the standard variables name for all that is started meanwhile."""
    receiver = Receiver()
    receiver.answer = answering(200)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", f"http://127.0.0.1:{receiver.port}")
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "20")
        patch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        yield Collector(receiver)
    receiver.close()


@pytest.fixture(scope="module")
def model() -> Iterator[RawModel]:
    """A model."""
    with in_a_thread() as made:
        yield made


@pytest.fixture(scope="module")
def traced(collector: Collector, model: RawModel, serve: Callable[..., Running]) -> Running:
    """A server that traces, whose callers are nobody's proxy."""
    del collector
    return serve(traces=True, allowed_endpoints=(model.url,))


def answer(content: str) -> bytes:
    """Return a model's whole answer."""
    message = {"role": "assistant", "content": content}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return whole(json.dumps({"model": "m-1", "choices": choices, "usage": USAGE}).encode())


def parent_of(model: RawModel) -> str:
    """Return the ``traceparent`` of the last call that a model got."""
    head = model.sent[-1].headers.decode().lower()
    (line,) = [line for line in head.split("\r\n") if line.startswith("traceparent:")]
    return line.partition(":")[2].strip()


@pytest.mark.parametrize("streaming", [False, True])
def test_a_prediction_is_a_span_and_its_model_another_in_it(
    streaming: bool, traced: Running, collector: Collector, model: RawModel
) -> None:
    """The model's server is told the same trace, and nothing of what was said is in any of them."""
    with traced.owner() as owner:
        chatflow = make_chatflow(owner, "Secret flow", openai_flow(model.url, "m-1"))
        key = bound_key(owner, chatflow, "Secret key")
    if streaming:
        tail = b"data: " + json.dumps({"choices": [], "usage": USAGE}).encode() + b"\n\n"
        model.says(CHUNKED, chunk(record("Secret answer", finish_reason="stop") + tail + DONE), chunk(b""))
    else:
        model.says(answer("Secret answer"))
    caller = traced.api(key["apiKey"])
    path = f"/prediction/{chatflow['id']}"
    body = {"question": "Secret question", "streaming": streaming, "sessionId": "Secret session"}
    told = caller.post(path, json=body)
    assert told.is_success
    assert not streaming or events(told.text)[-1]["event"] == "end"
    span = collector.of(lambda one: one.attributes.get("flowkeys.chatflow.id") == chatflow["id"], "the span")
    assert (span.name, span.kind, span.parent) == ("POST /api/v1/prediction/{chatflow_id}", SERVER, "")
    assert span.attributes == {
        "http.request.method": "POST",
        "http.route": "/api/v1/prediction/{chatflow_id}",
        "http.response.status_code": 200,
        "flowkeys.key.id": key["id"],
        "flowkeys.chatflow.id": chatflow["id"],
    }
    asked = collector.of(lambda one: one.parent == span.id, "the model's span")
    assert (asked.name, asked.kind, asked.trace) == ("chat m-1", CLIENT, span.trace)
    assert asked.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m-1",
        "server.address": "127.0.0.1",
        "server.port": model.port,
        "gen_ai.usage.input_tokens": 11,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.response.finish_reasons": ["stop"],
        **{k: v for k, v in asked.attributes.items() if k == "gen_ai.request.temperature"},
    }
    assert parent_of(model).startswith(f"00-{span.trace}-{asked.id}-0")
    assert b"Secret" not in collector.bytes
    assert key["apiKey"].encode() not in collector.bytes


def test_a_model_that_fails_is_an_error_without_its_words(
    traced: Running, collector: Collector, model: RawModel
) -> None:
    """Both spans say so, by a code; what the model's server wrote stays in the operator's log."""
    with traced.owner() as owner:
        chatflow = make_chatflow(owner, "Fails", openai_flow(model.url, "m-2"))
        key = bound_key(owner, chatflow)
    model.says(whole(b'{"error":{"message":"Slow down, Ada."}}', status=b"429 Too Many"))
    path = f"/prediction/{chatflow['id']}"
    assert traced.api(key["apiKey"]).post(path, json={"question": "Hi"}).status_code == 502
    asked = collector.of(lambda one: one.name == "chat m-2", "the model's span")
    assert (asked.is_error, asked.attributes["error.type"]) == (True, "ModelError")
    span = collector.of(lambda one: one.id == asked.parent, "the span")
    assert (span.is_error, span.attributes["error.type"]) == (True, "upstream_failed")
    assert b"Ada" not in collector.bytes


def test_whose_part_a_request_is_strangers_do_not_say(traced: Running, collector: Collector) -> None:
    """Given a caller that is no trusted proxy, its trace is a link, and the span a root of its own."""
    with traced.owner() as owner:
        assert owner.get("/apikey?search=Secret", headers={"traceparent": TRACEPARENT}).is_success
    span = collector.of(lambda one: TRACE in one.links, "the span with the link")
    assert (span.name, span.parent) == ("GET /api/v1/apikey", "")
    assert span.trace != TRACE
    assert "flowkeys.key.id" in span.attributes
    assert b"Secret" not in collector.bytes


def test_of_a_trusted_proxy_it_is_believed(collector: Collector, start: Callable[..., Running]) -> None:
    """The span is the child of the proxy's; what is malformed or there twice begins a trace of its own."""
    behind = start(traces=True, trusted_proxies=("127.0.0.1",))
    with behind.owner() as owner:
        chatflow = make_chatflow(owner, flow_data=exported())
        caller = behind.api(bound_key(owner, chatflow)["apiKey"])
        body = {"question": "Hi"}
        caller.post(f"/prediction/{chatflow['id']}", json=body, headers={"traceparent": TRACEPARENT})
        twice = [("traceparent", TRACEPARENT), ("traceparent", TRACEPARENT.replace("0af", "0ae"))]
        for headers in (twice, [("traceparent", "00-nonsense-01")]):
            assert owner.get("/customers", headers=headers).is_success
    span = collector.of(lambda one: one.parent == PARENT, "the child")
    assert (span.name, span.trace) == ("POST /api/v1/prediction/{chatflow_id}", TRACE)
    until(lambda: len([s for s in collector.spans() if s.name == "GET /api/v1/customers"]) == 2, "the others")
    others = [one for one in collector.spans() if one.name == "GET /api/v1/customers"]
    assert {(one.parent, len(one.links)) for one in others} == {("", 0)}
    assert len({one.trace for one in others} | {TRACE}) == 3


def test_what_is_no_route_has_no_path_in_its_span(traced: Running, collector: Collector) -> None:
    """A path as it was sent may hold anything; health checks are no spans, verification neither."""
    with traced.owner() as owner:
        assert owner.get("/ping").is_success
        assert owner.get("/auth/verify").is_success
        assert owner.post("/apikey/verify", json={}).is_success
        assert owner.get("/hidden/path?and=query").status_code == 404
    span = collector.of(lambda one: one.name == "GET", "the span without a route")
    assert span.attributes["http.response.status_code"] == 404
    assert b"hidden" not in collector.bytes
    names = {one.name for one in collector.spans()}
    assert not [name for name in names if "ping" in name or "verify" in name]


def test_the_service_says_which_it_is(traced: Running, collector: Collector) -> None:
    """Named flowkeys unless the standard variables name it, with what they add."""
    with traced.owner() as owner:
        owner.get("/apikey")
    until(collector.requests, "a request")
    (resource, *_) = collector.requests()[0].resource_spans
    said = {one.key: plain(one.value) for one in resource.resource.attributes}
    assert said["service.name"] == "flowkeys"
    assert said["deployment.environment.name"] == "test"
    assert said["telemetry.sdk.language"] == "python"


def test_a_log_line_names_the_trace(
    collector: Collector, start: Callable[..., Running], capsys: pytest.CaptureFixture[str]
) -> None:
    """From a slow span to its line, and back; a clean stop sends what is left."""
    own = start(traces=True, access_log=True, log_format="json")
    with own.owner() as owner:
        owner.get("/policy")
    own.stop()
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines() if line.startswith("{")]
    (line,) = [line for line in lines if line.get("route") == "/api/v1/policy"]
    assert line["trace_id"] in {one.trace for one in collector.spans() if one.name == "GET /api/v1/policy"}


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "may be otlp, console or none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "http/protobuf"),
    ],
)
def test_what_is_not_there_is_told(
    variable: str, value: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exporter that this server does not have stops the start with a sentence."""
    from flowkeys.domain.errors import ConfigurationError
    from flowkeys.telemetry.traces.exporting import destination

    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=words) as raised:
        destination()
    assert variable in str(raised.value)


def test_without_the_extra_the_start_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for and missing: the sentence names the setting and the command."""
    from flowkeys.domain.errors import ConfigurationError

    name = "flowkeys.telemetry.traces.exporting"
    monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(ConfigurationError, match=r"FLOWKEYS_TRACES .* pip install 'flowkeys\[otel\]'"):
        __import__(name)
