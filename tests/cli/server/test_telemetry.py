"""Metrics and traces: where they are, what stands in their way, and what the doctor says of them."""

import socket

import pytest

from flowkeys.config import load
from flowkeys.domain.errors import ConfigurationError
from flowkeys.telemetry import logs
from tests.cli.conftest import Cli
from tests.cli.test_doctor import findings
from tests.support.programs.ports import free_port
from tests.support.server import Running


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"metrics_port": 70_000}, "less than or equal to 65535"),
        ({"metrics_port": "many"}, "valid integer"),
        ({"metrics_port": 3000}, "the port of the server itself"),
        ({"metrics_port": 8000, "port": 8000}, "the port of the server itself"),
        ({"metrics_host": "http://x"}, "an address or a name only"),
    ],
)
def test_a_wrong_setting_is_told(settings: dict[str, object], words: str) -> None:
    """What is wrong, and of which setting."""
    with pytest.raises(ConfigurationError, match=words) as raised:
        load(**settings)
    assert "metrics_" in str(raised.value)


def test_they_are_off_unless_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing set, an empty variable, and what Kubernetes sets for a Service of that name open no port."""
    assert load().metrics_port is None
    for value in ("", " ", "tcp://10.96.12.7:9090"):
        monkeypatch.setenv("FLOWKEYS_METRICS_PORT", value)
        assert load().metrics_port is None
    monkeypatch.setenv("FLOWKEYS_METRICS_PORT", "9464")
    assert load().metrics_port == 9464
    assert load(uds="/run/x.sock", metrics_port=3000).metrics_port == 3000, "no port is opened beside it"


def test_a_taken_port_stops_the_start(local: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code is 3, and the sentence names the settings."""
    monkeypatch.setattr(logs, "take_over", lambda: None)  # of this process, which runs other tests
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = str(taken.getsockname()[1])
        result = local("serve", "--port", "0", FLOWKEYS_METRICS_PORT=number)
        doctor = local("doctor", "--json", FLOWKEYS_METRICS_PORT=number)
    assert result.code == 3
    assert f"Cannot listen on 127.0.0.1 port {number}: Address already in use" in result.err
    assert "FLOWKEYS_METRICS_PORT" in result.err
    (finding,) = findings(doctor, "metrics", "fail")
    assert "FLOWKEYS_METRICS_PORT" in finding


def test_the_doctor_knows_our_own(local: Cli, start: object) -> None:
    """A server that tells its metrics is well; so is a free port; every network is worth a warning."""
    own: Running = start(metrics_port=0)  # type: ignore[operator]
    assert own.metrics_url is not None
    number = own.metrics_url.removesuffix("/metrics").rpartition(":")[2]
    (found,) = findings(local("doctor", "--json", FLOWKEYS_METRICS_PORT=number), "metrics", "ok")
    assert "tells its metrics" in found
    free = str(free_port())
    settings = {"FLOWKEYS_METRICS_PORT": free, "FLOWKEYS_METRICS_HOST": "0.0.0.0"}  # noqa: S104
    report = local("doctor", "--json", **settings)
    assert ["is free" in text for text in findings(report, "metrics", "ok")] == [True]
    assert ["every network" in text for text in findings(report, "metrics", "warn")] == [True]
    assert findings(local("doctor", "--json"), "metrics", "ok") == []


def test_the_doctor_says_where_spans_go(local: Cli) -> None:
    """By the standard variables, and what is wrong with them; nothing when nobody asks for traces."""
    endpoint = {"FLOWKEYS_TRACES": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector:4318/"}
    (found,) = findings(local("doctor", "--json", **endpoint), "traces", "ok")
    assert "http://collector:4318/v1/traces" in found
    wrong = {"FLOWKEYS_TRACES": "true", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    (found,) = findings(local("doctor", "--json", **wrong), "traces", "fail")
    assert "OTEL_EXPORTER_OTLP_PROTOCOL" in found
    assert findings(local("doctor", "--json"), "traces", "ok") == []


def test_a_wrong_exporter_stops_the_start(local: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code is 3, before anything is opened."""
    monkeypatch.setattr(logs, "take_over", lambda: None)
    result = local("serve", "--port", "0", FLOWKEYS_TRACES="1", OTEL_TRACES_EXPORTER="zipkin")
    assert result.code == 3
    assert "OTEL_TRACES_EXPORTER" in result.err
